"""Convert the cells of a column to numbers or levels, with remarks on cells that are neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from dgm_core.data.reading.numerals import (
    CERTAINLY_GROUPED,
    COMMA_NUMBER,
    GROUPED,
    INFINITE,
    LARGEST,
    MISSING,
    NUMBER,
    SENTINELS,
    is_number,
)
from dgm_core.data.reading.raw import Raw
from dgm_core.data.reading.remarks import MOST, Remarks, count_of, quoted
from dgm_core.data.reading.styles import Style, style_of

pc: Any = (
    pyarrow.compute
)  # defines its functions at run time, so a type checker does not find them

MOST_LEVELS = 50
"""A column of text with more different values is left out."""

_POINT_MARK = "\x1f"
"""Stands for a point in a column of decimal commas, where it can only separate thousands."""
_TOO_LARGE = "is infinite or too large to compute with, so it counts as missing."
_NO_NUMBER = "is not a number, but most cells of the column are, so it counts as missing."
_GROUPS = "has a thousands separator: the separators of this column were read as such."
_CODES = "The column has numbers that start with 0, as codes do, so it was read as text."
_FORMULA = "looks like a spreadsheet formula; it is kept as text and is not computed."


class LeftOut(Exception):
    """A column that cannot be used; the message says why."""


class Typing:
    """Converts the columns of a table to numbers or levels, one at a time.

    Attributes:
        spellings: how many cells have each spelling of a missing value, empty cells aside.
        with_commas: the columns with decimal commas.
        styles: index of a column → how it writes its numbers and levels.
    """

    def __init__(self, raw: Raw, remarks: Remarks, missing: Collection[str] = ()) -> None:
        self.raw, self.remarks, self.missing = raw, remarks, Missing(missing)
        self.styles: dict[int, Style] = {}
        self.spellings: Counter[str] = Counter()
        self.with_commas: list[str] = []

    def column(self, index: int) -> np.ndarray | pd.Categorical:
        """Values of a column: float64 (N,) with NaN, or a categorical of at least two levels.

        Raises:
            LeftOut: the column is constant, empty, or of no use to a model.
        """
        name, cells = self.raw.names[index], self.raw.cells[index]
        self.styles[index] = Style(self.raw.positions[index])
        if pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type):
            values = self._of_text(index, cells)
        elif pa.types.is_boolean(cells.type):
            return _two_levels(floats(cells.cast(pa.uint8()))).rename_categories([False, True])
        else:
            values = floats(cells)
            given = self.missing.numbers(values)
            self._count_as_missing((f"{value:g}", 1) for value in values[given])
            values[given] = np.nan
            self._drop_too_large(name, values, lambda row: str(cells[row].as_py()))
            self.styles[index] = style_of(self.raw.positions[index], None, values)
        if isinstance(values, pd.Categorical):
            return values
        if self.raw.unnamed[index] and (np.diff(values) >= 1).all() and values[0] in (0, 1):
            raise LeftOut("counts the rows")
        distinguished = _distinguished(values)
        self._suspect(name, values)
        return distinguished

    def _of_text(self, index: int, cells: pa.ChunkedArray) -> np.ndarray | pd.Categorical:
        name = self.raw.names[index]
        texts, codes = trimmed(cells)
        counts = np.bincount(codes, minlength=len(texts))
        commas, groups = marks_of(texts, counts, decimal_comma=self.raw.decimal_comma)
        number, meaning = figures(texts, decimal_comma=commas, grouped=groups)
        missing = self.missing.texts(texts) | self.missing.numbers(meaning)
        number &= ~missing
        spelled = missing & matches(texts, ".")
        found = zip(texts.filter(spelled).to_pylist(), counts[spelled].tolist(), strict=True)
        self._count_as_missing(found)
        words = ~missing & np.isnan(meaning)
        mostly_words = counts[number].sum() <= counts[words].sum()
        coded = _are_codes(texts, counts * number)
        if coded or mostly_words:
            if not mostly_words:
                self.remarks.add(_CODES, column=name)
            return self._of_levels(name, pc.if_else(missing, None, texts), codes)
        if commas:
            self.with_commas.append(name)
        if groups:
            example = texts.filter(_grouped(texts, commas, GROUPED))[0].as_py()
            self.remarks.add(f"{quoted(example)} {_GROUPS}", column=name, asks=True)
        self._remark(name, _NO_NUMBER, texts, codes, words, asks=True)
        meaning[missing] = np.nan
        values = meaning[codes]
        self._drop_too_large(name, values, lambda row: texts[codes[row]].as_py())
        normal = plain_marks(texts, decimal_comma=commas, grouped=groups).filter(number)
        position = self.raw.positions[index]
        style = style_of(position, normal, meaning[number], decimal_comma=commas, grouped=groups)
        distinct = np.unique(values[~np.isnan(values)])
        if len(distinct) == 2:
            usual = [(meaning == value) * counts for value in distinct]
            spellings = [texts[int(times.argmax())].as_py() for times in usual]
            style = style._replace(spellings=tuple(zip(distinct.tolist(), spellings, strict=True)))
        self.styles[index] = style
        return values

    def _count_as_missing(self, spelled: Iterable[tuple[str, int]]) -> None:
        for text, count in spelled:
            self.spellings[text] += count

    def _suspect(self, name: str, values: np.ndarray) -> None:
        """Ask about a number such as −999 that is far from the others."""
        levels, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        for end, count, rest in (
            (levels[0], counts[0], levels[1:]),
            (levels[-1], counts[-1], levels[:-1]),
        ):
            low, high = rest[0], rest[-1]
            far = max(low - end, end - high) > high - low or end < 0 <= low
            if far and end in SENTINELS:
                self.remarks.add(
                    f"{end:g} occurs in {count_of(int(count), 'cell')}, far from the other values "
                    f"({low:g} to {high:g}), and is used as a number. If it stands for a missing "
                    f"value, empty these cells, or use `dgm impute --missing={end:g}`.",
                    column=name,
                    asks=True,
                )

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
        *,
        asks: bool = False,
    ) -> None:
        rows = np.flatnonzero(np.append(which, False)[codes])
        shown = [texts[codes[row]].as_py() for row in rows[:MOST]]
        lines = self.raw.lines[rows[:MOST]].tolist()
        self.remarks.cells(name, problem, lines, shown, len(rows), asks=asks)

    def _drop_too_large(
        self, name: str, values: np.ndarray, text_of: Callable[[int], str]
    ) -> None:
        rows = np.flatnonzero(np.abs(values) > LARGEST)
        shown = [text_of(row) for row in rows[:MOST]]
        lines = self.raw.lines[rows[:MOST]].tolist()
        self.remarks.cells(name, _TOO_LARGE, lines, shown, len(rows), asks=True)
        values[rows] = np.nan


class Missing:
    """The spellings of a missing value: the usual ones, and those `given` by the user."""

    def __init__(self, given: Collection[str]) -> None:
        self._texts = pa.array([*MISSING, *(text.strip().lower() for text in given)])
        self._numbers = [float(text) for text in given if is_number(text)]

    def texts(self, texts: pa.StringArray) -> np.ndarray:
        """Which texts without surrounding blanks are such a spelling, bool (N,)."""
        return mask(pc.is_in(pc.utf8_lower(texts), self._texts))

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Which numbers were given as a spelling, bool (N,)."""
        return np.isin(values, self._numbers)


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


