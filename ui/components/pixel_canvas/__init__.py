"""A canvas for painting pixels and for drawing with a fine pen: a mask, and a digit.

The browser owns the pixels. Python replaces them by raising `revision` (a preset, an upload, a
link); at any other rerun the pixels in the browser stay, so a late rerun never loses a stroke.
After each stroke the browser sends all pixels, packed to bits, as the state `pixels`; a value of
another form or revision is ignored.

Streamlit drops the state of a component that was not on screen, so the caller stores the last bits
elsewhere and passes them again:

    stroke = pixel_canvas("hidden", mode="mask", height=28, width=28, bits=saved.bits,
                          revision=saved.revision, background=picture, label="Hide pixels")
    if stroke is not None:
        saved.bits = stroke.bits

Ink drawn with a round pen is a separate layer, the state `drawing`, with its own bits, revision
and history. Its grid is `GRAIN` times finer, and the brightness of a pixel is its fraction of ink,
as the pixels of MNIST were made from black-and-white scans. 28×28 pixels take 1.6 kB."""

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
    Path(__file__).parent,
    *("visually_hidden", "bits", "hidden_pixels", "radio_group", "steering", "unsent"),
)

GRAIN = 4
"""Cells of a drawing along one side of a pixel."""


class Stroke(NamedTuple):
    """The pixels after the last stroke of the visitor."""

    bits: np.ndarray
    """(H, W) bool, True = painted: hidden in mode "mask", ink in mode "ink"."""
    number: int
    """Increases by one with each stroke, undo, redo, invert and clear."""


class Drawing(NamedTuple):
    """Ink on a grid `GRAIN` times finer than the pixels."""

    bits: np.ndarray
    """(GRAIN·H, GRAIN·W) bool, shown when the canvas appears or `revision` changes."""
    revision: int
    """Raise it to replace the ink in the browser by `bits`."""
    settled: np.ndarray | None = None
    """The centred ink, which replaces the ink in the browser when the visitor switches to Hide.
    The visitor can undo that. Centring it again must not change it."""
    label: str = "Draw a digit"
    """Shown above the canvas in the mode Draw."""


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
    drawing: Drawing | None = None,
    quiet: str | None = None,
) -> Stroke | None:
    """Show the canvas; return the pixels painted since `revision`, or None.

    Args:
        key: Streamlit key, one for each canvas on screen.
        mode: "mask" paints the hidden pixels over `background`; "ink" paints white on black.
        height: Rows of the grid.
        width: Columns of the grid.
        bits: (H, W) bool, shown when the canvas appears or `revision` changes.
        revision: Raise it to replace the pixels in the browser by `bits`. The visitor can
            undo that; a stroke sent before it arrived is dropped.
        background: (H, W) or (H, W, 3) uint8. A new background does not change the pixels.
        on_change: Called before the rerun that a stroke starts; see `painted`.
        max_width: Largest width on screen, in CSS pixels.
        label: Shown above the grid, also for screen readers.
        peek: Whether the background is faintly visible under hidden pixels.
        drawing: If given, the visitor can switch between drawing and hiding on the same canvas.
            `background` is the image made from the drawing, shown while hiding. `drawn` reads
            the ink.
        quiet: Name in the address of the page. If given, strokes of the mask start no rerun: the
            browser writes the mask into the address, and sends it when the visitor uses another
            part of the page. `window.pixelCanvases` has it at any time.

    Raises:
        ValueError: `bits`, `background` or `drawing` does not have the size of the grid.
    """
    _expect(bits, height, width)
    # The state may be one stroke ahead of the caller, so a new mount shows the returned stroke.
    stroke = painted(key, height, width, revision)
    shown = bits if stroke is None else stroke.bits
    layers = [_layer("pixels", mode, shown, revision, label)]
    if drawing is not None:
        layers.insert(0, _drawing(key, height, width, drawing))
    result = _COMPONENT(
        key=key,
        data={
            "key": key,
            "height": height,
            "width": width,
            "layers": layers,
            "background": None if background is None else _picture(background, height, width),
            "peek": peek,
            "maxWidth": max_width,
            "quiet": quiet,
        },
        on_pixels_change=on_change or (lambda: None),
        on_drawing_change=lambda: None,
    )
    return parse(result.get("pixels"), height, width, revision)


def drawing_canvas(
    key: str, *, height: int, width: int, drawing: Drawing, max_width: int = 360
) -> Stroke | None:
    """A canvas for drawing with a round pen only; return the ink drawn since the revision of the
    drawing, (GRAIN·H, GRAIN·W), or None.

    Args:
        key: Streamlit key.
        height: Rows of pixels.
        width: Columns of pixels.
        drawing: The ink on the canvas.
        max_width: Largest width on screen, in CSS pixels.

    Raises:
        ValueError: the drawing has another size.
    """
    result = _COMPONENT(
        key=key,
        data={
            "key": key,
            "height": height,
            "width": width,
            "layers": [_drawing(key, height, width, drawing)],
            "background": None,
            "peek": False,
            "maxWidth": max_width,
            "quiet": None,
        },
        on_pixels_change=lambda: None,
        on_drawing_change=lambda: None,
    )
    return parse(result.get("drawing"), GRAIN * height, GRAIN * width, drawing.revision)


def painted(key: str, height: int, width: int, revision: int) -> Stroke | None:
    """The last stroke on the canvas `key`, read from the session; for use inside `on_change`."""
    return parse(_state(key).get("pixels"), height, width, revision)


def drawn(key: str, height: int, width: int, revision: int) -> Stroke | None:
    """The ink after the last stroke of drawing on the canvas `key`, (GRAIN·H, GRAIN·W)."""
    return parse(_state(key).get("drawing"), GRAIN * height, GRAIN * width, revision)


def _state(key: str) -> dict[str, object]:
    state = st.session_state.get(key)
    return state if isinstance(state, dict) else {}


def _layer(
    name: str, kind: str, bits: np.ndarray, revision: int, label: str
) -> dict[str, str | int | None]:
    """The data of one layer for the browser."""
    return {"name": name, "kind": kind, "bits": pack(bits), "rev": revision, "label": label}


def _drawing(key: str, height: int, width: int, drawing: Drawing) -> dict[str, str | int | None]:
    _expect(drawing.bits, GRAIN * height, GRAIN * width)
    stroke = drawn(key, height, width, drawing.revision)
    shown = drawing.bits if stroke is None else stroke.bits
    layer = _layer("drawing", "drawing", shown, drawing.revision, drawing.label)
    moves = drawing.settled is not None and not np.array_equal(drawing.settled, shown)
    return layer | {"grain": GRAIN, "settled": pack(drawing.settled) if moves else None}


def _expect(bits: np.ndarray, height: int, width: int) -> None:
    if bits.shape != (height, width) or bits.dtype != bool:
        raise ValueError(
            f"expected bits of shape {(height, width)} and type bool, "
            f"got {bits.shape} and {bits.dtype}"
        )


def parse(value: object, height: int, width: int, revision: int) -> Stroke | None:
    """The stroke that the browser sent, or None for anything else. Never raises."""
    if not isinstance(value, dict):
        return None
    number = value.get("stroke")
    sent = (value.get("height"), value.get("width"), value.get("rev"))
    if any(type(n) is not int for n in (number, *sent)):  # a bool is not a number here
        return None
    if sent != (height, width, revision) or not 1 <= number < 2**53:
        return None
    try:
        return Stroke(unpack(value.get("bits"), height, width), number)
    except ValueError:
        return None


def _picture(background: np.ndarray, height: int, width: int) -> dict[str, int | str]:
    """Raw bytes of a grey or RGB image for the browser."""
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
