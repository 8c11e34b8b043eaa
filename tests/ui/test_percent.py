"""Fractions in the texts of pages."""

from __future__ import annotations

import math

import pytest

from ui.percent import percent


@pytest.mark.parametrize(
    ("fraction", "decimals", "text"),
    [(0.8, 0, "80\u00a0%"), (0.0512, 1, "5.1\u00a0%"), (math.nan, 1, "not known")],
)
def test_a_fraction_is_written_in_percent_if_it_is_known(
    fraction: float, decimals: int, text: str
) -> None:
    assert percent(fraction, decimals) == text
