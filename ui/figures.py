"""What all figures share: axes, and how they are drawn on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from ui import glossary
from ui.colours import FAINT, GREY, accent, background, tint

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = [
    "FAINT",
    "GREY",
    "HEIGHT",
    "ONCE",
    "accent",
    "background",
    "empty",
    "plain",
    "show",
    "tint",
]

HEIGHT = 230
_SIGNS, _ESCAPED = re.compile(r"([!-/:-@\[-`{-~])"), r"\\\1"
"""Characters that have a meaning in Markdown."""


ONCE = """<style>
[class*=st-key-figure-] > :nth-child(n + 2) { display: none }
</style>"""
"""While a chart changes, the old one stays below the new one for a moment: hide it."""


def plain(text: str) -> str:
    """A text that Markdown shows as it is, such as the name of a visitor's column."""
    return _SIGNS.sub(_ESCAPED, text)


def show(key: str, figure: Figure, title: str) -> None:
    """A figure without tools under its title; the page needs `ONCE`.

    Terms of the glossary in the title are explained on hover.

    Args:
        key: of the figure.
        figure: that is drawn.
        title: any text; no Markdown.
    """
    st.markdown(f"**{plain(title)}**", help=glossary.hover(title))
    with st.container(key=f"figure {key}"):
        st.plotly_chart(
            figure, key=f"plot {key}", config={"displayModeBar": False}, theme="streamlit"
        )


def empty(x: str = "", y: str = "", *, height: int = HEIGHT) -> Figure:
    """A figure with named axes and no data."""
    # Plotly uses pandas if it is in sys.modules, even half imported by another thread: wait.
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
