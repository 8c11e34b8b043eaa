"""scikit-learn's own checks: every estimator passes them all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from dgm_core.estimators import (
    ChainedImputer,
    IMIWAEImputer,
    MFAImputer,
    MIWAEImputer,
    NotMIWAEImputer,
    SupMIWAEClassifier,
    SupMIWAERegressor,
)
from dgm_core.estimators.chained import METHODS
from dgm_core.missing.processes import SelfMasking

QUICK = {"hidden": 8, "epochs": 2, "draws": 2, "samples": 10}
LEARNS = {**QUICK, "epochs": 30, "learning_rate": 5e-2, "batch_size": 50}

ESTIMATORS = [
    *(ChainedImputer(method, rounds=2, draws=2) for method in METHODS),
    MFAImputer(),
    MFAImputer(components=1, isotropic=True),
    MIWAEImputer(**QUICK),
    NotMIWAEImputer(loss="absolute", **QUICK),
    IMIWAEImputer(**QUICK),
]
PREDICTORS = [
    SupMIWAEClassifier(SelfMasking, **LEARNS),
    SupMIWAERegressor(**LEARNS),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_accepts_it(estimator: BaseEstimator, check: Callable) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(PREDICTORS)
def test_scikit_learn_accepts_the_predictors(estimator: BaseEstimator, check: Callable) -> None:
    check(estimator)
