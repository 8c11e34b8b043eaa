"""A pixel grid to paint on: which pixels of a picture are hidden, or the ink of a digit.

The browser owns the pixels. Python says what it wants shown by raising `revision` (a preset, an
upload, a link); at any other rerun the pixels in the browser stand, so a late rerun never eats a
stroke. After each finished stroke the browser sends all pixels, packed to bits, as the state
`pixels`; what is not exactly of that form, or belongs to another revision, is ignored.

Streamlit forgets the state of a component that was not on screen, so the caller keeps the last
bits elsewhere and hands them in again:

    stroke = pixel_canvas("hidden", mode="mask", height=28, width=28, bits=saved.bits,
                          revision=saved.revision, background=picture, label="Hide pixels")
    if stroke is not None:
        saved.bits = stroke.bits
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import streamlit as st

from ui.components import inline_component
from ui.components.bits import pack, unpack

_COMPONENT = inline_component(
    Path(__file__).parent, "visually_hidden", "bits", "hidden_pixels", "steering"
)


class Stroke(NamedTuple):
    """The pixels after the visitor's last stroke."""

    bits: np.ndarray
    """(H, W) bool, True = painted: hidden in mode "mask", ink in mode "ink"."""
    number: int
    """Grows by one with each stroke, undo, redo, invert and clear."""


def pixel_canvas(
    key: str,
    *,
    mode: Literal["mask", "ink"],
    height: int,
    width: int,
    bits: np.ndarray,
    revision: int,
    background: np.ndarray | None = None,
    on_change: Callable[[], None] | None = None,
    max_width: int = 360,
    label: str,
    peek: bool = False,
) -> Stroke | None:
    """Show the canvas; return what was painted since `revision`, or None.

    Args:
        key: Streamlit key, one for each canvas on screen.
        mode: "mask" paints the hidden pixels over `background`; "ink" paints white on black.
        height: Rows of the grid.
        width: Columns of the grid.
        bits: (H, W) bool, shown when the canvas appears or `revision` changes.
        revision: Raise it to replace the pixels in the browser by `bits`. The visitor can
            undo that; a stroke that crossed it on the way is dropped.
        background: (H, W) or (H, W, 3) uint8. Changing it leaves the pixels alone.
        on_change: Called before the rerun that a stroke starts; see `painted`.
        max_width: Largest width on screen, in CSS pixels.
        label: Shown above the grid, and its name for screen readers.
        peek: Whether hidden pixels still show a trace of the background.

    Raises:
        ValueError: `bits` or `background` does not fit the grid.
    """
    if bits.shape != (height, width) or bits.dtype != bool:
        raise ValueError(
            f"expected bits of shape {(height, width)} and type bool, "
            f"got {bits.shape} and {bits.dtype}"
        )
    # The state may be one stroke ahead of the caller: a remount shows what will be returned.
    stroke = painted(key, height, width, revision)
    result = _COMPONENT(
        key=key,
        data={
            "key": key,
            "mode": mode,
            "height": height,
            "width": width,
            "bits": pack(bits if stroke is None else stroke.bits),
            "rev": revision,
            "background": None if background is None else _picture(background, height, width),
            "peek": peek,
            "label": label,
            "maxWidth": max_width,
        },
        on_pixels_change=on_change or (lambda: None),
    )
    return parse(result.get("pixels"), height, width, revision)


def painted(key: str, height: int, width: int, revision: int) -> Stroke | None:
    """The last stroke on the canvas `key`, read from the session: for use inside `on_change`."""
    state = st.session_state.get(key)
    return parse(state.get("pixels"), height, width, revision) if isinstance(state, dict) else None


def parse(value: object, height: int, width: int, revision: int) -> Stroke | None:
    """What the browser sent → the stroke, or None for anything else. Never raises."""
    if not isinstance(value, dict):
        return None
    number = value.get("stroke")
    sent = (value.get("height"), value.get("width"), value.get("rev"))
    if any(type(n) is not int for n in (number, *sent)):  # bool is no number here
        return None
    if sent != (height, width, revision) or not 1 <= number < 2**53:
        return None
    try:
        return Stroke(unpack(value.get("bits"), height, width), number)
    except ValueError:
        return None


def _picture(background: np.ndarray, height: int, width: int) -> dict[str, int | str]:
    """Raw bytes of a grey or RGB picture, for the browser."""
    if background.shape not in ((height, width), (height, width, 3)):
        raise ValueError(
            f"expected a background of shape {(height, width)} or {(height, width, 3)}, "
            f"got {background.shape}"
        )
    if background.dtype != np.uint8:
        raise ValueError(f"expected a background of type uint8, got {background.dtype}")
    return {
        "channels": 1 if background.ndim == 2 else 3,
        "bytes": base64.b64encode(np.ascontiguousarray(background)).decode("ascii"),
    }
