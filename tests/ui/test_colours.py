"""Each colour has one source, and the scripts of components use the colours of Python."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dgm_core.imputers import CATALOGUE
from ui import colours, components
from ui.colours import Pair
from ui.components import chain_diagnostics, chain_player

ROOT = Path(__file__).parents[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two hex colours."""

    def luminance(colour: str) -> float:
        levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_accent_of_both_themes_is_only_in_the_configuration() -> None:
    assert re.fullmatch("#[0-9A-F]{6}", colours.accent.light)
    assert colours.accent.light != colours.accent.dark
    written = re.compile(f"{colours.accent.light}|{colours.accent.dark}", re.IGNORECASE)
    found = [
        str(path.relative_to(ROOT))
        for folder in ("ui", "pages", ".streamlit")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".css", ".json", ".toml"}
        and written.search(path.read_text(encoding="utf-8"))
    ]
    assert found == [".streamlit/config.toml"]


@pytest.mark.parametrize("name", json.loads(colours.METHODS.read_text()))
def test_methods_have_colours_that_can_be_read_in_both_themes(name: str) -> None:
    assert name in CATALOGUE or name == "not-MIWAE"
    pair = colours._METHODS[name.lower()]
    assert isinstance(pair, Pair)
    assert contrast(pair.light, colours.background.light) > 4.5
    assert contrast(pair.dark, colours.background.dark) > 4.5


@pytest.mark.parametrize("component", [chain_player, chain_diagnostics])
def test_scripts_get_the_table_that_python_reads(component: object) -> None:
    folder, shared = components.REGISTERED[component.__name__.rpartition(".")[2]]
    script = components.composed(folder, shared, ".js")
    table = re.search(r"const METHOD_COLOURS = (\{.*?\n\});", script, re.DOTALL).group(1)
    assert json.loads(table) == json.loads(colours.METHODS.read_text())
