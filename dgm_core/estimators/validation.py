"""scikit-learn's check of input data, with types that allow missing values and DataFrames."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data


def validated(estimator: BaseEstimator, X: Any, **settings: Any) -> Any:
    """X after scikit-learn's `validate_data`, whose type stubs expect a string.

    Raises:
        ValueError: X does not have the expected form.
    """
    return validate_data(estimator, X, **settings)
