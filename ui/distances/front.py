"""The figure of the distances lab on the start page: the shipped sweep, drawn without torch."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from ui import front_drawings

FILE = ASSETS / "distances.npz"
WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 150, 18, 48
MOST = 2.0
"""Largest value of both distances for |θ| up to 2."""
LINES = {"wasserstein": ("ours", "Wasserstein-1"), "hellinger": ("other", "squared Hellinger")}


@st.cache_resource(show_spinner=False)
def st_sweep() -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Distance → θ, true values, and estimates of trained critics."""
    with np.load(FILE) as file:
        return {
            name: tuple(file[f"segments/{name}/{of}"] for of in ("thetas", "truth"))
            + (file[f"segments/{name}/estimates"][-1],)
            for name in LINES
        }


def picture() -> None:
    """Draw two distances between two segments that move apart."""
    description = (
        "Wasserstein grows with the distance between two segments; Hellinger jumps to its maximum."
    )
    front_drawings.show(drawing(), WIDTH, HEIGHT, description)


def drawing() -> list[str]:
    """True distances as lines, and the critics' estimates of Wasserstein as points."""
    sweep = st_sweep()
    low, high = sweep["wasserstein"][0][[0, -1]]

    def x(theta: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * float((theta - low) / (high - low))

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(value) / MOST

    parts = []
    for value in (0, 1, 2):
        parts.append(f'<path d="M{LEFT},{y(value):.1f} H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" class="tick">{value}</text>')
    for theta in (low, (low + high) / 2, high):
        at = f'x="{x(theta):.1f}" y="{HEIGHT - BOTTOM + 18}"'
        parts.append(f'<text {at} class="under">{theta:g}</text>')
    for name, (kind, title) in reversed(LINES.items()):
        thetas, true_values, found = sweep[name]
        line = front_drawings.path(
            [(x(t), y(v)) for t, v in zip(thetas, true_values, strict=True)]
        )
        parts.append(f'<path d="{line}" class="{kind}"/>')
        if kind == "other":
            at = f'x="{x(thetas[3]):.1f}" y="{y(MOST) + 20:.1f}"'
            parts.append(f"<text {at}>{title}</text>")
        else:
            at = f'x="{WIDTH - RIGHT + 10}" y="{y(MOST) + 4:.1f}"'
            parts.append(f'<text {at} class="ours">{title}</text>')
            parts += [
                f'<circle cx="{x(t):.1f}" cy="{y(v):.1f}" r="4" class="ours"/>'
                for t, v in zip(thetas, found, strict=True)
            ]
    axis = "θ, the shift between the segments →  points: estimates of critics"
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" class="axis">{axis}</text>')
    return parts
