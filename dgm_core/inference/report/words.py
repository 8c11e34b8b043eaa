"""Numbers and names as text of the report."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from html import escape

from dgm_core.estimators.constraints import Constraint


def number(value: float) -> str:
    """A number with four digits, without exponents where they can be avoided.

    >>> [number(x) for x in (12345.6, -0.04567, 3.0, float("nan"))]
    ['12,346', '−0.04567', '3', '–']
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"
    return "0" if text == "-0" else text.replace("-", "−", 1)


def ends(low: float, high: float) -> str:
    """An interval: "1.2 to 3.4"."""
    return f"{number(low)} to {number(high)}"


def percent(share: float) -> str:
    """A share as a percentage; a small one keeps a digit."""
    text = f"{100 * share:.0f}" if share >= 0.1 or share == 0 else f"{100 * share:.1f}"
    return f"{text} %"


def named(name: Hashable, longest: int = 60) -> str:
    """The name of a column as HTML."""
    text = " ".join(str(name).split())
    short = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return f"<b>{escape(short)}</b>"


def listed(items: Sequence[str], most: int = 6) -> str:
    """The first items, and how many more there are."""
    more = len(items) - most
    shown = ", ".join(items[:most])
    return f"{shown} and {more:,} more" if more > 0 else shown


def allowed(constraint: Constraint) -> str:
    """The allowed values of a column in plain words.

    >>> [allowed(Constraint.parse(words)) for words in ("count", "integer, 0:120", "proportion")]
    ['whole numbers, 0 or more', 'whole numbers, 0 to 120', 'numbers, 0 to 1']
    """
    low, high = constraint.minimum, constraint.maximum
    kind = "whole numbers" if constraint.integer else "numbers"
    if low is not None and high is not None:
        return f"{kind}, {ends(low, high)}"
    if low is not None:
        above = constraint.log and not constraint.integer
        return f"{kind} above {number(low)}" if above else f"{kind}, {number(low)} or more"
    return kind if high is None else f"{kind}, {number(high)} or less"
