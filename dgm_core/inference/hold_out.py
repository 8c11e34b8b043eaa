"""Known cells of a table that are hidden, so that methods can be scored on them.

    "chance"          each cell is hidden with the same probability
    "other columns"   half of the columns lose cells, with a probability that depends on the values
                      of the other half, which keep all theirs: missing at random
    "high values"     half of the columns lose cells, with a probability that grows with the value
                      itself: not at random. For tables whose truth is known; it says nothing about
                      why the cells of a table are missing that come without their truth

    P(cell of column j of row n is hidden) = σ(a_j + strength · u_nj)

u_j is a random linear combination of the columns that keep their cells, standardised, or the value
itself; a missing value counts as the mean of its column. a_j sets the fraction that is hidden. In
two consecutive repetitions the halves change roles, so that every column is scored.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from dgm_core.estimators.coding import TableCoding
from dgm_core.types import Masked

Mechanism = Literal["chance", "other columns", "high values"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)

STRENGTH = 2.0
"""Slope of the log-odds of being hidden, nats per standard deviation of u."""

FEWEST = 2
"""A column in which fewer values would remain keeps all of them."""


class HoldOut(NamedTuple):
    """Cells that are hidden."""

    held: NDArray  # (N, columns) bool; all of them were observed
    probability: NDArray  # (N, columns), 0 where a column keeps its cells


def hold_out(
    rows: Masked,
    coding: TableCoding,
    mechanism: Mechanism,
    fraction: float,
    seed: int,
    repetition: int = 0,
) -> HoldOut:
    """Choose the cells to hide.

    Args:
        rows: the coded table, (N, D).
        coding: of the table.
        mechanism: see above.
        fraction: of the observed cells of a column that loses cells.
        seed: of all random numbers, together with `repetition`.
        repetition: number of the choice, from 0.

    Raises:
        ValueError: the mechanism is unknown, or needs two columns and there is one.
    """
    if mechanism not in MECHANISMS:
        raise ValueError(f"expected a mechanism among {[*MECHANISMS]}, got {mechanism!r}")
    source = np.random.default_rng([seed, repetition])
    first_entry = np.unique(coding.column_of, return_index=True)[1]
    observed = rows.observed.numpy()[:, first_entry]
    probability = np.full(observed.shape, fraction)
    if mechanism != "chance":
        x, keeps = rows.x.double().numpy(), _keeping(observed.shape[1], seed, repetition)
        if mechanism == "other columns":
            drivers = x[:, keeps[coding.column_of]]
            scores = [
                drivers @ source.standard_normal(drivers.shape[1]) for _ in np.flatnonzero(~keeps)
            ]
        else:
            scores = [x[:, first_entry[j]] for j in np.flatnonzero(~keeps)]
        probability = np.zeros(observed.shape)
        for j, score in zip(np.flatnonzero(~keeps), scores, strict=True):
            probability[:, j] = _growing_with(score, fraction, observed[:, j])
    held = observed & (source.random(observed.shape) < probability)
    held[:, (observed & ~held).sum(0) < FEWEST] = False
    return HoldOut(held, probability)


def _keeping(columns: int, seed: int, repetition: int) -> NDArray:
    """Which columns keep all their cells, (columns,) bool."""
    if columns < 2:
        raise ValueError("expected at least 2 columns for a mechanism other than chance, got 1")
    half = np.arange(columns) < columns // 2
    first = np.random.default_rng([seed, repetition // 2, columns]).permutation(half)
    return first if repetition % 2 == 0 else ~first


def _growing_with(score: NDArray, fraction: float, observed: NDArray) -> NDArray:
    """Probabilities (N,) whose log-odds grow with a score (N,); their mean over the observed cells
    is `fraction`."""
    spread = score.std()
    slope = STRENGTH * (score - score.mean()) / (spread if spread > 0 else 1.0)

    def excess(shift: float) -> float:
        return float(expit(shift + slope)[observed].mean()) - fraction

    reach = 20.0 + float(np.abs(slope).max())
    return expit(brentq(excess, -reach, reach) + slope)
