"""Cells of a column → numbers or levels, and what is said of cells that are neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from dgm_core.data.reading.numerals import COMMA_NUMBER, INFINITE, LARGEST, MISSING, NUMBER
from dgm_core.data.reading.raw import Raw
from dgm_core.data.reading.remarks import MOST, Remarks, quoted

pc: Any = pyarrow.compute  # makes its functions when imported, so no type checker finds them

MOST_LEVELS = 50
"""A column of text with more different values is left out."""

_TOO_LARGE = "is infinite or too large to compute with, so it counts as missing."
_NO_NUMBER = "is no number, and most cells of the column are, so it counts as missing."
_FORMULA = "begins like a formula of a spreadsheet; it is kept as text and never computed."


class LeftOut(Exception):
    """A column of which nothing can be learned; the message says why."""


class Typing:
    """Turns the columns of a table into numbers or levels, one after the other.

    Attributes:
        spellings: of missing values, but for empty cells, and how many cells hold them.
        with_commas: the columns whose decimal points are commas.
    """

    def __init__(self, raw: Raw, remarks: Remarks) -> None:
        self.raw, self.remarks = raw, remarks
        self.spellings: Counter[str] = Counter()
        self.with_commas: list[str] = []

    def column(self, place: int) -> np.ndarray | pd.Categorical:
        """float64 (N,) with NaN, or a categorical of at least two levels.

        Raises:
            LeftOut: nothing can be learned from the column.
        """
        name, cells = self.raw.names[place], self.raw.cells[place]
        if pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type):
            values = self._of_text(name, cells)
        elif pa.types.is_boolean(cells.type):
            return _two_levels(floats(cells.cast(pa.uint8()))).rename_categories([False, True])
        else:
            values = floats(cells)
            self._drop_too_large(name, values, lambda row: str(cells[row].as_py()))
        if isinstance(values, pd.Categorical):
            return values
        if self.raw.unnamed[place] and (np.diff(values) >= 1).all() and values[0] in (0, 1):
            raise LeftOut("counts the rows")
        return _distinguished(values)

    def _of_text(self, name: str, cells: pa.ChunkedArray) -> np.ndarray | pd.Categorical:
        texts, codes = trimmed(cells)
        counts = np.bincount(codes, minlength=len(texts))
        missing = mask(pc.is_in(pc.utf8_lower(texts), pa.array(MISSING)))
        spelled = missing & matches(texts, ".")
        for text, count in zip(texts.filter(spelled).to_pylist(), counts[spelled], strict=True):
            self.spellings[text] += int(count)
        commas = self.raw.decimal_comma and _has_decimal_commas(texts, counts)
        number, meaning = figures(texts, decimal_comma=commas)
        words = ~missing & np.isnan(meaning)
        if counts[number].sum() <= counts[words].sum():
            return self._of_levels(name, pc.if_else(missing, None, texts), codes)
        if commas:
            self.with_commas.append(name)
        self._remark(name, _NO_NUMBER, texts, codes, words)
        values = meaning[codes]
        self._drop_too_large(name, values, lambda row: texts[codes[row]].as_py())
        return values

    def _of_levels(self, name: str, texts: pa.StringArray, codes: np.ndarray) -> pd.Categorical:
        encoded = texts.dictionary_encode()
        levels, codes = encoded.dictionary, _indices(encoded, -1)[codes]
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        used = np.flatnonzero(counts)
        if not len(used):
            raise LeftOut("has no value in any row")
        if len(used) == 1:
            raise LeftOut(f"is {quoted(levels[used[0]].as_py())} wherever it is known")
        if len(used) >= 5 and len(used) > 0.9 * counts.sum():
            raise LeftOut("has another text in nearly every row, as names and identifiers do")
        if len(used) > MOST_LEVELS:
            raise LeftOut(f"has {len(used):,} different texts, and {MOST_LEVELS} are the most")
        formulas = matches(levels, "^[=+@-]") & ~matches(levels, NUMBER)
        self._remark(name, _FORMULA, levels, codes, formulas)
        names = levels.take(used).to_pylist()
        order = sorted(range(len(used)), key=names.__getitem__)
        rank = np.full(len(levels) + 1, -1)
        rank[used[order]] = np.arange(len(used))
        return pd.Categorical.from_codes(rank[codes], [names[i] for i in order])

    def _remark(
        self,
        name: str,
        problem: str,
        texts: pa.StringArray,
        codes: np.ndarray,
        which: np.ndarray,
    ) -> None:
        rows = np.flatnonzero(np.append(which, False)[codes])
        shown = [texts[codes[row]].as_py() for row in rows[:MOST]]
        lines = self.raw.lines[rows[:MOST]].tolist()
        self.remarks.cells(name, problem, lines, shown, len(rows))

    def _drop_too_large(
        self, name: str, values: np.ndarray, text_of: Callable[[int], str]
    ) -> None:
        rows = np.flatnonzero(np.abs(values) > LARGEST)
        shown = [text_of(row) for row in rows[:MOST]]
        lines = self.raw.lines[rows[:MOST]].tolist()
        self.remarks.cells(name, _TOO_LARGE, lines, shown, len(rows))
        values[rows] = np.nan


def trimmed(cells: pa.ChunkedArray) -> tuple[pa.StringArray, np.ndarray]:
    """Texts without the blanks around them, "" for null, and which of them each row has."""
    if pa.types.is_dictionary(cells.type):
        encoded = cells.unify_dictionaries().combine_chunks()
        texts = pa.concat_arrays([encoded.dictionary.cast(pa.string()), pa.array([""])])
        codes = _indices(encoded, len(texts) - 1)
    else:
        texts, codes = cells.combine_chunks(), np.arange(len(cells))
    return pc.utf8_trim_whitespace(texts.fill_null("")), codes


def _indices(encoded: pa.DictionaryArray, of_null: int) -> np.ndarray:
    return encoded.indices.cast(pa.int64()).fill_null(of_null).to_numpy(zero_copy_only=False)


def mask(booleans: pa.BooleanArray) -> np.ndarray:
    """As a NumPy array of bool."""
    return booleans.to_numpy(zero_copy_only=False)


def matches(texts: pa.StringArray, pattern: str) -> np.ndarray:
    """Which texts hold a match of a regular expression."""
    return mask(pc.match_substring_regex(texts, pattern))


def figures(texts: pa.StringArray, *, decimal_comma: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which texts are numbers in figures, and what they mean.

    Args:
        texts: N, without blanks around them.
        decimal_comma: do commas mark decimals in their column? Then "1.234" is no number, since
            nobody knows whether its point parts thousands.

    Returns:
        bool (N,), and float64 (N,): NaN where there is no number, ±∞ also for "inf".
    """
    if decimal_comma:
        texts = pc.replace_substring(pc.replace_substring(texts, ".", "_"), ",", ".")
    number = matches(texts, NUMBER)
    meaning = np.full(len(texts), np.nan)
    meaning[number] = pc.cast(texts.filter(pa.array(number)), pa.float64()).to_numpy()
    meaning[matches(texts, INFINITE)] = np.inf
    return number, meaning


