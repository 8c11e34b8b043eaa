"""Imputation of tables by MIWAE and not-MIWAE; see also `dgm_core.samplers.completions`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgm_core.estimators.coding import Table
from dgm_core.estimators.completing import CompletionEstimator
from dgm_core.estimators.seeds import RandomState, seed_from
from dgm_core.missing.processes import MissingProcess, SelfMasking
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import Networks
from dgm_core.rng import Source
from dgm_core.samplers.completions import Completions
from dgm_core.samplers.estimates import mean_and_variance, median, sir_completions
from dgm_core.training import Progress

SINGLE_IMPUTATIONS: dict[str, Callable[[Completions], Tensor]] = {
    "squared": lambda sample: mean_and_variance(sample)[0],
    "absolute": median,
}
"""Loss → the completion of each row (B, D) that minimises it."""


@dataclass(kw_only=True, eq=False, repr=False)
class MIWAEImputer(OneToOneFeatureMixin, TransformerMixin, CompletionEstimator):
    """Fills in a table by a deep latent variable model fitted to its observed values.

    Maximises the MIWAE bound of log p(x_obs) (Mattei & Frellsen 2019). It assumes that values are
    missing (completely) at random. Tables are arrays of numbers, or DataFrames whose columns may
    also be boolean or categorical (see `estimators.coding`). The result has the type of the input,
    and observed cells are unchanged.

    Args:
        loss: the loss that `transform` minimises: "squared" = the conditional mean, "absolute" =
            the conditional median. Both choose the most probable category.

    The other arguments are those of `CompletionEstimator`.

    Attributes:
        model_: the fitted `MIWAE` of the standardised and coded rows, on the CPU.
        coding_: the `TableCoding`, with means, standard deviations and categories.
        history_: an `Epoch` for each epoch of this run; n_iter_: number of epochs.
        bound_: mean bound of the held-out rows with K = `draws`, nats, on the scale of the data.
        restart_bounds_: the same for each restart, (restarts,).
        mechanisms_: the learned effect of a missing process; see there.

    Example:
        >>> table = np.random.default_rng(0).normal(size=(100, 1)) * [[1.0, 10.0]] + [[0.0, 5.0]]
        >>> table[0, 1] = np.nan
        >>> filled = MIWAEImputer(hidden=16, epochs=3).fit_transform(table)
        >>> bool(np.isfinite(filled).all()), bool((filled[1:] == table[1:]).all())
        (True, True)
    """

    loss: Literal["squared", "absolute"] = "squared"

    def fit_steps(
        self, X: ArrayLike | pd.DataFrame, y: ArrayLike | None = None
    ) -> Iterator[Progress]:
        """See `CompletionEstimator`; y is not used."""
        self._check_loss()
        return super().fit_steps(X, y)

    def transform(self, X: ArrayLike | pd.DataFrame) -> Table:
        """X with its missing values filled in, of the type of X; observed values are unchanged."""
        table, (rows,) = self._completed(X, lambda sample, *_: self._single(sample)[:, None], 1)
        return self.coding_.decode(rows, table)

    def impute_with_sd(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, Table]:
        """`transform`, and standard deviations (N, columns) of the filled-in values.

        Their squares are the whole conditional variance, within and between the components of
        the mixture. For categories see `TableCoding.decode_sd`.
        """

        def estimate(sample: Completions, *_: object) -> Tensor:
            return torch.stack([self._single(sample), *mean_and_variance(sample)], 1)

        table, (rows, mean, variance) = self._completed(X, estimate, 3)
        return self.coding_.decode(rows, table), self.coding_.decode_sd(mean, variance, table)

    def sample_imputations(
        self,
        X: ArrayLike | pd.DataFrame,
        n: int,
        random_state: RandomState = 0,
        *,
        numbers: Sequence[int] | None = None,
    ) -> NDArray | list[pd.DataFrame]:
        """X completed n times by draws of p(x_mis | x_obs), for multiple imputation.

        The draws use sampling-importance-resampling with K = `samples`.

        Args:
            X: the table.
            n: number of completed tables.
            random_state: seed of the draws.
            numbers: row numbers (N,), if X is a part of a larger table. The draws of a row then
                depend only on the seed and on its number.

        Returns:
            (n, N, columns) for an array; a list of n DataFrames for a DataFrame.
        """

        def estimate(sample: Completions, source: Source, _: MIWAE) -> Tensor:
            return sir_completions(sample, n, source).movedim(0, 1)

        table, drawn = self._completed(X, estimate, n, seed_from(random_state), numbers)
        tables: list[Any] = [self.coding_.decode(rows, table) for rows in drawn]
        return tables if isinstance(table, pd.DataFrame) else np.stack(tables)

    def score(self, X: ArrayLike | pd.DataFrame, y: ArrayLike | None = None) -> float:
        """Mean bound of the rows with K = `samples`, in nats, on the scale of the data."""
        check_is_fitted(self, "model_")
        rows = self.coding_.encode(self._validated(X))
        bounds = self._by_row(rows, lambda sample, *_: sample.bound)
        return bounds.mean().item() - self._log_scale(rows)

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        self._check_loss()
        super()._set_learned(facts, arrays)

    def _check_loss(self) -> None:
        if self.loss not in SINGLE_IMPUTATIONS:
            raise ValueError(f"expected a loss among {[*SINGLE_IMPUTATIONS]}, got {self.loss!r}")

    def _single(self, sample: Completions) -> Tensor:
        """One imputation of each row, (B, D)."""
        return SINGLE_IMPUTATIONS[self.loss](sample)


@dataclass(eq=False, repr=False)
class NotMIWAEImputer(MIWAEImputer):
    """A `MIWAEImputer` that also learns why values are missing.

    Maximises the not-MIWAE bound of log p(x_obs, s) (Ipsen, Mattei & Frellsen 2021). It assumes
    that p(s|x), the probability that values are missing given their values, has the form of
    `missing_process`. Data alone cannot show whether this is true.

    Args:
        missing_process: p(s|x) on standardised columns and categories coded as 0 and 1: an
            instance, of which a copy is trained, or a constructor that is called with the number
            of entries D, such as those in `dgm_core.missing.processes.PROCESSES`; None =
            `SelfMasking`. The entries of a categorical column are missing together (`ByColumn`).

    The other arguments and the attributes are those of `MIWAEImputer`, with another default for
    `decoder`.
    """

    decoder: str = field(default="linear and bent", kw_only=True)
    missing_process: MissingProcess | Callable[[int], MissingProcess] | None = None

    def _build(self, networks: Networks, source: torch.Generator) -> MIWAE:
        return NotMIWAE(
            **networks, missing_process=self._process(self.missing_process or SelfMasking)
        )
