"""Which cells are missing together, and what missingness goes with.

    patterns(table)          # sets of columns that are missing in the same rows, with counts
    associations(table)      # effect sizes: rows in which a column is missing against the others

For a column A with missing values and another column B, the values of B are compared between the
rows in which A is missing and those in which it is not.

| B           | effect                                                     | interval      |
|-------------|------------------------------------------------------------|---------------|
| numbers     | standardised mean difference d = (m₁ − m₀) / s             | large samples |
| two levels  | difference of the proportions of the second level, p₁ − p₀ | Newcombe      |
| more levels | Cramér's V = √(χ² / n)                                     | noncentral χ² |

s² is the mean of both variances. A clear effect means that values of A are not missing completely
at random; it is compatible with "missing at random". Holm's rule over all pairs says which effects
are clear. Whether A is missing because of its *own* value cannot be seen.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from dgm_core.metrics.comparison import LEVEL, holm

Measure = Literal["mean difference", "difference of proportions", "Cramér's V"]

FEWEST = 5
"""Rows that each side of a comparison needs, and least expected count of a level."""
STRONG: dict[Measure, float] = {
    "mean difference": 0.3,
    "difference of proportions": 0.15,
    "Cramér's V": 0.15,
}
"""Size of an effect that is called strong if its whole interval is beyond it."""


class Pattern(NamedTuple):
    """Rows in which the same cells are missing."""

    missing: tuple[Hashable, ...]  # columns without a value; none = complete rows
    rows: int


class Association(NamedTuple):
    """How a column differs between rows in which another is missing and the other rows."""

    column: Hashable  # whose cells are missing
    other: Hashable
    measure: Measure
    level: Hashable | None  # of a difference of proportions
    effect: float  # positive = larger values of `other` where `column` is missing
    low: float  # ends of the 95 % interval
    high: float
    p: float  # of no difference
    clear: bool  # by Holm's rule over all pairs
    rows: tuple[int, int]  # compared: with `column` missing, and not missing

    @property
    def strong(self) -> bool:
        """Whether the effect is clear and its interval is beyond `STRONG`."""
        nearest = max(self.low, -self.high)
        return self.clear and nearest > STRONG[self.measure]


def patterns(table: pd.DataFrame) -> list[Pattern]:
    """All patterns of missingness, the most frequent first.

    >>> table = pd.DataFrame({"a": [1, None, None, 4], "b": [1, None, None, 2]})
    >>> patterns(table)
    [Pattern(missing=(), rows=2), Pattern(missing=('a', 'b'), rows=2)]
    """
    missing = table.isna().to_numpy()
    if not missing.size:
        return []
    bits = np.packbits(missing, axis=1)
    words = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
    words[:, : bits.shape[1]] = bits
    keys = words.view(np.uint64)  # numbers are sorted faster than bytes
    if keys.shape[1] == 1:
        _, first, counts = np.unique(keys[:, 0], return_index=True, return_counts=True)
    else:
        _, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
    names = table.columns.to_numpy(object)
    found = [
        Pattern(tuple(names[missing[row]]), int(count))
        for row, count in zip(first, counts, strict=True)
    ]
    return sorted(found, key=lambda pattern: (-pattern.rows, len(pattern.missing)))


def missing_together(table: pd.DataFrame) -> list[tuple[Hashable, ...]]:
    """Groups of two or more columns that are missing in exactly the same rows."""
    missing, groups = table.isna().to_numpy(), {}
    for name, column in zip(table, missing.T, strict=True):
        if 0 < column.sum() < len(column):
            groups.setdefault(np.packbits(column).tobytes(), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def associations(table: pd.DataFrame, level: float = LEVEL) -> list[Association]:
    """Effects for all pairs of an incomplete column and another one, the largest p-value last.

    All rows are used. Pairs with fewer than `FEWEST` rows on one side, or of columns that are
    missing in the same rows, have no effect and are left out.

    Args:
        table: numeric, boolean and categorical columns; NaN = missing.
        level: largest probability of calling any effect clear although there is none.
    """
    missing = table.isna().to_numpy()
    incomplete = [j for j in range(missing.shape[1]) if 0 < missing[:, j].sum() < len(missing)]
    indicators = missing[:, incomplete].astype(np.float64)
    names = [table.columns[j] for j in incomplete]
    found: list[Association] = []
    for k, (other, values) in enumerate(table.items()):
        if _is_numeric(values):
            effects = _of_numbers(values.to_numpy(np.float64, na_value=np.nan), indicators)
        else:
            effects = _of_levels(values, indicators)
        found += [
            each._replace(column=name, other=other)
            for j, name, each in zip(incomplete, names, effects, strict=True)
            if j != k and each is not None
        ]
    by_number = dict(enumerate(found))
    decided = set(holm({number: each.p for number, each in by_number.items()}, level))
    marked = [each._replace(clear=number in decided) for number, each in by_number.items()]
    return sorted(marked, key=lambda each: (each.p, -abs(each.effect)))


def _is_numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _of_numbers(x: NDArray, indicators: NDArray) -> Iterator[Association | None]:
    """Standardised mean differences of x (N,), one for each indicator (N, J)."""
    known = ~np.isnan(x)
    spread = x[known].std() if known.any() else 0.0
    z = np.where(known, (x - x[known].mean()) / spread, 0.0) if spread > 0 else np.zeros(len(x))
    sums = np.stack([known, z, z**2], 1).T @ indicators  # (3, J), rows with the cell missing
    totals = np.array([known.sum(), z.sum(), (z**2).sum()])
    for (n1, s1, q1), (n0, s0, q0) in zip(sums.T, totals - sums.T, strict=True):
        if min(n1, n0) < FEWEST:
            yield None
            continue
        m1, m0 = s1 / n1, s0 / n0
        v1, v0 = (max((q - n * m**2) / (n - 1), 0.0) for n, m, q in ((n1, m1, q1), (n0, m0, q0)))
        pooled = math.sqrt((v1 + v0) / 2)
        if pooled < 1e-6:  # constant on both sides
            yield None
            continue
        d = (m1 - m0) / pooled
        a, b = v1 / n1, v0 / n0
        df = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n0 - 1))
        p = float(2 * stats.t.sf(abs(m1 - m0) / math.sqrt(a + b), df))
        half = 1.96 * math.sqrt((a + b) / pooled**2 + d**2 / (2 * (n1 + n0)))
        yield Association(
            "", "", "mean difference", None, d, d - half, d + half, p, False, (int(n1), int(n0))
        )


def _of_levels(values: pd.Series, indicators: NDArray) -> Iterator[Association | None]:
    """Differences of proportions, or Cramér's V, of a column with levels."""
    levels = pd.Categorical(values)
    codes = np.asarray(levels.codes)
    hot = (codes[:, None] == np.arange(len(levels.categories))).astype(np.float64)
    counts = np.stack([indicators.T @ hot, (1 - indicators).T @ hot], 1)  # (J, 2, levels)
    for table in counts:
        n1, n0 = (int(n) for n in table.sum(1))
        if min(n1, n0) < FEWEST or (table.sum(0) > 0).sum() < 2:
            yield None
        elif len(levels.categories) == 2:
            yield _of_two(table, levels.categories[1])
        else:
            yield _of_many(table)


