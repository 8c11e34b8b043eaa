"""Which cells are numbers and which say that there is no value."""

from __future__ import annotations

import re

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INFINITE = r"^[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|∞)$"
COMMA_NUMBER = r"^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$"
"""Patterns that Python and Arrow read alike."""

LARGEST = 1e100
"""Beyond it the squares that every method needs overflow, so no such number is used."""

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
"""Spellings of a missing value, in small letters."""


def is_missing(cell: str) -> bool:
    """Does a cell say that there is no value?"""
    return cell.strip().lower() in MISSING


def is_number(cell: str, decimal_comma: bool = False) -> bool:
    """Is a cell a number in figures? Where a comma cannot separate cells it may mark decimals."""
    cell = cell.strip()
    return bool(re.match(NUMBER, cell) or (decimal_comma and re.match(COMMA_NUMBER, cell)))
