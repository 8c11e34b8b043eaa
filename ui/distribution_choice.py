"""The choice of two distributions P and Q: a pair from the list, or two drawn clouds of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from ui.components.pixel_canvas import pixel_canvas
from ui.links import Setting

TITLES = {
    "segments": "Parallel segments",
    "Gaussians": "Two Gaussians",
    "circles": "Ring and larger ring",
    "mixture": "Mixture, shifted",
    "clouds": "Draw two clouds",
}
ABOUT = {
    "segments": "P is uniform on {0} × [0, 1], Q on {θ} × [0, 1].",
    "Gaussians": "P is N(0, I). Q is the same Gaussian, shifted to the right by θ.",
    "circles": "P is uniform on a circle of radius 1, Q on a circle of radius 1 + θ.",
    "mixture": "P is a mixture of Gaussians. Q is the same mixture, shifted to the right by θ.",
    "clouds": "Every painted cell is a point with a little blur. Q is shifted to the right by θ.",
}
DIVERGENCES = {
    "wasserstein": "Wasserstein-1",
    "hellinger": "Squared Hellinger",
    "jensen-shannon": "Jensen–Shannon",
    "total variation": "Total variation",
    "kullback-leibler": "Kullback–Leibler",
}
CELLS, REACH = 24, 1.2
"""Cells along each side of a canvas, and the distance of its edges from the centre."""

Points = tuple[tuple[float, float], ...]


class Distributions(NamedTuple):
    """Name of the pair, and the clouds of points if they are drawn."""

    pair: str
    drawn: tuple[Points, Points] | None


def pair(view: str, pairs: Sequence[str] = tuple(TITLES)) -> Setting:
    """The setting of the pair in a view."""
    return Setting(f"{view} pair", pairs[0], options={name: TITLES[name] for name in pairs})


def choose(view: str, setting: Setting) -> Distributions | None:
    """Draw the choice of a view; return the pair, or None while a cloud is empty.

    Args:
        view: prefix of the canvas keys.
        setting: from `pair`.
    """
    name = setting.widget(st.selectbox, "P and Q")
    st.caption(ABOUT[name])
    if name != "clouds":
        return Distributions(name, None)
    drawn = canvas(view, "P"), canvas(view, "Q")
    if not all(drawn):
        st.caption("Draw both clouds.")
        return None
    return Distributions(name, drawn)


def canvas(view: str, name: str) -> Points:
    """Draw the canvas of one cloud; return the centres of the painted cells."""
    clouds = st.session_state.setdefault("clouds", {})
    clouds.setdefault(name, first_cloud(name))
    stroke = pixel_canvas(
        f"cloud {view} {name}",
        mode="ink",
        height=CELLS,
        width=CELLS,
        bits=clouds[name],
        revision=0,
        label=f"Cloud {name}",
        max_width=220,
    )
    if stroke is not None:
        clouds[name] = stroke.bits
    return points(clouds[name])


def points(bits: np.ndarray) -> Points:
    """Painted cells (H, W) → their centres; x points to the right and y upwards."""
    rows, columns = np.nonzero(bits)
    half = bits.shape[0] / 2
    x = (columns + 0.5 - half) / half * REACH
    y = (half - rows - 0.5) / half * REACH
    return tuple(zip(x.round(4).tolist(), y.round(4).tolist(), strict=True))


def first_cloud(name: str) -> np.ndarray:
    """The cloud on the canvas at first: P is an arc that is open to the right, Q is a disc."""
    rows, columns = np.indices((CELLS, CELLS)) + 0.5 - CELLS / 2
    radius = np.hypot(rows, columns)
    if name == "P":
        return (abs(radius - 8) < 1.1) & (columns < 3)
    return np.hypot(rows, columns + 2) < 3
