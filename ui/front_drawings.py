"""Line drawings for the front page: SVG in two colours and grey, without torch or Plotly."""

from __future__ import annotations

import streamlit as st

from ui import colours

STYLE = """
text { font: 13px sans-serif; fill: TEXT; }
.grid { stroke: TEXT; opacity: 0.14; fill: none; }
.tick { text-anchor: end; opacity: 0.6; }
.under { text-anchor: middle; opacity: 0.6; }
.axis { opacity: 0.6; }
path.other { stroke: GREY; stroke-width: 2.5; fill: none; }
path.ours { stroke: ACCENT; stroke-width: 3; fill: none; }
circle.ours { fill: ACCENT; }
circle.lost { fill: GREY; opacity: 0.5; }
text.ours { fill: ACCENT; font-weight: 600; }
"""


def show(parts: list[str], width: int, height: int, words: str) -> None:
    """Show a drawing in the colours of the visitor's theme; `words` is its text alternative."""
    drawing = svg(parts, width, height, colours.accent(), colours.text())
    st.image(drawing, width="stretch", alt=words)


def svg(parts: list[str], width: int, height: int, accent: str, text: str) -> str:
    """SVG elements, with the classes of `STYLE`, as one file."""
    style = STYLE.replace("ACCENT", accent).replace("TEXT", text).replace("GREY", colours.GREY)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{style}</style>{"".join(parts)}</svg>'
    )


def path(points: list[tuple[float, float]]) -> str:
    """The attribute `d` of a path through points."""
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
