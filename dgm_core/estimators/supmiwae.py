"""Prediction from incomplete rows by supMIWAE and sup-not-MIWAE; see `models.supmiwae`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)
from torch import Tensor, nn

from dgm_core.estimators.coding import Table
from dgm_core.estimators.completing import CompletionEstimator, Estimate
from dgm_core.estimators.json_values import as_json, from_json
from dgm_core.missing.processes import MissingProcess
from dgm_core.models.miwae import MIWAE
from dgm_core.models.supmiwae import CategoricalPredictor, GaussianPredictor, SupMIWAE
from dgm_core.models.tabular import Networks, tanh_network
from dgm_core.samplers.completions import Completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.types import Labelled, Masked


@dataclass(eq=False, repr=False)
class SupMIWAEEstimator(CompletionEstimator, ABC):
    """Learns the distribution of incomplete rows jointly with p(y|x), and integrates over x_mis.

    Maximises a bound of log p(x_obs, y) or, with a missing process, of log p(x_obs, s, y) (Ipsen,
    Mattei & Frellsen 2022).

    Args:
        missing_process: None = assume that values are missing at random (supMIWAE); otherwise see
            `NotMIWAEImputer` (sup-not-MIWAE).

    The other arguments are those of `CompletionEstimator`; `samples` is K in prediction.
    """

    missing_process: MissingProcess | Callable[[int], MissingProcess] | None = None

    def impute(self, X: ArrayLike | pd.DataFrame) -> Table:
        """X with missing values replaced by their conditional mean, of the type of X."""

        def estimate(sample: Completions, *_: object) -> Tensor:
            return mean_and_variance(sample)[0][:, None]

        table, (rows,) = self._completed(X, estimate, 1)
        return self.coding_.decode(rows, table)

    @abstractmethod
    def _predictor(self, source: torch.Generator) -> nn.Module:
        """p(y|x) of completed rows."""

    def _build(self, networks: Networks, source: torch.Generator) -> MIWAE:
        process = self.missing_process
        return SupMIWAE(
            **networks,
            predictor=self._predictor(source),
            missing_process=None if process is None else self._process(process),
        )

    def _body(self, outputs: int, source: torch.Generator) -> nn.Module:
        return tanh_network(self.coding_.width, outputs, self.hidden, source)

    def _predicted(self, X: ArrayLike | pd.DataFrame, estimate: Estimate) -> Tensor:
        check_is_fitted(self, "model_")
        return self._by_row(self.coding_.encode(self._validated(X)), estimate)


class SupMIWAEClassifier(ClassifierMixin, SupMIWAEEstimator):
    """Classifies incomplete rows: p(y | x_obs) = Σ_k α_k p(y | x_obs, x_mis,k).

    See `SupMIWAEEstimator` for the arguments; `impute` returns the imputed table.

    Attributes:
        classes_: the labels, in order.
        model_, coding_, history_, n_iter_, bound_, restart_bounds_, mechanisms_: see
            `MIWAEImputer`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> y = np.where(x[:, 0] > 0, "right", "left")
        >>> x[::3, 1] = np.nan
        >>> model = SupMIWAEClassifier(hidden=16, epochs=30, learning_rate=1e-2, samples=50)
        >>> model.fit(x, y).score(x, y) > 0.9
        True
    """

    def predict_proba(self, X: ArrayLike | pd.DataFrame) -> NDArray:
        """p(y | x_obs), (N, classes), in the order of `classes_`."""
        p = self._predicted(X, lambda sample, _, model: model.predict(sample).probs)
        return p.double().numpy()

    def predict(self, X: ArrayLike | pd.DataFrame) -> NDArray:
        """The most probable class of each row, (N,)."""
        p = self.predict_proba(X)
        return self.classes_[p.argmax(1)]

    def _learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts, arrays = super()._learned()
        classes = [as_json(each) for each in self.classes_.tolist()]
        return {**facts, "classes": classes, "dtype": self.classes_.dtype.str}, arrays

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        dtype = np.dtype(facts["dtype"])
        if dtype.kind not in "biufOUS":
            raise ValueError(f"expected labels of a plain type, got {dtype}")
        labels = [from_json(each) for each in facts["classes"]]
        self.classes_ = np.array(labels, None if dtype.kind in "US" else dtype)
        super()._set_learned(facts, arrays)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _predictor(self, source: torch.Generator) -> nn.Module:
        return CategoricalPredictor(self._body(len(self.classes_), source))

    def _labelled(self, rows: Masked, y: ArrayLike | None) -> Labelled:
        labels = _targets(self, rows, y, dtype=None)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        return Labelled(rows, torch.from_numpy(codes))


class SupMIWAERegressor(RegressorMixin, SupMIWAEEstimator):
    """Predicts a number from incomplete rows: the mean of Σ_k α_k N(y; f(x_obs, x_mis,k), s²).

    See `SupMIWAEEstimator` for the arguments; `impute` returns the imputed table.

    Attributes:
        target_location_, target_scale_: mean and standard deviation of y.
        model_, coding_, history_, n_iter_, bound_, restart_bounds_, mechanisms_: see
            `MIWAEImputer`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> y = 3 * x[:, 0] + 10
        >>> x[::3, 1] = np.nan
        >>> model = SupMIWAERegressor(hidden=16, epochs=50, learning_rate=1e-2, samples=50)
        >>> model.fit(x, y).score(x, y) > 0.9
        True
    """

    def predict(
        self, X: ArrayLike | pd.DataFrame, *, return_std: bool = False
    ) -> NDArray | tuple[NDArray, NDArray]:
        """E[y | x_obs], (N,); with `return_std` also the predictive standard deviation, (N,)."""

        def estimate(sample: Completions, _: object, model: SupMIWAE) -> Tensor:
            prediction = model.predict(sample)
            return torch.stack([prediction.mean, prediction.stddev], 1)

        mean, sd = self._predicted(X, estimate).double().numpy().T * self.target_scale_
        mean = mean + self.target_location_
        return (mean, sd) if return_std else mean

    def _learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts, arrays = super()._learned()
        return {**facts, "target": [self.target_location_, self.target_scale_]}, arrays

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        self.target_location_, self.target_scale_ = map(float, facts["target"])
        super()._set_learned(facts, arrays)

    def _predictor(self, source: torch.Generator) -> nn.Module:
        return GaussianPredictor(self._body(1, source))

    def _labelled(self, rows: Masked, y: ArrayLike | None) -> Labelled:
        numbers = _targets(self, rows, y, dtype=np.float64)
        self.target_location_, spread = float(numbers.mean()), float(numbers.std())
        self.target_scale_ = spread or 1.0
        standardised = (numbers - self.target_location_) / self.target_scale_
        return Labelled(rows, torch.from_numpy(standardised).float())

    def _log_scale(self, rows: Masked | Labelled) -> float:
        return super()._log_scale(rows) + math.log(self.target_scale_)


def _targets(
    estimator: SupMIWAEEstimator, rows: Masked, y: ArrayLike | None, dtype: Any
) -> NDArray:
    """y, (N,), of the given dtype (None = any) and without missing values."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None"
        )
    targets = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=dtype, input_name="y")
    check_consistent_length(rows.x, targets)
    return targets
