"""The colours of the app.

- The theme (accent, background, text): `.streamlit/config.toml`, which Streamlit reads too. The
  scripts of components get them as CSS variables.
- The methods: `components/shared/method_colours.json`, which the scripts of components read too.
- The neutral colours of figures: here.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from dgm_core.checkout import CHECKOUT

METHODS = Path(__file__).parent / "components" / "shared" / "method_colours.json"


class Pair(NamedTuple):
    """A colour in the light and in the dark theme."""

    light: str
    dark: str

    @property
    def css(self) -> str:
        """As a style sheet of the page writes it."""
        return f"light-dark({self.light}, {self.dark})"

    def __call__(self) -> str:
        """In the theme of this visitor."""
        return self.dark if st.context.theme.type == "dark" else self.light


def _theme() -> dict[str, Pair]:
    """Name in the configuration → its pair; what a theme does not set is the same in both."""
    path = CHECKOUT / ".streamlit" / "config.toml"
    theme = tomllib.loads(path.read_text(encoding="utf-8"))["theme"]
    shared = {name: value for name, value in theme.items() if isinstance(value, str)}
    light, dark = shared | theme["light"], shared | theme["dark"]
    return {name: Pair(light[name], dark[name]) for name in light}


_THEME = _theme()
accent = _THEME["primaryColor"]
background = _THEME["backgroundColor"]
"""Behind everything."""
tint = _THEME["secondaryBackgroundColor"]
"""Behind boxes and fields."""
text = _THEME["textColor"]

GREY = "#8A8FA3"
FAINT = "rgba(138, 143, 163, 0.35)"
WARM = "#E07A5F"
GOLD = "#E0A23C"
DIVERGING = [[0, accent.light], [0.5, GREY], [1, GOLD]]
"""Plotly's colour scale from low (blue) over the middle (grey) to high (gold)."""

_METHODS = {
    name.lower(): accent if each["light"] == "accent" else Pair(each["light"], each["dark"])
    for name, each in json.loads(METHODS.read_text(encoding="utf-8")).items()
}


def of_method(name: str) -> str:
    """The colour of a method's curves in the theme of this visitor; grey if it has none."""
    pair = _METHODS.get(name.lower())
    return GREY if pair is None else pair()
