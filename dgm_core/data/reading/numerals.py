"""Patterns of cells that contain numbers, and spellings of missing values."""

from __future__ import annotations

import re

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INFINITE = r"^[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|∞)$"
COMMA_NUMBER = r"^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$"
"""Patterns with the same meaning in Python and Arrow."""

GROUPED = r"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+([.][0-9]+)?$"
"""A number with thousands separators, once `mark` is filled in."""
CERTAINLY_GROUPED = r"^[+-]?[0-9]{{1,3}}(({mark}[0-9]{{3}})+[.][0-9]+|({mark}[0-9]{{3}}){{2,}})$"
"""The same, if its separators cannot be decimal marks."""
SENTINELS = (-9, *(sign * (10**digits - 1) for digits in range(2, 8) for sign in (-1, 1)))
"""Numbers that often stand for a missing value: −9, ±99, ±999, …"""

LARGEST = 1e100
"""Larger numbers are not used, because their squares, which every method computes, overflow."""

MISSING = (
    "",
    "?",
    "-",
    "--",
    "---",
    ".",
    "na",
    "n/a",
    "#n/a",
    "#na",
    "<na>",
    "n.a.",
    "nan",
    "-nan",
    "null",
    "none",
    "nil",
    "missing",
    "#value!",
    "#div/0!",
    "#ref!",
    "#name?",
    "#num!",
    "#null!",
)
"""Spellings of a missing value, in lower case."""


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value."""
    return cell.strip().lower() in MISSING


def is_number(cell: str, decimal_comma: bool = False) -> bool:
    """Whether a cell is a number written in digits, with a decimal comma if that is allowed."""
    cell = cell.strip()
    return bool(re.match(NUMBER, cell) or (decimal_comma and re.match(COMMA_NUMBER, cell)))
