"""How a conclusion depends on what data cannot show: why values are missing.

**Shifts** (delta adjustment). If missing values of a column are larger by δ than values missing at
random would be, every imputed number of that column is δ larger. `along_shifts` shifts what was
imputed, analyses the tables again and pools; nothing is fitted.

**Mechanisms.** Assume that the log-odds that a value x is missing grow by `strength` per standard
deviation of its column, beside what the observed values of the row say. By Bayes' rule

    p(x | missing, x_obs) ∝ p(x | observed, x_obs) · exp(Σ_d strength · sign_d · x_d / sd_d)

with a sum over the missing cells of the row (exponential tilting; Rotnitzky, Robins & Scharfstein
1998). A method that assumes values missing at random learns p(x | observed, x_obs). So
`along_strengths` keeps several draws of each row from each fitted model, and chooses one of them
with this exponential as its weight; nothing is fitted. The weight is the odds of being missing and
not its probability, because the model has seen only values that were *not* missing. A normal
distribution with standard deviation σ moves by strength · σ² / sd.

For one incomplete column this is exact. If several columns have missing values, the model learns
each of them from rows that are themselves incomplete, so it is an approximation.

Strong mechanisms leave few draws with weight. If the effective sample size is below `FEW` in more
than a tenth of the rows, a not-MIWAE with this mechanism is fitted instead, if `refit` is given.

    pooled estimate and interval at each δ       → `Point`s
    the δ at which 0 enters or leaves an interval → `tipping_points`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dgm_core.inference.analyses import Analysis
from dgm_core.inference.draws import Draws, completed
from dgm_core.inference.pooling import Pooled, pool_models

FEW = 10
"""Effective sample size below which a row's weights are too uneven."""
MOST_WEAK = 0.1
"""Fraction of such rows above which the weights cannot be used."""


class Point(NamedTuple):
    """The pooled result under one assumption."""

    value: float  # δ in the units of the column, or the strength in log-odds per SD
    pooled: Pooled
    ess: float = math.nan  # median effective sample size of the weights; NaN without weights
    weak: float = 0.0  # fraction of incomplete rows with an effective sample size below `FEW`
    refitted: bool = False

    @property
    def reliable(self) -> bool:
        """Do the weights bear this assumption?"""
        return self.refitted or self.weak <= MOST_WEAK


def shifted(
    draws: Sequence[pd.DataFrame], original: pd.DataFrame, shifts: Mapping[Hashable, float]
) -> list[pd.DataFrame]:
    """Completed tables whose imputed numbers are shifted: column → δ in its own units.

    Raises:
        ValueError: a column that does not exist or is not numeric.
    """
    for column in shifts:
        if column not in original:
            raise ValueError(f"expected one of the columns {list(original)}, got {column!r}")
        if not pd.api.types.is_numeric_dtype(original[column]):
            raise ValueError(f"expected a numeric column to shift, got {column!r}")
    tables = []
    for table in draws:
        changed = table.copy()
        for column, shift in shifts.items():
            hidden = original[column].isna().to_numpy()
            values = table[column].to_numpy(np.float64)
            changed[column] = np.where(hidden, values + shift, values)
        tables.append(changed)
    return tables


def along_shifts(
    draws: Sequence[pd.DataFrame],
    original: pd.DataFrame,
    column: Hashable,
    shifts: Iterable[float],
    analysis: Analysis,
) -> list[Point]:
    """The pooled analysis for each shift δ of what was imputed in one column."""
    return [
        Point(
            float(shift),
            pool_models([analysis(table) for table in shifted(draws, original, {column: shift})]),
        )
        for shift in shifts
    ]


def along_strengths(
    draws: Draws,
    original: pd.DataFrame,
    signs: Mapping[Hashable, int],
    strengths: Iterable[float],
    analysis: Analysis,
    *,
    seed: int = 0,
    refit: Callable[[float], Sequence[pd.DataFrame]] | None = None,
) -> Iterator[Point]:
    """The pooled analysis for each strength of an assumed mechanism.

    At strength 0 the completed tables are those of the first draw of each model. With growing
    strength each value moves to another draw, and no value of a column with sign +1 falls, if it
    is the only missing one of its row.

    Args:
        draws: at random, such as `draws_of(imputer, original, models=10)`.
        original: the incomplete table.
        signs: column → +1 if high values go missing, −1 if low ones do.
        strengths: change of the log-odds of being missing, in nats per standard deviation of the
            observed values; 0 = missing at random, negative = the other values go missing.
        analysis: of a complete table.
        seed: of the choices.
        refit: strength → completed tables of models fitted under this strength, for strengths that
            the weights do not bear; None = the weights are used, and `Point.weak` shows it.

    Raises:
        ValueError: a column that is not numeric or has no draws, or a sign that is not 1 or −1.
    """
    tilted = Tilted(draws, original, signs, seed)
    for strength in strengths:
        sizes, tables = tilted.at(strength)
        weak = float((sizes < FEW).mean())
        bad = weak > MOST_WEAK and refit is not None
        completions = refit(strength) if bad and refit is not None else tables
        pooled = pool_models([analysis(table) for table in completions])
        yield Point(float(strength), pooled, float(np.median(sizes)), weak, refitted=bad)


