"""What all notes share: words, symbols and code around a figure."""

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
    """A note without its figure; returns the place of that and of its controls.

    Text and formulas stand beside the figure, code and references below. All is drawn at once, so
    that the figure may be the last statement of the page.

    Args:
        text: two to four short paragraphs of Markdown.
        formulas: LaTeX, one below the other.
        code: functions of the library that are these formulas; their source is shown.
        references: a Markdown list, one work a line.
    """
    words, figure = st.columns([4, 7], gap="large")
    with words:
        st.markdown(text)
        for formula in formulas:
            st.latex(formula)
    works, source = st.columns([4, 7], gap="large")
    with works:
        st.markdown("**To read**")
        st.markdown(references)
    with source:
        st.markdown("**In code**")
        for function in code:
            st.code(excerpt(function), language="python", wrap_lines=True)
            st.caption(f"`{function.__module__}.{function.__qualname__}`")
    return figure.container()


def excerpt(function: Callable[..., Any]) -> str:
    """The source of a function as it is in the library, without its docstring."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    if ast.get_docstring(tree) is not None:
        first = tree.body[0]
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)
