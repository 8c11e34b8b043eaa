"""Convert the cells of a column to numbers or levels, with remarks on cells that are neither."""

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

pc: Any = (
    pyarrow.compute
)  # defines its functions at run time, so a type checker does not find them

MOST_LEVELS = 50
"""A column of text with more different values is left out."""

_TOO_LARGE = "is infinite or too large to compute with, so it counts as missing."
_NO_NUMBER = "is not a number, but most cells of the column are, so it counts as missing."
_FORMULA = "looks like a spreadsheet formula; it is kept as text and is not computed."


class LeftOut(Exception):
    """A column that cannot be used; the message says why."""


class Typing:
    """Converts the columns of a table to numbers or levels, one at a time.

    Attributes:
        spellings: how many cells have each spelling of a missing value, empty cells aside.
        with_commas: the columns with decimal commas.
    """

    def __init__(self, raw: Raw, remarks: Remarks) -> None:
        self.raw, self.remarks = raw, remarks
        self.spellings: Counter[str] = Counter()
        self.with_commas: list[str] = []

    def column(self, index: int) -> np.ndarray | pd.Categorical:
        """Values of a column: float64 (N,) with NaN, or a categorical of at least two levels.

        Raises:
            LeftOut: the column is constant, empty, or of no use to a model.
        """
        name, cells = self.raw.names[index], self.raw.cells[index]
        if pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type):
            values = self._of_text(name, cells)
        elif pa.types.is_boolean(cells.type):
            return _two_levels(floats(cells.cast(pa.uint8()))).rename_categories([False, True])
        else:
            values = floats(cells)
            self._drop_too_large(name, values, lambda row: str(cells[row].as_py()))
        if isinstance(values, pd.Categorical):
            return values
        if self.raw.unnamed[index] and (np.diff(values) >= 1).all() and values[0] in (0, 1):
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
            raise LeftOut(f"is {quoted(levels[used[0]].as_py())} wherever it is not missing")
        if len(used) >= 5 and len(used) > 0.9 * counts.sum():
            raise LeftOut("has a different text in nearly every row, as names and identifiers do")
        if len(used) > MOST_LEVELS:
            raise LeftOut(
                f"has {len(used):,} different texts, but at most {MOST_LEVELS} are allowed"
            )
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
    """Distinct texts without surrounding blanks, "" for null, and the index of each row's text."""
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
    """The same as a NumPy array of bool."""
    return booleans.to_numpy(zero_copy_only=False)


def matches(texts: pa.StringArray, pattern: str) -> np.ndarray:
    """Which texts contain a match of a regular expression, bool (N,)."""
    return mask(pc.match_substring_regex(texts, pattern))


def figures(texts: pa.StringArray, *, decimal_comma: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which texts are numbers written in digits, and their values.

    Args:
        texts: N, without surrounding blanks.
        decimal_comma: whether the column has decimal commas. If so, "1.234" is not a number,
            because its point could separate thousands.

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
    """Whether a column has decimal commas, in a file that allows them."""
    if not (pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type)):
        return False
    texts, codes = trimmed(cells)
    return _has_decimal_commas(texts, np.bincount(codes, minlength=len(texts)))


def _has_decimal_commas(texts: pa.StringArray, counts: np.ndarray) -> bool:
    with_point = matches(texts, NUMBER) & matches(texts, "[.]")
    return bool(counts[matches(texts, COMMA_NUMBER)].sum() > counts[with_point].sum())


def floats(cells: pa.ChunkedArray) -> np.ndarray:
    """Cells as float64, NaN where missing."""
    return np.array(pc.cast(cells, pa.float64()).to_numpy(), np.float64)  # a writable copy


def _distinguished(values: np.ndarray) -> np.ndarray | pd.Categorical:
    """The numbers, as a categorical if there are only two different ones."""
    return values if len(_levels(values)) > 2 else _two_levels(values)


def _levels(values: np.ndarray) -> np.ndarray:
    """The distinct values, ascending.

    Raises:
        LeftOut: there are fewer than two.
    """
    levels = np.unique(values[~np.isnan(values)])
    if not len(levels):
        raise LeftOut("has no value in any row")
    if len(levels) == 1:
        raise LeftOut(f"is {levels[0]:g} wherever it is not missing")
    return levels


def _two_levels(values: np.ndarray) -> pd.Categorical:
    levels = _levels(values)
    codes = np.where(np.isnan(values), -1, values == levels[1])
    whole = levels.astype(np.int64)
    return pd.Categorical.from_codes(codes, whole if (whole == levels).all() else levels)
