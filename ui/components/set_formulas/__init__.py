"""Formulas in MathML, which the browser lays out only once.

For a page that is redrawn at every stroke: Streamlit lays out its KaTeX formulas again each time,
which takes as long as drawing the image above them.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from latex2mathml.converter import convert

_FOLDER = Path(__file__).parent


class Side(NamedTuple):
    """One of the columns, in LaTeX."""

    name: str
    about: str  # completes the sentence that begins with the name; formulas between dollars
    lines: tuple[str, ...]
    note: str


def set_formulas(name: str, *sides: Side) -> Callable[[], None]:
    """Register formulas under a name, once; the returned function shows them side by side.

    Raises:
        ValueError: the number of dollar signs is odd.
    """
    html = "".join(_side(side) for side in sides)
    component = st.components.v2.component(
        f"formulas_{name}",
        html=f'<div class="formulas">{html}</div>\n',
        css=(_FOLDER / "set_formulas.css").read_text(encoding="utf-8"),
    )
    return lambda: component(key=f"formulas {name}")


def _side(side: Side) -> str:
    parts = side.about.split("$")
    if len(parts) % 2 == 0:
        raise ValueError(f"expected dollars in pairs, got {side.about!r}")
    about = "".join(_mathml(p, "inline") if i % 2 else escape(p) for i, p in enumerate(parts))
    lines = "".join(_mathml(line, "block") for line in side.lines)
    # Formulas do not wrap; the group takes the focus so that keys can scroll it.
    return (
        f"<section><p><b>{escape(side.name)}</b> {about}</p>"
        f'<div class=lines role=group tabindex=0 aria-label="{escape(side.name)}: formulas">'
        f"{lines}</div><p class=note>{escape(side.note)}</p></section>"
    )


def _mathml(latex: str, display: str) -> str:
    # The converter takes \sim for the tilde of a keyboard, which no browser spaces as a relation.
    return convert(latex, display=display).replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")
