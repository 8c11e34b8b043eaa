"""Fractions as percentages in the texts of pages."""

from __future__ import annotations

import math


def percent(fraction: float, decimals: int = 0) -> str:
    """A fraction in percent, such as "80 %", with a no-break space; NaN is "not known"."""
    if math.isnan(fraction):
        return "not known"
    return f"{fraction:.{decimals}%}".replace("%", "\N{NO-BREAK SPACE}%")
