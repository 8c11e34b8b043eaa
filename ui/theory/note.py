"""The layout of all notes: text, formulas and code around a figure."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def layout(
    text: str, formulas: Sequence[str], code: Sequence[Callable[..., Any]], references: str
) -> DeltaGenerator:
    """Draw a note without its figure; returns the container of the figure and its controls.

    Text and formulas are beside the figure, code and references below. The figure is drawn last,
    because a figure that follows a run must be the end of the page.

    Args:
        text: two to four short paragraphs of Markdown.
        formulas: LaTeX, one below the other.
        code: functions of the library that implement these formulas; their source is shown.
        references: a Markdown list, one work per line.
    """
    left, figure = st.columns([4, 7], gap="large")
    with left:
        st.markdown(text)
        for formula in formulas:
            st.latex(formula)
    left, right = st.columns([4, 7], gap="large")
    with left:
        st.markdown("**References**")
        st.markdown(references)
    with right:
        st.markdown("**In code**")
        for function in code:
            st.code(excerpt(function), language="python", wrap_lines=True)
            st.caption(f"`{function.__module__}.{function.__qualname__}`")
    return figure.container()


def excerpt(function: Callable[..., Any]) -> str:
    """The source of a function of the library, without its docstring."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    if ast.get_docstring(tree) is not None:
        first = tree.body[0]
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)
