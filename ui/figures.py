"""What all figures share: axes, and how they are drawn on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from ui.colours import FAINT, GREY, accent, background, tint

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["FAINT", "GREY", "HEIGHT", "ONCE", "accent", "background", "empty", "show", "tint"]

HEIGHT = 230
_SIGNS, _ESCAPED = re.compile(r"([!-/:-@\[-`{-~])"), r"\\\1"
"""What Markdown may read as more than a letter."""


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
