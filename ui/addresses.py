"""Values in a page's address: how they are read, and refused if they could not be theirs.

A reader raises ValueError or KeyError for a text that its widget could not have written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Read = Callable[[str], Any]


def one_of(*options: Any) -> Read:
    """The option that is written so."""
    by_text = {as_text(option): option for option in options}
    return lambda text: by_text[text]


def between(low: float, high: float, step: float) -> Read:
    """A number, clamped to a range and rounded to its steps."""

    def read(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        steps = round((min(max(value, low), high) - low) / step)
        return round(low + steps * step, 6)

    return read


def whole(low: int, high: int) -> Read:
    """An integer, clamped to a range."""
    return lambda text: min(max(int(text), low), high)


def as_text(value: Any) -> str:
    """A value as an address writes it: 2.0 as 2."""
    return f"{value:g}" if isinstance(value, float) else str(value)
