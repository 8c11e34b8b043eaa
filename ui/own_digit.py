"""A digit that the visitor draws, made into 28×28 pixels as MNIST's digits were.

Ink is black and white on a grid finer than the pixels, as the forms were scanned. Its bounding box
is fitted into 20×20 pixels and its centre of mass put in the middle of 28×28 (`intake.laid_out`);
a pixel is then as bright as its share of ink.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui import intake
from ui.components.pixel_canvas import GRAIN, Drawing, drawing_canvas
from ui.frame import kept, last_value

SIDE = 28
FINE = GRAIN * SIDE
"""Cells of the ink along an edge."""
CENTRED = "draw centre"
_LOOSE = 2, 4  # cells off its place, and off its size, that ink may be and yet stay


def levels(ink: np.ndarray) -> np.ndarray:
    """Ink (112, 112) bool → its share of each pixel, float (28, 28)."""
    return ink.reshape(SIDE, GRAIN, SIDE, GRAIN).mean((1, 3))


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """Pixels (28, 28) bool → the ink (112, 112) that fills them; `settled` leaves it alone."""
    return pixels.repeat(GRAIN, 0).repeat(GRAIN, 1)


def settled(ink: np.ndarray) -> np.ndarray:
    """Ink laid out as in MNIST, to the cell; bool (112, 112), as it comes.

    Ink in its place already, up to half a pixel, stays as it is, and so does a picture of whole
    pixels, which was laid out before. Hence settled ink settles as itself.
    """
    if not ink.any() or np.array_equal(ink, enlarged(levels(ink) > 0.5)) or _in_place(ink):
        return ink
    laid_out = intake.laid_out(ink, FINE) > 0.5
    # The threshold may shorten a tip that bicubic resampling made faint.
    return laid_out if _in_place(laid_out) else intake.laid_out(laid_out, FINE) > 0.5


def _in_place(ink: np.ndarray) -> bool:
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    place, size = _LOOSE
    top, left = intake.corner(box, FINE)
    return (
        abs(max(box.shape) - FINE * 20 // 28) <= size
        and abs(top - rows[0]) <= place
        and abs(left - columns[0]) <= place
    )


def is_centred() -> bool:
    """Whether drawings are centred, also before the toggle is drawn."""
    return bool(last_value(CENTRED, True))


def centre_toggle() -> None:
    """Whether drawings are centred: for all labs alike."""
    kept(CENTRED, True)
    st.toggle(
        "Centre as MNIST",
        key=f"keep.{CENTRED}",
        help="The ink is fitted into 20×20 pixels, keeping its ratio, and its centre of mass is "
        "put in the middle of 28×28: so were the digits made that the models learned from.",
    )


def as_asked(ink: np.ndarray) -> np.ndarray:
    """Ink where the toggle wants it."""
    return settled(ink) if is_centred() else ink


def draw_digit(key: str, name: str) -> np.ndarray | None:
    """A canvas for one digit, a three at first, and the toggle.

    Args:
        key: Streamlit key of the canvas.
        name: of the ink in the session.

    Returns:
        Levels (28, 28) uint8, ink = 255; None while nothing is drawn.
    """
    state = st.session_state
    if name not in state:
        state[name] = first_drawing(FINE)
    stroke = drawing_canvas(key, height=SIDE, width=SIDE, drawing=Drawing(state[name], 0))
    if stroke is not None:
        state[name] = stroke.bits
    centre_toggle()
    ink = state[name]
    return (levels(as_asked(ink)) * 255).round().astype(np.uint8) if ink.any() else None


def first_drawing(side: int) -> np.ndarray:
    """A three, drawn with a round pen; bool (side, side)."""
    turns = [(9, 8), (12, 5.5), (16, 5.5), (19, 8.5), (18, 12), (13.5, 13.5)]
    turns += [(18.5, 15), (20, 19), (17, 22.5), (12, 23), (8.5, 20.5)]
    corners = np.array(turns) * side / 28
    t = np.linspace(0, len(corners) - 1, 200)
    x, y = (np.interp(t, np.arange(len(corners)), axis) for axis in corners.T)
    rows, columns = np.indices((side, side)) + 0.5
    gaps = np.hypot(columns[..., None] - x, rows[..., None] - y)
    return gaps.min(-1) < 1.3 * side / 28
