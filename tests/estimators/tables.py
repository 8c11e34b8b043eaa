"""Tables with known distributions, and the error of a completed table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNITS = np.array([1.0, 10.0, 1.0, 1.0, 0.1, 5.0])
CENTRE = np.array([0.0, 50.0, 0.0, -2.0, 3.0, 0.0])


def two_factors(rows: int = 600, seed: int = 0) -> NDArray:
    """Six Gaussian columns on different scales, with two factors and some noise."""
    rng = np.random.default_rng(seed)
    loadings = np.random.default_rng(9).normal(size=(2, 6))
    x = rng.normal(size=(rows, 2)) @ loadings + 0.4 * rng.normal(size=(rows, 6))
    return CENTRE + UNITS * x


def one_factor(correlation: float, rows: int = 1000, columns: int = 4) -> NDArray:
    """N(0, 1) columns, each pair with the same correlation."""
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(rows, 1)), rng.normal(size=(rows, columns))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own


def ampute(x: NDArray, rate: float = 0.3, seed: int = 1) -> NDArray:
    """Missing completely at random."""
    return np.where(np.random.default_rng(seed).random(x.shape) < rate, np.nan, x)


def without_high_values(x: NDArray) -> NDArray:
    """Hide the values above the mean in the first half of the columns."""
    affected = np.arange(x.shape[1]) < x.shape[1] // 2
    return np.where(affected & (x > x.mean(0)), np.nan, x)


def means(incomplete: NDArray) -> NDArray:
    """The means of the observed values, in every row."""
    return np.where(np.isnan(incomplete), np.nanmean(incomplete, 0), incomplete)


def error(filled: NDArray, x: NDArray, incomplete: NDArray) -> float:
    """Root mean square over hidden entries, in standard deviations of their columns."""
    return float(np.sqrt((((filled - x) / x.std(0))[np.isnan(incomplete)] ** 2).mean()))