def _of_two(counts: NDArray, level: Hashable) -> Association:
    """Difference of the proportions of the second level; counts (2, 2), missing first."""
    (_, x1), (_, x0) = counts
    n1, n0 = counts.sum(1)
    p1, p0 = x1 / n1, x0 / n0
    effect = p1 - p0
    low1, high1 = _wilson(p1, n1)
    low0, high0 = _wilson(p0, n0)
    low = effect - math.hypot(p1 - low1, high0 - p0)
    high = effect + math.hypot(high1 - p1, p0 - low0)
    if min(n1, n0) * min(counts.sum(0)) / counts.sum() < FEWEST:
        test: Any = stats.fisher_exact(counts)
    else:
        test = stats.chi2_contingency(counts, correction=False)
    measure: Measure = "difference of proportions"
    return Association(
        "", "", measure, level, effect, low, high, float(test.pvalue), False, (int(n1), int(n0))
    )


def _of_many(counts: NDArray) -> Association | None:
    """Cramér's V of counts (2, levels); rare levels are put together."""
    n = counts.sum()
    counts = counts[:, counts.sum(0) > 0]
    rare = counts.sum(0) * min(counts.sum(1)) / n < FEWEST
    if rare.any():
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(1)])
    if counts.shape[1] < 2:
        return None
    test: Any = stats.chi2_contingency(counts, correction=False)
    chi2, df = float(test.statistic), int(test.dof)
    ends = (chi2, *(_noncentrality(chi2, df, tail) for tail in (0.975, 0.025)))
    effect, low, high = (math.sqrt(min(end / n, 1.0)) for end in ends)
    n1, n0 = (int(side) for side in counts.sum(1))
    p = float(test.pvalue)
    return Association("", "", "Cramér's V", None, effect, low, high, p, False, (n1, n0))


def _wilson(p: float, n: float) -> tuple[float, float]:
    z2 = 1.96**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    return centre - half, centre + half


def _noncentrality(chi2: float, df: int, tail: float) -> float:
    """The noncentrality for which P(χ² ≤ observed) is `tail`; 0 if it is below for all."""

    def excess(noncentrality: float) -> float:
        return float(stats.ncx2.cdf(chi2, df, noncentrality)) - tail

    if stats.chi2.cdf(chi2, df) <= tail:
        return 0.0
    root: Any = brentq(excess, 1e-9, 2 * chi2 + 50 + 20 * math.sqrt(chi2))
    return float(root)
