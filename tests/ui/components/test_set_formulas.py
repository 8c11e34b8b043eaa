"""Formulas in MathML: correct markup, and text is escaped."""

from __future__ import annotations

import pytest

from ui.components import set_formulas as module
from ui.components.set_formulas import Side


def html_of(side: Side) -> str:
    return module._side(side)


def test_text_and_formulas_alternate() -> None:
    html = html_of(Side("Name", "takes $q$ & more.", ("z", r"\frac{a}{b}"), "1 < 2"))
    assert html.count("<math") == 3
    assert html.count('display="block"') == 2
    assert "<b>Name</b> takes " in html
    assert "&amp; more." in html
    assert "1 &lt; 2" in html


def test_distributed_as_is_a_relation() -> None:
    assert "<mo>&#x0223C;</mo>" in html_of(Side("", "", (r"z \sim q",), ""))


def test_a_dollar_without_a_partner_is_refused() -> None:
    with pytest.raises(ValueError, match="pairs"):
        html_of(Side("", "costs 5 $", (), ""))
