"""A digit that the visitor draws, converted to 28×28 pixels as MNIST's digits were.

Ink is black and white on a grid finer than the pixels, like the scanned forms of MNIST. Its
bounding box is fitted into 20×20 pixels, and its centre of mass is placed at the centre of 28×28
(`intake.laid_out`). The brightness of a pixel is then the fraction of it that is ink.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dgm_core.data.sizes import DIGIT_SIDE
from ui import intake
from ui.components.pixel_canvas import GRAIN, Drawing, drawing_canvas
from ui.frame import kept, last_value

FINE = GRAIN * DIGIT_SIDE
"""Cells of the ink per side."""
CENTRED = "draw centre"
_TOLERANCE = 2, 4  # cells by which position and size may differ from the layout


def levels(ink: np.ndarray) -> np.ndarray:
    """Ink (112, 112) bool → the fraction of ink in each pixel, float (28, 28)."""
    return ink.reshape(DIGIT_SIDE, GRAIN, DIGIT_SIDE, GRAIN).mean((1, 3))


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """Pixels (28, 28) bool → the ink (112, 112) that fills them; `centred` does not change it."""
    return pixels.repeat(GRAIN, 0).repeat(GRAIN, 1)


def centred(ink: np.ndarray) -> np.ndarray:
    """Ink laid out as in MNIST, bool (112, 112).

    Ink that is laid out already, up to half a pixel, stays as it is. So does ink of whole pixels,
    which was laid out before. Hence centring twice is the same as centring once.
    """
    if not ink.any() or np.array_equal(ink, enlarged(levels(ink) > 0.5)) or _in_place(ink):
        return ink
    laid_out = intake.laid_out(ink, FINE) > 0.5
    # The threshold may shorten a tip that bicubic resampling made faint; then repeat it.
    return laid_out if _in_place(laid_out) else intake.laid_out(laid_out, FINE) > 0.5


def _in_place(ink: np.ndarray) -> bool:
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    offset, size = _TOLERANCE
    top, left = intake.corner(box, FINE)
    return (
        abs(max(box.shape) - FINE * 20 // 28) <= size
        and abs(top - rows[0]) <= offset
        and abs(left - columns[0]) <= offset
    )


def is_centred() -> bool:
    """Whether drawings are centred; also while the toggle is not on screen."""
    return bool(last_value(CENTRED, True))


def centre_toggle() -> None:
    """A toggle for centring drawings; all labs share its value."""
    st.toggle(
        "Centre as MNIST",
        key=kept(CENTRED, True),
        help="The ink is fitted into 20×20 pixels with the same aspect ratio, and its centre of "
        "mass is placed at the centre of 28×28. The training images were made in this way.",
    )


def centred_if_chosen(ink: np.ndarray) -> np.ndarray:
    """Ink, centred if the toggle is on."""
    return centred(ink) if is_centred() else ink


def draw_digit(key: str, name: str) -> np.ndarray | None:
    """A canvas for one digit, which is a three at first, and the toggle for centring.

    Args:
        key: Streamlit key of the canvas.
        name: where the ink is kept in the session.

    Returns:
        Levels (28, 28) uint8, ink = 255; None while nothing is drawn.
    """
    state = st.session_state
    if name not in state:
        state[name] = first_drawing(FINE)
    stroke = drawing_canvas(
        key, height=DIGIT_SIDE, width=DIGIT_SIDE, drawing=Drawing(state[name], 0)
    )
    if stroke is not None:
        state[name] = stroke.bits
    centre_toggle()
    ink = state[name]
    return (levels(centred_if_chosen(ink)) * 255).round().astype(np.uint8) if ink.any() else None


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
