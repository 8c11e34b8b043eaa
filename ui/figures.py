"""What all figures share: axes, colours, and how they come on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GREY = "#8A8FA3"
FAINT = "rgba(138, 143, 163, 0.35)"
HEIGHT = 230
_SIGNS, _ESCAPED = re.compile(r"([!-/:-@\[-`{-~])"), r"\\\1"
"""What Markdown may read as more than a letter."""


def accent() -> str:
    """The theme's primary colour."""
    return "#8F9CFF" if st.context.theme.type == "dark" else "#4454CA"


def background() -> str:
    """The theme's colour behind everything."""
    return "#12141C" if st.context.theme.type == "dark" else "#FFFFFF"


def tint() -> str:
    """The theme's colour behind boxes and fields."""
    return "#1C1F2B" if st.context.theme.type == "dark" else "#F4F5FA"


ONCE = """<style>
[class*=st-key-figure-] > :nth-child(n + 2) { display: none }
</style>"""
"""A chart that changes stands twice for a moment, the old one beneath the new: show but one."""


def show(key: str, figure: Figure, title: str) -> None:
    """A figure under its title, which may be any text, without tools; wants `ONCE` on the page."""
    st.markdown(f"**{_SIGNS.sub(_ESCAPED, title)}**")
    with st.container(key=f"figure {key}"):
        st.plotly_chart(
            figure, key=f"plot {key}", config={"displayModeBar": False}, theme="streamlit"
        )


def empty(x: str = "", y: str = "", *, height: int = HEIGHT) -> Figure:
    """Axes, named."""
    # Plotly uses pandas if it is among the modules, even half imported by another thread: wait.
    import pandas  # noqa: F401
    from plotly.graph_objects import Figure  # a second of start-up

    figure = Figure()
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 6, "t": 4, "b": 0},
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "font": {"size": 11},
            "traceorder": "normal",
        },
        dragmode=False,
        font={"size": 11},
    )
    axis = {"fixedrange": True, "zeroline": False, "automargin": True}
    figure.update_xaxes(title={"text": x, "standoff": 8}, **axis)
    figure.update_yaxes(title={"text": y, "standoff": 8}, **axis)
    return figure
