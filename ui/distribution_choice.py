"""Which two laws: a pair from the list, or two clouds that the visitor draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from ui.components.pixel_canvas import pixel_canvas
from ui.frame import kept

TITLES = {
    "segments": "Parallel segments",
    "Gaussians": "Two Gaussians",
    "circles": "Ring and larger ring",
    "mixture": "Mixture, shifted",
    "clouds": "Draw two clouds",
}
ABOUT = {
    "segments": "P uniform on {0} × [0, 1], Q on {θ} × [0, 1].",
    "Gaussians": "P = N(0, I), Q the same, θ to the right.",
    "circles": "P on a circle of radius 1, Q of radius 1 + θ.",
    "mixture": "A mixture of Gaussians, and the same θ to the right.",
    "clouds": "Every painted cell is a point, a little blurred; Q moves θ to the right.",
}
DIVERGENCES = {
    "wasserstein": "Wasserstein-1",
    "hellinger": "Squared Hellinger",
    "jensen-shannon": "Jensen–Shannon",
    "total variation": "Total variation",
    "kullback-leibler": "Kullback–Leibler",
}
CELLS, REACH = 24, 1.2
"""Cells a side of a canvas, and how far from the middle its edges lie."""

Points = tuple[tuple[float, float], ...]


class Laws(NamedTuple):
    """A pair by name, and the clouds if they are drawn."""

    pair: str
    drawn: tuple[Points, Points] | None


def choose(view: str, pairs: Sequence[str] = tuple(TITLES)) -> Laws | None:
    """The pair chosen in a view; None while a cloud is empty."""
    kept(f"{view} pair", pairs[0])
    pair = st.selectbox("P and Q", pairs, format_func=TITLES.get, key=f"keep.{view} pair")
    st.caption(ABOUT[pair])
    if pair != "clouds":
        return Laws(pair, None)
    drawn = canvas(view, "P"), canvas(view, "Q")
    if not all(drawn):
        st.caption("Draw both clouds.")
        return None
    return Laws(pair, drawn)


def canvas(view: str, name: str) -> Points:
    """Centres of the painted cells of one cloud."""
    held = st.session_state.setdefault("clouds", {})
    held.setdefault(name, first_cloud(name))
    stroke = pixel_canvas(
        f"cloud {view} {name}",
        mode="ink",
        height=CELLS,
        width=CELLS,
        bits=held[name],
        revision=0,
        label=f"Cloud {name}",
        max_width=220,
    )
    if stroke is not None:
        held[name] = stroke.bits
    return points(held[name])


def points(bits: np.ndarray) -> Points:
    """Painted cells (H, W) → their centres, x to the right and y up."""
    rows, columns = np.nonzero(bits)
    half = bits.shape[0] / 2
    x = (columns + 0.5 - half) / half * REACH
    y = (half - rows - 0.5) / half * REACH
    return tuple(zip(x.round(4).tolist(), y.round(4).tolist(), strict=True))


def first_cloud(name: str) -> np.ndarray:
    """P an arc open to the right, Q a disc: what stands there before anybody draws."""
    rows, columns = np.indices((CELLS, CELLS)) + 0.5 - CELLS / 2
    radius = np.hypot(rows, columns)
    if name == "P":
        return (abs(radius - 8) < 1.1) & (columns < 3)
    return np.hypot(rows, columns + 2) < 3
