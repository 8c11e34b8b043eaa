"""Multiple imputation: several completed tables that differ as much as the data leave open."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgm_core.estimators.coding import Table, TableCoding
from dgm_core.estimators.seeds import RandomState, seed_from
from dgm_core.training import Progress


class MultipleImputation:
    """Adds `sample_imputations` to an imputer.

    Proper imputations carry the uncertainty of the fitted model and that of the values. For each
    completed table, the rows are drawn with replacement, a model is fitted to them, and the
    missing values are drawn from this model (bootstrap; Bartlett & Hughes 2020). Draws from the
    one fitted model ignore its uncertainty, and intervals pooled from them are too narrow.

    Attributes:
        replicates_: models fitted to rows drawn with replacement, after `replicate_steps`.
    """

    _validated: Callable[..., Table]
    coding_: TableCoding
    model_: Any
    replicates_: list[Any]

    def sample_imputations(
        self,
        X: ArrayLike | pd.DataFrame,
        n: int,
        random_state: RandomState = 0,
        *,
        numbers: Sequence[int] | None = None,
        proper: bool | None = None,
    ) -> NDArray | list[pd.DataFrame]:
        """X completed n times by draws of p(x_mis | x_obs).

        Args:
            X: the table.
            n: number of completed tables.
            random_state: seed of the draws, and of the models if they are fitted here.
            numbers: row numbers (N,), if X is a part of a larger table. The draws of a row then
                depend only on the seed and on its number.
            proper: whether each draw has its own model, fitted to rows of X drawn with
                replacement. They are `replicates_` if there are enough of them, otherwise they
                are fitted here, which takes about n times as long as `fit`. None = if n > 1.

        Returns:
            (n, N, columns) for an array; a list of n DataFrames for a DataFrame.
        """
        check_is_fitted(self, "model_")
        table, seed = self._validated(X), seed_from(random_state)
        chosen = n > 1 if proper is None else proper
        if chosen and pd.isna(table).any(axis=None):
            models = getattr(self, "replicates_", [])
            if len(models) < n:
                *_, models = self._replicates(table, n, seed)
            drawn = (
                rows
                for number, model in enumerate(models[:n])
                for rows in self._drawn(table, 1, seed + number, numbers, model)
            )
        else:
            drawn = self._drawn(table, n, seed, numbers, self.model_)
        return self.coding_.decode_draws(drawn, table)

    def sample_from(
        self,
        X: ArrayLike | pd.DataFrame,
        replicate: int,
        n: int,
        random_state: RandomState = 0,
    ) -> NDArray | list[pd.DataFrame]:
        """X completed n times by draws from one of `replicates_`, as `sample_imputations`."""
        table, model = self._validated(X), self.replicates_[replicate]
        drawn = self._drawn(table, n, seed_from(random_state) + replicate, None, model)
        return self.coding_.decode_draws(drawn, table)

    def replicate_steps(
        self, X: ArrayLike | pd.DataFrame, n: int, random_state: RandomState = 0
    ) -> Iterator[Progress]:
        """Fit n models, each to rows of X drawn with replacement; sets `replicates_` at the end.

        `sample_imputations` then uses them, also for parts of X.
        """
        check_is_fitted(self, "model_")
        for item in self._replicates(self._validated(X), n, seed_from(random_state)):
            if isinstance(item, list):
                self.replicates_ = item
            else:
                yield item

    @abstractmethod
    def _drawn(
        self, table: Table, n: int, seed: int, numbers: Sequence[int] | None, model: Any
    ) -> Tensor:
        """Coded rows completed n times by draws from one model, (n, N, D)."""

    @abstractmethod
    def _replicates(self, table: Table, n: int, seed: int) -> Iterator[Progress | list[Any]]:
        """Progress, and as last item the n models."""