class Tilted:
    """The table completed under any strength; see `along_strengths`.

    Args:
        draws: at random.
        original: the incomplete table.
        signs: column → +1 or −1.
        seed: of the choices.
    """

    def __init__(
        self, draws: Draws, original: pd.DataFrame, signs: Mapping[Hashable, int], seed: int = 0
    ) -> None:
        self._draws, self._original = draws, original
        for column, sign in signs.items():
            if column not in draws or not pd.api.types.is_numeric_dtype(original[column]):
                raise ValueError(f"expected a numeric column with draws, got {column!r}")
            if sign not in (1, -1):
                raise ValueError(f"expected a sign of 1 or −1 for {column!r}, got {sign!r}")
        hidden = {column: original[column].isna().to_numpy() for column in signs}
        rows = np.logical_or.reduce([*hidden.values()])
        self._place = np.where(rows, rows.cumsum() - 1, -1)  # of each row among those; −1 = none
        models, count = next(iter(draws.values())).shape[:2]
        score = np.zeros((models, count, int(rows.sum())), np.float32)
        for column, sign in signs.items():
            seen = original[column].dropna().to_numpy(np.float64)
            unit = sign / (seen.std() or 1.0)
            score[:, :, self._place[hidden[column]]] += unit * (draws[column] - np.median(seen))
        # Draws in the order of their scores, so that the chosen one moves up with the strength.
        # Chance orders equal ones: then the place of the first draw is a uniform random number.
        random = np.random.default_rng(seed)
        ties = random.random(score.shape, np.float32)
        self._order = np.lexsort((ties, score), axis=1).astype(np.int32)
        self._score = np.take_along_axis(score, self._order, 1)
        noise = random.random((models, score.shape[2]))
        self._u = ((self._order == 0).argmax(1) + noise) / count  # chooses the first draw at 0

    def at(self, strength: float) -> tuple[NDArray, Iterator[pd.DataFrame]]:
        """Effective sample sizes (m, incomplete rows), and a completed table from each model."""
        log_w = np.float32(strength) * self._score
        weights = np.exp(log_w - log_w.max(1, keepdims=True))
        total = weights.cumsum(1)
        sizes = total[:, -1] ** 2 / np.square(weights).sum(1)
        rank = (total < self._u[:, None] * total[:, -1:]).sum(1)
        chosen = np.take_along_axis(self._order, rank[:, None], 1)[:, 0]
        return sizes, map(self._completed, range(len(chosen)), chosen)

    def _completed(self, model: int, chosen: NDArray) -> pd.DataFrame:
        """The table with the chosen draws (incomplete rows,), and elsewhere the first draw."""
        values = {}
        for name, each in self._draws.items():
            place = self._place[self._original[name].isna().to_numpy()]
            number = np.where(place < 0, 0, chosen[place])
            values[name] = each[model, number, np.arange(len(number))]
        return completed(self._original, values)


def tipping_points(
    points: Sequence[Point], parameter: int = 0, *, value: float = 0.0, level: float = 0.95
) -> list[float]:
    """Where the interval of a parameter begins or ceases to contain `value`, ascending.

    The ends of the interval are interpolated linearly between neighbouring points.
    """
    ordered = sorted(points, key=lambda point: point.value)
    places = np.array([point.value for point in ordered])
    ends = np.array(
        [[_at(end, parameter) for end in point.pooled.interval(level)] for point in ordered]
    )
    found: set[float] = set()
    for end in (ends - value).T:
        for i in np.flatnonzero(np.sign(end[:-1]) * np.sign(end[1:]) < 0):
            share = end[i] / (end[i] - end[i + 1])
            found.add(float(places[i] + share * (places[i + 1] - places[i])))
    return sorted(found)


def _at(values: Any, parameter: int) -> float:
    return float(np.atleast_1d(values)[parameter])
