"""The lab's picture on the front door: the shipped run as a drawing, before torch is imported."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st

from ui.showcase import MNAR

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 100, 14, 34


@st.cache_resource(show_spinner=False)
def st_told() -> dict[str, Any]:
    """What the shipped run says in words and numbers."""
    with np.load(MNAR) as file:
        return json.loads(file["about"].tobytes())


def picture() -> None:
    """Error on the hidden values from step to step, of both models."""
    dark = st.context.theme.type == "dark"
    words = "Error of MIWAE and of not-MIWAE while they train; not-MIWAE's ends lower."
    st.image(drawing(*(DARK if dark else LIGHT)), width="stretch", alt=words)


def drawing(accent: str, text: str) -> str:
    """The same as SVG, in two colours and grey."""
    story = st_told()
    steps, errors = story["steps"], story["rmse"]
    highest = 1.05 * max(map(max, errors.values()))

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / steps[-1]

    def y(rmse: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * rmse / highest

    def path(values: list[float]) -> str:
        points = (f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps, values, strict=True))
        return "M" + " L".join(points)

    parts = []
    for value in (0, 0.5, 1.0):
        parts.append(f'<path d="M{LEFT},{y(value):.1f} H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" class="tick">{value:g}</text>')
    for name, kind in (("MIWAE", "misled"), ("not-MIWAE", "told")):
        rmse = errors[name]
        parts.append(f'<path d="{path(rmse)}" class="{kind}"/>')
        at = f'x="{WIDTH - RIGHT + 8}" y="{y(rmse[-1]) + 4:.1f}"'
        parts.append(f'<text {at} class="name {kind}">{name}</text>')
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 8}" class="axis">training →  error on the values that '
        "went missing, standard deviations</text>"
    )
    style = STYLE.replace("ACCENT", accent).replace("TEXT", text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><style>{style}</style>{"".join(parts)}</svg>'
    )


LIGHT, DARK = ("#4c5fd5", "#1b1e2b"), ("#8f9cff", "#eceef6")
"""Accent and text of the two themes."""

STYLE = """
text { font: 13px sans-serif; fill: TEXT; }
.grid { stroke: TEXT; opacity: 0.14; fill: none; }
.tick { text-anchor: end; opacity: 0.6; }
.axis { opacity: 0.6; }
path.misled { stroke: #8a8fa3; stroke-width: 2.5; fill: none; }
path.told { stroke: ACCENT; stroke-width: 3; fill: none; }
text.told { fill: ACCENT; font-weight: 600; }
"""
