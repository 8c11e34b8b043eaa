"""Simple imputers of tables, by scikit-learn, as baselines for the deep models.

    *_, imputation = MICE().run(masked, generator)

All of them learn from the incomplete rows and assume that values are missing at random.
`completed` computes them within a budget, in a child process if wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, allows the next line
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge
from torch import Tensor

from dgm_core.baselines.filling import Budget, fill
from dgm_core.settings import setting
from dgm_core.stepwise import Steps, in_process, stepwise
from dgm_core.types import Imputation, Masked


@dataclass(frozen=True)
class ColumnMean:
    """Fills every hidden entry with the mean of the observed entries of its column."""

    def method(self, generator: torch.Generator, predictors: int | None) -> SimpleImputer:
        """The imputer of scikit-learn."""
        return SimpleImputer(keep_empty_features=True)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield completed(self, masked, generator)


@dataclass(frozen=True)
class KNN:
    """The mean of the k nearest rows; the distance uses the entries observed in both rows."""

    neighbours: int = setting(10, "Neighbours k", 1, 100, "More neighbours smooth more.")

    def method(self, generator: torch.Generator, predictors: int | None) -> KNNImputer:
        """The imputer of scikit-learn."""
        return KNNImputer(n_neighbors=self.neighbours, keep_empty_features=True)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield completed(self, masked, generator)


@dataclass(frozen=True)
class MICE:
    """Chained equations: each column is regressed on the others, for several rounds.

    Uses Bayesian ridge regression and its expected value, so it gives a single imputation (van
    Buuren & Groothuis-Oudshoorn 2011).
    """

    rounds: int = setting(10, "Rounds", 1, 100, "Regressions of every column on the others.")

    def method(self, generator: torch.Generator, predictors: int | None) -> IterativeImputer:
        """The imputer of scikit-learn."""
        return _chained(BayesianRidge(), self.rounds, generator, predictors)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield completed(self, masked, generator)


@dataclass(frozen=True)
class MissForestLike:
    """Chained equations by forests of random trees (after Stekhoven & Bühlmann 2012)."""

    trees: int = setting(10, "Trees", 1, 200, "Trees in each forest.")
    rounds: int = setting(3, "Rounds", 1, 20, "Regressions of every column on the others.")

    def method(self, generator: torch.Generator, predictors: int | None) -> IterativeImputer:
        """The imputer of scikit-learn."""
        forest = ExtraTreesRegressor(
            self.trees, min_samples_leaf=3, random_state=_seed(generator), n_jobs=1
        )
        return _chained(forest, self.rounds, generator, predictors)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        yield completed(self, masked, generator)


Baseline = ColumnMean | KNN | MICE | MissForestLike
TABLE_BASELINES: dict[str, Callable[[], Baseline]] = {
    "mean": ColumnMean,
    "kNN": KNN,
    "MICE": MICE,
    "missForest-like": MissForestLike,
}
"""Name → constructor; the tests run over all of them."""


UNLIMITED = Budget()


@stepwise
def completed(
    baseline: Baseline, masked: Masked, generator: torch.Generator, budget: Budget = UNLIMITED
) -> Steps[Imputation]:
    """The rows completed by a simple method.

    Args:
        baseline: the method.
        masked: rows (N, D).
        generator: of its randomness, and of the choice of the rows from which it learns.
        budget: what it may use. The mean, which is quick, is always computed here from all rows.

    Raises:
        ChildFailed: the method did not finish within the budget.
    """
    rows, columns = masked.x.shape
    execute, learned = budget.steps, None
    if isinstance(baseline, ColumnMean):
        execute = in_process
    elif (count := budget.learned_rows(rows, columns)) < rows:
        learned = np.sort(np.random.default_rng(_seed(generator)).permutation(rows)[:count])
    method = baseline.method(generator, budget.learned_predictors(columns))
    values = torch.where(masked.observed, masked.x, torch.nan).cpu().double().numpy()
    filled = yield from execute(
        fill, method, values, learned, memory=budget.memory, seconds=budget.seconds
    )
    return Imputation(masked.complete(_like(filled, masked.x)))


def _chained(
    regressor: object, rounds: int, generator: torch.Generator, predictors: int | None
) -> IterativeImputer:
    return IterativeImputer(
        regressor,
        max_iter=rounds,
        n_nearest_features=predictors,
        random_state=_seed(generator),
        keep_empty_features=True,
    )


def _seed(generator: torch.Generator) -> int:
    chosen = torch.randint(2**31 - 1, (), generator=generator, device=generator.device)
    return int(chosen)


def _like(values: np.ndarray, x: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=x.dtype, device=x.device)
