"""Inline components of the page, each a folder with its Python face and its three files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st


def inline_component(folder: Path) -> Callable[..., Any]:
    """Register the component of `folder`, whose .html, .css and .js files bear its name.

    To be called once, when the component's module is imported.
    """
    name = folder.name
    html, css, js = (
        (folder / f"{name}{kind}").read_text(encoding="utf-8") for kind in (".html", ".css", ".js")
    )
    return st.components.v2.component(name, html=html, css=css, js=js)
