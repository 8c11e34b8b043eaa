"""Completing arrays with scikit-learn, within a budget of rows, columns, memory and time.

This module does not load torch, so a child process that computes here starts quickly.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning

from dgm_core.stepwise import in_process

WORKING_MEMORY = 64
"""Megabytes for distances between rows."""


@dataclass(frozen=True)
class Budget:
    """What a simple method may use, and where it is computed.

    Attributes:
        steps: `Pool.steps`, or `in_process`.
        rows: it learns from at most so many rows.
        cells: it learns from at most so many rows × columns.
        columns: in a table of more columns, chained equations use only `predictors`.
        predictors: number of other columns on which a column is then regressed.
        memory: bytes.
        seconds: of computation.
    """

    steps: Callable[..., Any] = in_process
    rows: float = math.inf
    cells: float = math.inf
    columns: float = math.inf
    predictors: int = 50
    memory: float = math.inf
    seconds: float = math.inf

    def learned_rows(self, rows: int, columns: int) -> int:
        """Number of rows of a table from which a method learns."""
        return int(min(rows, self.rows, max(1.0, self.cells / columns)))

    def learned_predictors(self, columns: int) -> int | None:
        """Number of columns on which a column is regressed; None = all."""
        return None if columns <= self.columns else min(self.predictors, columns)


def fill(method: Any, values: NDArray, learned: NDArray | None) -> NDArray:
    """The array with its missing values filled in.

    Args:
        method: an imputer of scikit-learn.
        values: (N, D), NaN = missing.
        learned: the rows from which the method learns; None = all.
    """
    with warnings.catch_warnings(), config_context(working_memory=WORKING_MEMORY):
        # The number of rounds is a setting, so stopping before convergence is not a problem.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if learned is None:
            return np.asarray(method.fit_transform(values))
        return np.asarray(method.fit(values[learned]).transform(values))
