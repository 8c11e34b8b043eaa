"""Bounds on the log-probability of different data never share an axis."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from plotly.graph_objects import Figure

from ui import bound_curves
from ui.bound_curves import X_OBS, X_OBS_S

UI = Path(__file__).parents[2] / "ui"
OF_BOUNDS = re.compile(r"\bbounds?\b|elbo(?!_gap)|iwae|log_p\b", re.IGNORECASE)
DRAWING = {"add_scatter", "add_trace", "add_hline", "add_bar"}


def test_a_figure_refuses_a_bound_on_other_data() -> None:
    figure = Figure()
    assert bound_curves.bounded_by(figure) is None
    bound_curves.add(figure, X_OBS, x=[0], y=[-1.0], name="MIWAE")
    bound_curves.add(figure, X_OBS, x=[0], y=[-2.0], name="MIWAE, longer")
    with pytest.raises(ValueError, match=r"bounds on log p\(x_obs\), got .* log p\(x_obs, s\)"):
        bound_curves.add(figure, X_OBS_S, x=[0], y=[-3.0], name="not-MIWAE")
    assert [each.name for each in figure.data] == ["MIWAE", "MIWAE, longer"]
    assert bound_curves.bounded_by(figure) == X_OBS


def functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def unmarked(source: str) -> bool:
    """Does a function draw what it calls a bound without saying what is bounded?"""
    function = ast.parse(source).body[0]
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    draws = any(isinstance(each, ast.Attribute) and each.attr in DRAWING for each in calls)
    marked = any(ast.unparse(each).startswith("bound_curves.") for each in calls)
    return draws and not marked and OF_BOUNDS.search(ast.unparse(function)) is not None


def test_every_figure_of_bounds_says_what_is_bounded() -> None:
    found = [
        f"{path.relative_to(UI)}: {function.name}"
        for path in sorted(UI.rglob("*.py"))
        if path.name != "bound_curves.py"
        for function in functions(path)
        if unmarked(ast.unparse(function))
    ]
    assert not found


def test_the_search_finds_a_figure_that_does_not_say_it() -> None:
    body = "def chart(results):\n    figure.add_scatter(y=results.bound)"
    assert unmarked(body)
    assert not unmarked(body + "\n    bound_curves.mark(figure, X)")
    assert not unmarked("def chart(results):\n    figure.add_scatter(y=results.rmse)")
