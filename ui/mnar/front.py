"""The lab's drawing on the front page: the shipped run, drawn before torch is imported."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from ui import front_drawings

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 100, 14, 34


@st.cache_resource(show_spinner=False)
def st_shipped_run() -> dict[str, Any]:
    """Settings and scores of the shipped run."""
    with np.load(ASSETS / "mnar.npz") as file:
        return json.loads(file["about"].tobytes())


def picture() -> None:
    """Error on the hidden values over training steps, for both models."""
    description = (
        "Error of MIWAE and not-MIWAE during training; not-MIWAE ends with the lower error."
    )
    front_drawings.show(drawing(), WIDTH, HEIGHT, description)


def drawing() -> list[str]:
    """The two curves, their axes and names."""
    run = st_shipped_run()
    steps, errors = run["steps"], run["rmse"]
    highest = 1.05 * max(map(max, errors.values()))

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / steps[-1]

    def y(rmse: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * rmse / highest

    parts = []
    for value in (0, 0.5, 1.0):
        parts.append(f'<path d="M{LEFT},{y(value):.1f} H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" class="tick">{value:g}</text>')
    for name, kind in (("MIWAE", "other"), ("not-MIWAE", "ours")):
        rmse = errors[name]
        line = front_drawings.path([(x(s), y(v)) for s, v in zip(steps, rmse, strict=True)])
        parts.append(f'<path d="{line}" class="{kind}"/>')
        at = f'x="{WIDTH - RIGHT + 8}" y="{y(rmse[-1]) + 4:.1f}"'
        parts.append(f'<text {at} class="{kind}">{name}</text>')
    label = "training steps →  error on the hidden values, standard deviations"
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" class="axis">{label}</text>')
    return parts
