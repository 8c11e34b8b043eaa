"""Time and error of the table imputers with their defaults, beside scikit-learn's in one run.

The table has columns that depend on a few factors, a little bent, with noise; cells are missing
completely at random. The error is the RMSE of the missing cells, in standard deviations.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, makes the next import work
from sklearn.impute import IterativeImputer

from dgm_core.bench.timing import Line
from dgm_core.estimators import MFAImputer, MIWAEImputer

FACTORS, NOISE, MISSING = 5, 0.3, 0.2
METHODS: dict[str, Callable[[], Any]] = {
    "IterativeImputer": lambda: IterativeImputer(random_state=0),
    "MFAImputer": MFAImputer,
    "MIWAEImputer": MIWAEImputer,
}
GOALS = {"MFAImputer": 10.0, "MIWAEImputer": 60.0}
"""Most seconds for 10,000 × 20."""
ERROR_GOALS = {"MFAImputer": 1.03}
"""Largest RMSE ÷ that of IterativeImputer."""


def table(rows: int, columns: int, seed: int = 0) -> tuple[NDArray, NDArray]:
    """A complete table (rows, columns), standardised, and which of its cells go missing."""
    source = np.random.default_rng(seed)
    z = source.normal(size=(rows, FACTORS))
    straight, bent = source.normal(size=(2, FACTORS, columns))
    x = z @ straight / FACTORS**0.5 + 0.3 * np.tanh(z @ bent)
    x = x + NOISE * source.normal(size=x.shape)
    x = (x - x.mean(0)) / x.std(0)
    return x, source.random(x.shape) < MISSING


def run(rows: int = 10_000, columns: int = 20) -> Iterator[Line]:
    """Seconds and RMSE of each method."""
    x, missing = table(rows, columns)
    incomplete = np.where(missing, np.nan, x)
    reference = None
    for name, make in METHODS.items():
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            filled = make().fit_transform(incomplete)
        seconds = time.perf_counter() - started
        error = float(np.sqrt(np.square(filled - x)[missing].mean()))
        reference = reference or error
        yield Line(f"{name}, {rows:,} × {columns}: fit and impute", seconds, "s", GOALS.get(name))
        yield Line(f"{name}: RMSE", error, "SD", None)
        ratio = error / reference
        yield Line(f"{name}: RMSE ÷ IterativeImputer's", ratio, "×", ERROR_GOALS.get(name))
