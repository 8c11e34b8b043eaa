"""Suspicious facts about a table that its owner should look at before anything is computed.

    reading = read_table(content, "study.csv")
    for defect in defects(reading.frame, cells_of(content, "study.csv")):
        print(defect.sentence)

| kind             | what is found                                                               |
|------------------|-----------------------------------------------------------------------------|
| sentinel         | −999, 99 and the like, far from all other numbers of a column               |
| duplicate rows   | equal rows, more than chance explains                                       |
| constant         | one value in all rows                                                       |
| identifier       | another value in every row, as names and numbers of rows are                |
| mostly missing   | more than 80 % of the cells are missing                                     |
| missing together | columns that are missing in exactly the same rows                           |
| determined       | a column that follows from another: |r| > .999, the same order, or levels   |
| impossible value | negative counts, percentages above 100, numbers far outside of the others   |
| mixed text       | thousands separators, or words among numbers                                |
| not by chance    | missingness that clearly goes with another column                           |

A defect is a reason to look, not a proof. Nothing is changed. The cells of the file show more than
the typed table, from which columns of no use to a model are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.util import hash_pandas_object
from scipy import stats

from dgm_core.data.reading import Limits
from dgm_core.data.reading.delimited import read_delimited
from dgm_core.data.reading.numerals import MISSING, NUMBER
from dgm_core.data.reading.parquet import MAGIC
from dgm_core.data.reading.remarks import Remarks, count_of, quoted
from dgm_core.inference.patterns import Association, associations, missing_together

pc: Any = pyarrow.compute

Kind = Literal[
    "sentinel",
    "duplicate rows",
    "constant",
    "identifier",
    "mostly missing",
    "missing together",
    "determined",
    "impossible value",
    "mixed text",
    "not by chance",
]
Cells = Mapping[str, pa.ChunkedArray]
"""Column → its cells as the file has them."""

SENTINELS = tuple(
    sign * float(digit * length) for sign in (-1, 1) for digit in "98" for length in range(1, 7)
)
"""−9, −99, …, 888888: numbers that stand for a missing value in many files."""
MOSTLY = 0.8
SAME = 0.999
"""Correlation above which a column follows from another."""
SAME_RANKS = 0.97
"""Rank correlation above which two columns are checked for having the same order."""
FAR = 10.0
"""Robust standard deviations from the median; a gap of `GAP` must separate such a number."""
GAP = 3.0
FEWEST = 10
"""Rows below which nothing is said about a column."""
ROWS = 5_000
"""Rows among which columns are compared with each other; what is found is checked on all."""

GROUPED = r"^[+-]?[0-9]{1,3}([,' ][0-9]{3})+(\.[0-9]+)?$"
_DATE = r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?$"
_ID = re.compile(r"(^|_|\b)(id|ids|nr|uuid|key|identifier|index|number|row)(_|\b|$)", re.I)
_SHARE = re.compile(r"%|percent|(^|_|\b)pct(_|\b|$)", re.I)
_NEVER_NEGATIVE = re.compile(
    r"%|percent|pct|(^|_|\b)(n|num|count|counts|visits|children|age|ages|height|weight|length|"
    r"width|distance|duration|price|salary|rooms|size)(_|\b|$)",
    re.I,
)


class Defect(NamedTuple):
    """One suspicious fact."""

    kind: Kind
    columns: tuple[Hashable, ...]
    sentence: str
    count: int  # of the cells or rows concerned


def cells_of(content: bytes, name: str) -> dict[str, pa.ChunkedArray]:
    """The cells of a CSV or Parquet file, column by column, before they were understood.

    Raises:
        UnreadableTable: as `read_table` does.
    """
    if content.startswith(MAGIC):
        table = pq.read_table(pa.BufferReader(content))
        return dict(zip(table.column_names, table.columns, strict=True))
    raw = read_delimited(content, quoted(name), Limits(), Remarks())
    return dict(zip(raw.names, raw.cells, strict=True))


def defects(
    table: pd.DataFrame,
    cells: Cells | None = None,
    found: Sequence[Association] | None = None,
) -> list[Defect]:
    """All defects, in the order of the list above.

    Args:
        table: numeric, boolean and categorical columns; NaN = missing. Columns of other types are
            compared as text.
        cells: of the file, from which constants, identifiers and mixed text are found also in
            columns that `table` lacks; None = only `table` is searched.
        found: `associations(table)`, if they are known already.
    """
    if len(table) < FEWEST:
        return []
    numbers = {
        name: table[name].to_numpy(np.float64, na_value=np.nan)
        for name in table
        if pd.api.types.is_numeric_dtype(table[name])
        and not pd.api.types.is_bool_dtype(table[name])
    }
    sentinels = {name: _sentinels(x) for name, x in numbers.items()}
    texts = {} if cells is None else _texts(cells)
    mixed = [each for name, column in texts.items() for each in _mixed(name, column)]
    named_numbers = {column for each in mixed for column in each.columns}
    identifiers = [*_identifiers(numbers, table)]
    known = {column for each in identifiers for column in each.columns}
    for name, column in texts.items():
        if name not in known and name not in numbers and name not in named_numbers:
            identifiers += _text_identifier(name, column)
    return [
        *(each for name, values in sentinels.items() for each in _of_sentinels(name, values)),
        *_duplicates(table, {column for each in identifiers for column in each.columns}),
        *_constants(table, texts),
        *identifiers,
        *_mostly_missing(table, texts),
        *_together(table),
        *_determined(table, numbers),
        *(each for name, x in numbers.items() for each in _impossible(name, x, sentinels[name])),
        *mixed,
        *_not_by_chance(associations(table) if found is None else found),
    ]


# --- one column of numbers


def _sentinels(x: NDArray) -> dict[float, int]:
    """Number → how often it occurs, of those that may stand for a missing value."""
    levels, counts = np.unique(x[~np.isnan(x)], return_counts=True)
    found: dict[float, int] = {}
    while len(levels) > 2:
        for end, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
            others, value = levels[rest], levels[end]
            span = others[-1] - others[0]
            away = max(others[0] - value, value - others[-1])
            only_negative = value < 0 <= others[0] and value <= -9
            if value in SENTINELS and (away > span / 2 or only_negative):
                found[float(value)] = int(counts[end])
                levels, counts = others, counts[rest]
                break
        else:
            break
    return found


def _of_sentinels(name: Hashable, found: Mapping[float, int]) -> Iterator[Defect]:
    for value, count in found.items():
        yield Defect(
            "sentinel",
            (name,),
            f"{_q(name)} is {value:g} in {count_of(count, 'cell')}, far from all its other "
            f"values. {value:g} often stands for a missing value. If it does here, empty these "
            "cells; otherwise every mean and every model uses it as a number.",
            count,
        )


def _impossible(name: Hashable, x: NDArray, sentinels: Mapping[float, int]) -> Iterator[Defect]:
    """Negative counts, percentages above 100, numbers far outside of the others."""
    x = x[~np.isnan(x) & ~np.isin(x, [*sentinels])]
    if len(x) < FEWEST:
        return
    negative = (x < 0) & bool(_NEVER_NEGATIVE.search(str(name)) and (x < 0).mean() < 0.2)
    above = (x > 100) & bool(_SHARE.search(str(name)) and (x > 100).mean() < 0.2)
    if negative.any():
        yield _strange(name, x[negative], "below 0, which its name seems to rule out")
    if above.any():
        yield _strange(name, x[above], "above 100, although it seems to be a percentage")
    far = _far(x) & ~negative & ~above
    if far.any():
        middle = float(np.median(x))
        yield _strange(
            name,
            x[far],
            f"more than {FAR:g} robust standard deviations from the median {middle:g}",
        )


def _strange(name: Hashable, values: NDArray, why: str) -> Defect:
    shown = ", ".join(f"{value:g}" for value in np.unique(values)[:3])
    dots = ", …" if len(np.unique(values)) > 3 else ""
    sentence = (
        f"{_q(name)} has {count_of(len(values), 'value')} {why} ({shown}{dots}). Check whether "
        "they were typed or measured wrongly."
    )
    return Defect("impossible value", (name,), sentence, len(values))


def _far(x: NDArray) -> NDArray:
    """Which values are far from the others: |x − median| > 10 · 1.4826 · MAD, beyond a gap.

    A positive column must be far on the log scale as well, because skewed columns have long tails.
    """
    z = _robust(x)
    if (x > 0).all():
        z = np.minimum(z, _robust(np.log(x)))
    elif (x >= 0).all():
        z = np.minimum(z, _robust(np.sqrt(x)))
    order = np.sort(z)
    gaps = np.diff(order)
    beyond = np.flatnonzero((order[1:] > FAR) & (gaps > GAP))
    return z >= order[beyond[0] + 1] if len(beyond) else np.zeros(len(x), bool)


def _robust(x: NDArray) -> NDArray:
    away = np.abs(x - np.median(x))
    spread = 1.4826 * np.median(away)
    return away / spread if spread > 0 else np.zeros(len(x))


# --- one column of any kind


def _texts(cells: Cells) -> dict[str, pa.Array]:
    """Column → its cells as texts without surrounding blanks; null if missing."""
    found = {}
    for name, column in cells.items():
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            continue
        text = pc.utf8_trim_whitespace(pc.cast(column, pa.string())).combine_chunks()
        missing = pc.is_in(pc.utf8_lower(text), pa.array(MISSING))
        found[name] = pc.if_else(missing, pa.scalar(None, pa.string()), text)
    return found


def _mixed(name: str, texts: pa.Array) -> Iterator[Defect]:
    """Thousands separators or words among numbers."""
    known = texts.drop_null()
    if len(known) < FEWEST:
        return
    plain = pc.match_substring_regex(known, NUMBER)
    grouped = pc.match_substring_regex(known, GROUPED)
    commas = pc.match_substring_regex(known, r"^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$")
    numbers = pc.or_(pc.or_(plain, grouped), commas)
    total, of_numbers = len(known), pc.sum(numbers).as_py() or 0
    if of_numbers <= total / 2:
        return
    with_marks = pc.sum(grouped).as_py() or 0
    decimal = (pc.sum(pc.and_not(commas, grouped)).as_py() or 0) > 0
    words = total - of_numbers
    if with_marks and not decimal:
        example = known.filter(grouped)[0].as_py()
        yield Defect(
            "mixed text",
            (name,),
            f"{_q(name)} has {count_of(with_marks, 'number')} with a thousands separator, such as "
            f"{quoted(example)}. Check how they were read, or write them without the separator.",
            with_marks,
        )
    if words:
        example = known.filter(pc.invert(numbers))[0].as_py()
        yield Defect(
            "mixed text",
            (name,),
            f"{_q(name)} has numbers in most cells, but {count_of(words, 'cell')} with other "
            f"text, such as {quoted(example)}, which cannot be used as numbers.",
            words,
        )


def _identifiers(numbers: Mapping[Hashable, NDArray], table: pd.DataFrame) -> Iterator[Defect]:
    """Whole numbers that differ in every row and count the rows, or are called so."""
    for name, x in numbers.items():
        known = x[~np.isnan(x)]
        if len(known) < max(FEWEST, 0.9 * len(x)) or (known != np.rint(known)).any():
            continue
        levels = len(np.unique(known))
        steps = np.diff(known)
        counts = (steps > 0).all() and float(np.median(steps)) == 1.0
        dense = levels == len(known) and known.max() - known.min() < 1.1 * len(known)
        if levels > 0.99 * len(known) and (counts or dense or _ID.search(str(name))):
            yield _identifier(name, levels)


def _text_identifier(name: str, texts: pa.Array) -> Iterator[Defect]:
    known = texts.drop_null()
    levels = len(known.unique())
    if len(known) < max(FEWEST, len(texts) / 2) or levels <= 0.9 * len(known):
        return
    like_numbers = pc.or_(
        pc.match_substring_regex(known, NUMBER), pc.match_substring_regex(known, _DATE)
    )
    if not (pc.sum(like_numbers).as_py() or 0) > len(known) / 2:
        yield _identifier(name, levels)


def _identifier(name: Hashable, levels: int) -> Defect:
    sentence = (
        f"{_q(name)} looks like an identifier: it has {levels:,} different values, another one in "
        "nearly every row. It says nothing about rows that were not seen. Leave it out of a model."
    )
    return Defect("identifier", (name,), sentence, levels)


def _constants(table: pd.DataFrame, texts: Mapping[str, pa.Array]) -> Iterator[Defect]:
    single: dict[Hashable, Any] = {}
    for name, column in texts.items():
        levels = column.drop_null().unique()
        if len(levels) == 1:
            single[name] = levels[0].as_py()
    for name, values in table.items():
        if name not in single and values.nunique() == 1:
            single[name] = values.dropna().iloc[0]
    for name, value in single.items():
        sentence = (
            f"{_q(name)} is constant: it is {quoted(str(value))} wherever it is not missing. It "
            "cannot explain or predict anything."
        )
        yield Defect("constant", (name,), sentence, len(table))


def _mostly_missing(table: pd.DataFrame, texts: Mapping[str, pa.Array]) -> Iterator[Defect]:
    counts: dict[Hashable, tuple[int, int]] = {
        name: (column.null_count, len(column)) for name, column in texts.items()
    }
    counts |= {name: (int(values.isna().sum()), len(table)) for name, values in table.items()}
    for name, (missing, rows) in counts.items():
        if missing > MOSTLY * rows:
            share = "all" if missing == rows else f"{100 * missing / rows:.0f} %"
            sentence = (
                f"{_q(name)} is missing in {share} of the rows ({missing:,} of {rows:,}). What is "
                "filled in there comes from a model and not from data."
            )
            yield Defect("mostly missing", (name,), sentence, missing)


# --- several columns


def _duplicates(table: pd.DataFrame, identifiers: set[Hashable]) -> Iterator[Defect]:
    """Equal rows, if there are more than independent columns explain."""
    others = [name for name in table if name not in identifiers]
    if not others:
        return
    codes = np.stack([pd.factorize(table[name], use_na_sentinel=True)[0] for name in others], 1)
    rows = len(codes)
    # pandas.util exports the function lazily, as an object.
    hashes: Any = hash_pandas_object(pd.DataFrame(codes), index=False)  # pyright: ignore
    _, counts = np.unique(np.asarray(hashes), return_counts=True)
    repeated = int((counts - 1).sum())
    if not repeated:
        return
    log_chance = 0.0
    for column in codes.T:
        p = np.bincount(column + 1) / rows
        log_chance += math.log((p**2).sum())
    pairs = float((counts * (counts - 1) / 2).sum())
    expected = rows * (rows - 1) / 2 * math.exp(log_chance)
    if pairs <= 10 * expected + 1e-9:
        return
    but = f", apart from {', '.join(map(_q, sorted(identifiers, key=str)))}" if identifiers else ""
    sentence = (
        f"{count_of(repeated, 'row')} {'repeats' if repeated == 1 else 'repeat'} an earlier row "
        f"in all columns{but}. If they were entered twice, remove them: otherwise intervals are "
        "too narrow."
    )
    yield Defect("duplicate rows", (), sentence, repeated)


def _together(table: pd.DataFrame) -> Iterator[Defect]:
    for group in missing_together(table):
        missing, rows = int(table[group[0]].isna().to_numpy().sum()), len(table)
        if _log_choices(rows, min(missing, rows - missing)) < math.log(1e4):
            continue  # chance could have done it
        sentence = (
            f"{', '.join(map(_q, group[:-1]))} and {_q(group[-1])} are always missing together "
            f"({count_of(missing, 'row')}). They may have one cause, such as one page of a form, "
            "and where one is missing the others cannot help to fill it in."
        )
        yield Defect("missing together", group, sentence, missing)


def _log_choices(n: int, k: int) -> float:
    """log of the number of ways to choose k of n rows."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _determined(table: pd.DataFrame, numbers: Mapping[Hashable, NDArray]) -> Iterator[Defect]:
    """Columns that follow from another; each pair is named once."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(table))[:ROWS])
    reported: set[frozenset[Hashable]] = set()
    for a, b in _same_order(numbers, chosen):
        r, n = _correlation(numbers[a], numbers[b])
        if n < FEWEST:
            continue
        reported.add(frozenset((a, b)))
        how = f"their correlation is {r:.5f}" if abs(r) > SAME else "they have the same order"
        yield Defect(
            "determined",
            (a, b),
            f"{_q(b)} follows from {_q(a)}: {how} in {n:,} rows. They may be one quantity in two "
            "units. A regression on both cannot separate them.",
            n,
        )
    codes = {name: pd.factorize(table[name], use_na_sentinel=True)[0] for name in table}
    sample = {name: column[chosen] for name, column in codes.items()}
    few = [name for name in sample if sample[name].max() + 1 < 0.5 * len(chosen)]
    for a in few:
        for b in few:
            pair = frozenset((a, b))
            if a != b and pair not in reported and _follows(sample[a], sample[b], 1e-6):
                if not _follows(codes[a], codes[b], 1.0):
                    continue
                reported.add(pair)
                yield Defect(
                    "determined",
                    (a, b),
                    f"{_q(b)} follows from {_q(a)}: rows with the same {_q(a)} always have the "
                    f"same {_q(b)}. One of the two may be enough.",
                    len(table),
                )


def _same_order(
    numbers: Mapping[Hashable, NDArray], chosen: NDArray
) -> Iterator[tuple[Hashable, Hashable]]:
    """Pairs with |r| > `SAME`, of values or of ranks; first on a sample of rows."""
    names = [*numbers]
    if len(names) < 2:
        return
    sample = np.stack([numbers[name][chosen] for name in names], 1)
    known = ~np.isnan(sample)
    ranks = np.stack([stats.rankdata(x, nan_policy="omit") for x in sample.T], 1)
    # Ranks are over the known rows of each column, so those of a pair agree only roughly.
    near = (np.abs(_correlations(sample, known)) > SAME) | (
        np.abs(_correlations(ranks, known)) > SAME_RANKS
    )
    for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True):
        a, b = names[i], names[j]
        both = ~np.isnan(numbers[a]) & ~np.isnan(numbers[b])
        x, y = numbers[a][both], numbers[b][both]
        if abs(_correlation(x, y)[0]) > SAME or _monotone(x, y):
            yield a, b


def _monotone(x: NDArray, y: NDArray) -> bool:
    """Whether y has exactly the order of x, or the reverse."""
    if len(np.unique(x)) < FEWEST or len(np.unique(y)) < FEWEST:
        return False
    a, b = (stats.rankdata(each, method="dense") for each in (x, y))
    return bool((a == b).all() or (a == b.max() + 1 - b).all())


def _correlations(x: NDArray, known: NDArray) -> NDArray:
    """Correlations of columns (N, D) over the rows known in both, (D, D); 0 with too few rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(known, (x - np.nanmean(x, 0)) / np.nanstd(x, 0), 0.0)
        z = np.nan_to_num(z)
        o = known.astype(np.float64)
        n, s, q = o.T @ o, z.T @ o, (z**2).T @ o
        covariance = z.T @ z / n - (s / n) * (s / n).T
        variance = q / n - (s / n) ** 2
        r = covariance / np.sqrt(variance * variance.T)
    return np.where((n >= FEWEST) & (variance > 1e-9) & (variance.T > 1e-9), r, 0.0)


