"""Scores of completed tables on cells that were hidden and are known.

Numbers are in standard deviations of their column, so that columns can be averaged. All scores but
the energy distance are means over cells, whatever their column.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgm_core.estimators.coding import TableCoding
from dgm_core.metrics.energy import energy_distance
from dgm_core.metrics.errors import rmse
from dgm_core.metrics.predictive import coverage_hidden, crps_hidden
from dgm_core.types import Masked

SCORES: dict[str, str] = {
    "CRPS": (
        "Continuous ranked probability score of a hidden number: E|X − y| − ½ E|X − X′| for draws "
        "X and X′ and the true value y, in standard deviations of the column. It is the absolute "
        "error for a method without draws. Lower is better."
    ),
    "RMSE": (
        "Root mean squared error of the mean of the draws of a hidden number, in standard "
        "deviations of the column. Lower is better."
    ),
    "90 % coverage": (
        "Fraction of the hidden numbers in the central 90 % interval of the draws. The best value "
        "is 90 %. A method without draws has no interval."
    ),
    "energy distance": (
        "Distance between the distributions of completed and of true rows, over rows with hidden "
        "cells whose other cells are all known: 2 E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖. Lower is "
        "better."
    ),
    "Brier score": (
        "Σ (p − 1[level is true])² over the levels of a hidden category, where p is the frequency "
        "of the level in the draws. Lower is better."
    ),
    "log score": (
        "−log of the probability of the true level of a hidden category, in nats. The probability "
        "is (n p + 1/L) / (n + 1) for frequency p in n draws and L levels. Lower is better."
    ),
}
"""Name → definition."""

LEVEL = 0.9
"""Probability of an interval."""

ROWS_COMPARED = 500
"""Largest number of rows for the energy distance."""


def cell_scores(
    completed: Tensor, truth: Masked, held: NDArray, coding: TableCoding, draws: int
) -> dict[str, float]:
    """All scores of a method; NaN where a score does not apply.

    Args:
        completed: n completed tables as coded rows, (n, N, D). A method without draws gives one,
            whose entries of categories may be probabilities.
        truth: the coded rows (N, D) before cells were hidden.
        held: the hidden cells, (N, columns) bool.
        coding: of the columns; its standard deviations are the units of numbers.
        draws: n of the log score, the same for all methods.
    """
    found = dict.fromkeys(SCORES, math.nan)
    completed, x = completed.double(), truth.x.double()
    numeric = np.array([not each.levels for each in coding.coded])
    column_of = coding.column_of
    numbers = torch.from_numpy(held[:, column_of] & numeric[column_of])
    if numbers.any():
        values, y = completed[:, numbers][..., None], x[numbers][:, None]
        hidden = torch.zeros_like(y, dtype=torch.bool)
        found["CRPS"] = crps_hidden(values, y, hidden).mean().item()
        found["RMSE"] = rmse((values.mean(0) - y).square().mean()).item()
        if len(values) > 1:
            found["90 % coverage"] = coverage_hidden(values, y, hidden, LEVEL).mean().item()
    brier, log_score = _of_levels(completed, x, held, coding, draws)
    if len(brier):
        found["Brier score"], found["log score"] = brier.mean().item(), log_score.mean().item()
    rows = np.flatnonzero(held.any(1) & truth.observed.all(1).numpy())
    if len(rows) > 1:
        spread = np.linspace(0, len(rows) - 1, min(len(rows), ROWS_COMPARED)).round().astype(int)
        chosen = torch.from_numpy(rows[spread])
        each = [energy_distance(table[chosen], x[chosen]) for table in completed]
        found["energy distance"] = torch.stack(each).mean().item()
    return found


def _of_levels(
    completed: Tensor, x: Tensor, held: NDArray, coding: TableCoding, draws: int
) -> tuple[Tensor, Tensor]:
    """Brier scores and log scores of all hidden categories, each (cells,)."""
    brier, log_score = [x.new_zeros(0)], [x.new_zeros(0)]
    for j, each in enumerate(coding.coded):
        if not each.levels:
            continue
        entries = torch.from_numpy(coding.column_of == j)
        rows = torch.from_numpy(held[:, j])
        p, y = completed[:, rows][..., entries].mean(0), x[rows][:, entries]
        if len(each.levels) == 2:
            p, y = torch.cat([1 - p, p], 1), torch.cat([1 - y, y], 1)
        smoothed = (draws * p + 1 / len(each.levels)) / (draws + 1)
        brier.append((p - y).square().sum(1))
        log_score.append(-(smoothed * y).sum(1).log())
    return torch.cat(brier), torch.cat(log_score)
