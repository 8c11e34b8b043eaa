"""Whether the draws of a method are as wide as its errors, on known cells that were hidden.

    found = calibration(Config(), table, "MFA")
    found.coverage[0.9]     # fraction of hidden numbers in the central 90 % interval, and error

The cells are those of the first repetition of `choice`. The probability integral transform of a
hidden number among n draws is uniform if the draws are right; see `metrics.calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from dgm_core.estimators.coding import Table, TableCoding
from dgm_core.inference.choice import METHODS, Config, Factory, completed_steps, problem_of
from dgm_core.metrics.calibration import Histogram, pit, pit_histogram
from dgm_core.metrics.predictive import coverage_hidden
from dgm_core.rng import generator
from dgm_core.stepwise import Steps, stepwise

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the central intervals."""


class Calibration(NamedTuple):
    """Calibration of a method on hidden numbers."""

    method: str
    cells: int  # hidden numbers
    histogram: Histogram  # of the probability integral transforms
    coverage: Mapping[float, tuple[float, float]]  # level → fraction inside, standard error


@stepwise
def calibration(
    config: Config, table: Table, method: str, factories: Mapping[str, Factory] = METHODS
) -> Steps[Calibration | None]:
    """Calibration of a method; None if it gives no draws, or no number was hidden.

    Levels whose interval needs more draws are left out.

    Args:
        config: of the hidden cells, the rows and the number of draws; its methods are not used.
        table: as in `choice.run`.
        method: a name in `factories`.
        factories: name → constructor.
    """
    coding = TableCoding.learn(table, config.categorical)
    problem = problem_of(config, table, coding, 0)
    imputer = factories[method](problem.seed)
    completed = (yield from completed_steps(imputer, problem, coding, config.draws)).double()
    numeric = np.array([not each.levels for each in coding.coded])[coding.column_of]
    numbers = torch.from_numpy(problem.held[:, coding.column_of] & numeric)
    if len(completed) < 2 or not numbers.any():
        return None
    values, y = completed[:, numbers][..., None], problem.truth.x.double()[numbers][:, None]
    hidden = torch.zeros_like(y, dtype=torch.bool)
    cells, coverage = len(y), {}
    for level in LEVELS:
        if (1 - level) / 2 * (len(completed) + 1) < 1:
            continue
        inside = coverage_hidden(values, y, hidden, level).mean().item()
        coverage[level] = (inside, math.sqrt(inside * (1 - inside) / cells))
    transforms = pit(values, y, hidden, generator(config.seed))
    return Calibration(method, cells, pit_histogram(transforms), coverage)
