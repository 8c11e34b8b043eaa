"""Simple imputers of tables, by scikit-learn, as baselines for the deep models.

    *_, imputation = MICE().run(masked, generator)

All of them learn from the incomplete rows and assume that values are missing at random.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, allows the next line
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge
from torch import Tensor

from dgm_core.settings import setting
from dgm_core.types import Imputation, Masked


@dataclass(frozen=True)
class ColumnMean:
    """Fills every hidden entry with the mean of the observed entries of its column."""

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield _filled(masked, SimpleImputer(keep_empty_features=True))


@dataclass(frozen=True)
class KNN:
    """The mean of the k nearest rows; the distance uses the entries observed in both rows."""

    neighbours: int = setting(10, "Neighbours k", 1, 100, "More neighbours smooth more.")

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield _filled(masked, KNNImputer(n_neighbors=self.neighbours, keep_empty_features=True))


@dataclass(frozen=True)
class MICE:
    """Chained equations: each column is regressed on the others, for several rounds.

    Uses Bayesian ridge regression and its expected value, so it gives a single imputation (van
    Buuren & Groothuis-Oudshoorn 2011).
    """

    rounds: int = setting(10, "Rounds", 1, 100, "Regressions of every column on the others.")

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield _filled(masked, _chained(BayesianRidge(), self.rounds, generator))


@dataclass(frozen=True)
class MissForestLike:
    """Chained equations by forests of random trees (after Stekhoven & Bühlmann 2012)."""

    trees: int = setting(10, "Trees", 1, 200, "Trees in each forest.")
    rounds: int = setting(3, "Rounds", 1, 20, "Regressions of every column on the others.")

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        forest = ExtraTreesRegressor(
            self.trees, min_samples_leaf=3, random_state=_seed(generator), n_jobs=1
        )
        yield _filled(masked, _chained(forest, self.rounds, generator))


TABLE_BASELINES: dict[str, Callable[[], ColumnMean | KNN | MICE | MissForestLike]] = {
    "mean": ColumnMean,
    "kNN": KNN,
    "MICE": MICE,
    "missForest-like": MissForestLike,
}
"""Name → constructor; the tests run over all of them."""


def _chained(regressor: object, rounds: int, generator: torch.Generator) -> IterativeImputer:
    return IterativeImputer(
        regressor, max_iter=rounds, random_state=_seed(generator), keep_empty_features=True
    )


def _seed(generator: torch.Generator) -> int:
    chosen = torch.randint(2**31 - 1, (), generator=generator, device=generator.device)
    return int(chosen)


def _filled(masked: Masked, method: TransformerMixin) -> Imputation:
    values = torch.where(masked.observed, masked.x, torch.nan).cpu().double().numpy()
    with warnings.catch_warnings():
        # The number of rounds is a setting, so stopping before convergence is not a problem.
        warnings.simplefilter("ignore", ConvergenceWarning)
        filled = np.asarray(method.fit_transform(values))
    return Imputation(masked.complete(_like(filled, masked.x)))


def _like(values: np.ndarray, x: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=x.dtype, device=x.device)