def _correlation(x: NDArray, y: NDArray) -> tuple[float, int]:
    both = ~np.isnan(x) & ~np.isnan(y)
    n = int(both.sum())
    if n < 2 or x[both].std() == 0 or y[both].std() == 0:
        return 0.0, n
    return float(np.corrcoef(x[both], y[both])[0, 1]), n


def _follows(a: NDArray, b: NDArray, largest_chance: float) -> bool:
    """Whether rows with the same code of a have the same code of b, and chance is unlikely.

    If b were independent of a, all groups would agree with a probability of at most about
    (Σ p²)^(rows − groups), where p are the frequencies of b.
    """
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if len(a) < FEWEST:
        return False
    groups = len(np.unique(a))
    if len(np.unique(a * (b.max() + 1) + b)) != groups:
        return False
    same = (np.bincount(b) / len(b)) ** 2
    if same.sum() >= 1:  # b is constant
        return False
    return (len(a) - groups) * math.log(same.sum()) <= math.log(largest_chance)


def _not_by_chance(found: Sequence[Association]) -> Iterator[Defect]:
    """The strongest association of each column whose missingness goes with another column."""
    seen: set[Hashable] = set()
    for each in sorted(found, key=lambda one: -max(one.low, -one.high)):
        if each.strong and each.column not in seen:
            seen.add(each.column)
            sentence = (
                f"Missing values of {_q(each.column)} are not missing completely at random: "
                f"{in_words(each)}. “Missing at random” given {_q(each.other)} is possible. Rows "
                "without missing values are then not like all rows."
            )
            yield Defect("not by chance", (each.column, each.other), sentence, each.rows[0])


def in_words(each: Association) -> str:
    """An association as a clause."""
    other = _q(each.other)
    if each.measure == "mean difference":
        way = "larger" if each.effect > 0 else "smaller"
        return (
            f"where it is missing, {other} is {abs(each.effect):.2f} standard deviations {way} on "
            "average"
        )
    if each.measure == "difference of proportions":
        way = "more" if each.effect > 0 else "less"
        return (
            f"where it is missing, {other} is {quoted(str(each.level))} {way} often, by "
            f"{100 * abs(each.effect):.0f} percentage points"
        )
    return f"where it is missing, the levels of {other} have other frequencies"


def _q(name: Hashable) -> str:
    return quoted(str(name))
