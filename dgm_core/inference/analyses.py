"""Analyses of a complete table that can be pooled: a mean, a linear regression.

    analysis = linear_regression("income", ["age", "smokes"])
    pooled = pool_models([analysis(table) for table in completed_tables])

An analysis is any function from a complete DataFrame to `Coefficients`, or to a fitted model that
`pool_models` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dgm_core.inference.pooling import Coefficients

Analysis = Callable[[pd.DataFrame], Any]
"""A complete table → coefficients with their covariance."""


def column_mean(column: Hashable) -> Analysis:
    """The mean of a numeric column and its squared standard error, s² / N."""

    def analysis(table: pd.DataFrame) -> Coefficients:
        values = numbers(table, column)
        n = len(values)
        variance = values.var(ddof=1) / n
        return Coefficients((column,), np.array([values.mean()]), np.array([[variance]]), n - 1.0)

    return analysis


def linear_regression(target: Hashable, features: Sequence[Hashable]) -> Analysis:
    """Least squares with intercept; covariance s² (XᵀX)⁻¹.

    A feature with levels becomes one 0/1 column for each level but the first. If levels or a
    linear dependence make XᵀX singular, the analysis raises a `ValueError`.
    """

    def analysis(table: pd.DataFrame) -> Coefficients:
        y = numbers(table, target)
        names, columns = ["intercept"], [np.ones(len(table))]
        for feature in features:
            for name, values in _coded(table, feature):
                names.append(name)
                columns.append(values)
        x = np.stack(columns, 1)
        return _least_squares(tuple(names), x, y)

    return analysis


def numbers(table: pd.DataFrame, column: Hashable) -> NDArray:
    """A numeric column, (N,) float64.

    Raises:
        ValueError: no such column, or it has levels.
    """
    if column not in table:
        raise ValueError(f"expected one of the columns {list(table)}, got {column!r}")
    try:
        return table[column].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected numbers in column {column!r}") from error


def _coded(table: pd.DataFrame, feature: Hashable) -> list[tuple[str, NDArray]]:
    if feature not in table:
        raise ValueError(f"expected one of the columns {list(table)}, got {feature!r}")
    values = table[feature]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return [(str(feature), numbers(table, feature))]
    categories = pd.Categorical(values).categories
    return [
        (f"{feature} = {level}", (values == level).to_numpy(np.float64))
        for level in categories[1:]
    ]


def _least_squares(names: tuple[str, ...], x: NDArray, y: NDArray) -> Coefficients:
    rows, parameters = x.shape
    if rows <= parameters or np.linalg.matrix_rank(x) < parameters:
        raise ValueError(
            f"expected more rows than the {parameters} coefficients, and no feature that the "
            f"others determine; got {rows} rows"
        )
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ (x.T @ y)
    residual = y - x @ beta
    variance = residual @ residual / (rows - parameters)
    return Coefficients(names, beta, variance * inverse, float(rows - parameters))
