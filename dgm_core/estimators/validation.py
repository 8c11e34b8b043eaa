"""scikit-learn's check of input data, with types that allow missing values and DataFrames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data


def validated(estimator: BaseEstimator, X: Any, **settings: Any) -> Any:
    """X after scikit-learn's `validate_data`, whose type stubs expect a string.

    Raises:
        ValueError: X does not have the expected form.
    """
    return validate_data(estimator, X, **settings)


def validated_table(estimator: BaseEstimator, X: Any, *, reset: bool = False) -> Any:
    """X as an array of floats or a DataFrame, checked as by scikit-learn; NaN is allowed.

    Args:
        estimator: remembers the number and the names of columns if `reset`.
        X: array-like (N, columns) of numbers, or a DataFrame of any types.
        reset: whether this is a fit, which needs two rows for the variances.

    Raises:
        ValueError: X does not have the expected form, or has too few rows.
    """
    least = 2 if reset else 1
    if isinstance(X, pd.DataFrame):
        validated(estimator, X, reset=reset, skip_check_array=True)
        if len(X) < least:
            raise ValueError(f"expected at least {least} rows, got {len(X)}")
        return X
    if isinstance(X, np.ndarray) and X.dtype == object:
        X = np.where(pd.isna(X), np.nan, X)
    return validated(
        estimator,
        X,
        dtype=(np.float64, np.float32),
        ensure_all_finite="allow-nan",
        ensure_min_samples=least,
        reset=reset,
    )