def figures(
    texts: pa.StringArray, *, decimal_comma: bool, grouped: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Which texts are numbers written in digits, and their values.

    Args:
        texts: N, without surrounding blanks.
        decimal_comma: whether the column has decimal commas. If so, "1.234" is not a number,
            because its point could separate thousands.
        grouped: whether the column has thousands separators.

    Returns:
        bool (N,), and float64 (N,): NaN where there is no number, ±∞ also for "inf".
    """
    texts = plain_marks(texts, decimal_comma=decimal_comma, grouped=grouped)
    number = matches(texts, NUMBER)
    meaning = np.full(len(texts), np.nan)
    meaning[number] = pc.cast(texts.filter(pa.array(number)), pa.float64()).to_numpy()
    meaning[matches(texts, INFINITE)] = np.inf
    return number, meaning


def plain_marks(texts: pa.StringArray, *, decimal_comma: bool, grouped: bool) -> pa.StringArray:
    """The texts with decimal points, and without thousands separators where they have some."""
    if decimal_comma:
        texts = pc.replace_substring(pc.replace_substring(texts, ".", _POINT_MARK), ",", ".")
    if grouped:
        mark = _POINT_MARK if decimal_comma else ","
        with_groups = pc.match_substring_regex(texts, GROUPED.format(mark=mark))
        texts = pc.if_else(with_groups, pc.replace_substring(texts, mark, ""), texts)
    return texts


def marks_of(
    texts: pa.StringArray, counts: np.ndarray, *, decimal_comma: bool
) -> tuple[bool, bool]:
    """Whether a column has decimal commas, and whether it has thousands separators.

    "1,234" is a thousand only if the file allows no decimal commas, or if a cell such as "1,234.5"
    decides it.
    """
    commas = decimal_comma and _has_decimal_commas(texts, counts)
    certain = _grouped(texts, commas, CERTAINLY_GROUPED).any()
    grouped = _grouped(texts, commas, GROUPED)
    other = matches(texts, COMMA_NUMBER) & ~grouped
    return commas, bool(certain or (not decimal_comma and grouped.any() and not other.any()))


def _grouped(texts: pa.StringArray, decimal_comma: bool, pattern: str) -> np.ndarray:
    mark = _POINT_MARK if decimal_comma else ","
    texts = plain_marks(texts, decimal_comma=decimal_comma, grouped=False)
    return matches(texts, pattern.format(mark=mark))


def _are_codes(texts: pa.StringArray, counts: np.ndarray) -> bool:
    """Whether numbers are codes, such as "01234": digits of one length, or often with a first 0.

    Args:
        texts: of the column.
        counts: how often each occurs as a number.
    """
    digits, zero = matches(texts, "^[0-9]+$"), matches(texts, "^0[0-9]+$")
    total, of_digits, with_zero = counts.sum(), counts[digits].sum(), counts[zero].sum()
    if not with_zero or of_digits < total:
        return False
    lengths = pc.utf8_length(texts.filter(digits & (counts > 0)))
    return len(lengths.unique()) == 1 or with_zero >= 0.1 * total


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
