"""Fractions as percentages in the texts of pages."""

from __future__ import annotations


def percent(fraction: float, decimals: int = 0) -> str:
    """A fraction in percent, such as "80 %", with a no-break space."""
    return f"{fraction:.{decimals}%}".replace("%", "\N{NO-BREAK SPACE}%")