def has_decimal_commas(cells: pa.ChunkedArray) -> bool:
    """Do commas mark decimals in a column, if they may?"""
    if not (pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type)):
        return False
    texts, codes = trimmed(cells)
    return _has_decimal_commas(texts, np.bincount(codes, minlength=len(texts)))


def _has_decimal_commas(texts: pa.StringArray, counts: np.ndarray) -> bool:
    with_point = matches(texts, NUMBER) & matches(texts, "[.]")
    return bool(counts[matches(texts, COMMA_NUMBER)].sum() > counts[with_point].sum())


def floats(cells: pa.ChunkedArray) -> np.ndarray:
    """As float64, NaN where missing."""
    return np.array(pc.cast(cells, pa.float64()).to_numpy(), np.float64)  # a copy to write on


def _distinguished(values: np.ndarray) -> np.ndarray | pd.Categorical:
    """The numbers, or a categorical of them if there are only two different ones."""
    return values if len(_levels(values)) > 2 else _two_levels(values)


def _levels(values: np.ndarray) -> np.ndarray:
    """The different values, ascending.

    Raises:
        LeftOut: fewer than two.
    """
    levels = np.unique(values[~np.isnan(values)])
    if not len(levels):
        raise LeftOut("has no value in any row")
    if len(levels) == 1:
        raise LeftOut(f"is {levels[0]:g} wherever it is known")
    return levels


def _two_levels(values: np.ndarray) -> pd.Categorical:
    levels = _levels(values)
    codes = np.where(np.isnan(values), -1, values == levels[1])
    whole = levels.astype(np.int64)
    return pd.Categorical.from_codes(codes, whole if (whole == levels).all() else levels)
