"""The choice of an image and a mask in the view of missing pixels.

Both are kept as text for share links: the number of a test image or the bits of a drawing, and the
name of a shape or the bits of a painted mask.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st
from torch import Tensor

from dgm_core import data
from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.missing import masks
from dgm_core.rng import generator
from ui import cache, data_fetching
from ui.components.bits import pack, unpack
from ui.components.pixel_canvas import painted, pixel_canvas
from ui.components.thumbnails import thumbnails
from ui.links import Setting

SHOWN = 12
"""Number of test images to choose from."""
SETS = {"digits": "Digits (scikit-learn)", "mnist": "MNIST"}


def _corner(row: int, column: int) -> Callable[[], Tensor]:
    """Only one quarter of the image is observed."""
    half = DIGIT_SIDE // 2
    return lambda: ~masks.box(DIGIT_SIDE, DIGIT_SIDE, row * half, column * half, half, half)


SHAPES: dict[str, Callable[[], Tensor]] = {
    **{
        name: partial(masks.PRESETS[name], DIGIT_SIDE, DIGIT_SIDE)
        for name in ("top half", "bottom half", "left half", "right half")
    },
    "all but a corner": _corner(0, 0),
    "80 % at random": lambda: masks.random_pixels(DIGIT_SIDE, DIGIT_SIDE, 0.8, generator(0)),
}
"""Name → mask of the observed pixels."""


class Requested(NamedTuple):
    """An original and its hidden pixels, each (28, 28) bool."""

    original: np.ndarray
    hidden: np.ndarray


def bits(text: str) -> np.ndarray:
    """The pixels of a text, (28, 28) bool.

    Raises:
        ValueError: the text does not encode pixels.
    """
    return unpack(text, DIGIT_SIDE, DIGIT_SIDE)


def read_bits(text: str) -> str:
    """A text that encodes pixels, unchanged.

    Raises:
        ValueError: it does not encode pixels.
    """
    bits(text)
    return text


def read_mask(text: str) -> str:
    """The name of a shape or a text that encodes pixels, unchanged.

    Raises:
        ValueError: it is neither.
    """
    return text if text in SHAPES else read_bits(text)


SOURCE = Setting("plane source", "Pick", options=("Pick", "Draw"))
SET = Setting("plane set", "digits", options=SETS)
IMAGE = Setting("plane image", 33, low=0, high=9999)
DRAWING = Setting("plane drawing", pack(np.zeros((DIGIT_SIDE, DIGIT_SIDE), bool)), read=read_bits)
MASK = Setting("plane mask", "bottom half", read=read_mask)
SETTINGS = (SOURCE, SET, IMAGE, DRAWING, MASK)


def choose() -> Requested | None:
    """Canvas, shapes and images; None while there is no image or nothing is hidden."""
    canvas = st.container(border=True)
    with st.container(border=True):
        original = _image()
    if original is None:
        with canvas:
            st.caption("Draw a digit below. Then you can hide parts of it here.")
        return None
    with canvas:
        hidden = _mask(original)
    if not hidden.any():
        st.info("Nothing is hidden. Paint on the image, or choose a shape.")
        return None
    return Requested(original, hidden)


# --- the image --------------------------------------------------------------------------------


def _image() -> np.ndarray | None:
    source = SOURCE.widget(
        st.segmented_control,
        "Image",
        required=True,
        width="stretch",
        label_visibility="collapsed",
    )
    return _drawing() if source == "Draw" else _test_image()


def _drawing() -> np.ndarray | None:
    ink = bits(DRAWING.value)
    stroke = pixel_canvas(
        "plane ink",
        mode="ink",
        height=DIGIT_SIDE,
        width=DIGIT_SIDE,
        bits=ink,
        revision=0,
        label="Draw a digit",
        max_width=260,
    )
    if stroke is not None:
        ink = stroke.bits
        DRAWING.remember(pack(ink))
    return ink if ink.any() else None


def _test_image() -> np.ndarray:
    available = [name for name in SETS if name == "digits" or data.is_available(name)]
    name = "digits"
    if len(available) > 1:
        name = SET.widget(st.selectbox, "Images", options=available)
    if absent := [each for each in SETS if each not in available]:
        with data_fetching.more([SETS[each] for each in absent], absent):
            data_fetching.offer(*absent, part="plane")
    ink, labels, _ = cache.st_test_images(name)
    at = min(IMAGE.value, len(ink) - 1)
    rows = list(range(SHOWN)) if at < SHOWN else [*range(SHOWN - 1), at]
    clicked = thumbnails(
        "plane thumbnails",
        ink[rows].astype(np.uint8)[:, None] * 255,
        [f"{labels[row]}, test image {row}" for row in rows],
        rows.index(at),
        set_name=f"plane {name} {rows[-1]}",
        label="Choose an image",
        columns=6,
    )
    if clicked is not None and rows[clicked] != at:
        at = rows[clicked]
        IMAGE.remember(at)
    return ink[at]


# --- what is hidden ---------------------------------------------------------------------------


def _mask(original: np.ndarray) -> np.ndarray:
    """The canvas holds what is painted; a shape replaces it by raising the revision."""
    state = st.session_state
    text = MASK.value
    revision = state.setdefault("plane revision", 0)
    stroke = painted("plane canvas", DIGIT_SIDE, DIGIT_SIDE, revision)
    if stroke is not None:
        text = pack(stroke.bits)
        MASK.remember(text)
    hidden = ~SHAPES[text]().numpy() if text in SHAPES else bits(text)
    pixel_canvas(
        "plane canvas",
        mode="mask",
        height=DIGIT_SIDE,
        width=DIGIT_SIDE,
        bits=hidden,
        revision=revision,
        background=original.astype(np.uint8) * 255,
        label="Paint the pixels to hide",
        max_width=300,
        peek=True,
    )
    # The pills get a new key when a shape is chosen or painted over: the previous ones may send
    # their value once more, with the next stroke, and must not replace the stroke.
    key = state["plane pills"] = f"plane shape {revision} {text in SHAPES}"
    st.pills(
        "Or hide",
        list(SHAPES),
        default=text if text in SHAPES else None,
        key=key,
        on_change=_hide,
        args=(key,),
    )
    return hidden


def _hide(key: str) -> None:
    state = st.session_state
    name = state[key]
    if name is not None and key == state["plane pills"]:
        MASK.remember(name)
        state["plane revision"] += 1
