"""Imputation by MIWAE and not-MIWAE: see `dgm_core.samplers.completions` for the mathematics."""

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
"""Loss → the completion of each row (B, D) that keeps it small."""


@dataclass(kw_only=True, eq=False, repr=False)
class MIWAEImputer(OneToOneFeatureMixin, TransformerMixin, CompletionEstimator):
    """Fills in a table by a deep latent variable model fitted to what is observed of it.

    Maximises the MIWAE bound of log p(x_obs) (Mattei & Frellsen 2019), which is right where
    values are missing (completely) at random. Tables are arrays of numbers or DataFrames whose
    columns may also hold booleans or levels (see `estimators.coding`); the kind that comes in goes
    out, observed cells untouched.

    Args:
        loss: what `transform` is to keep small: "squared" = the conditional mean, "absolute" = the
            conditional median. Of levels both take the likeliest.

    The other arguments are those of `CompletionEstimator`.

    Attributes:
        model_: the fitted `MIWAE` of the standardised and coded rows, on the CPU.
        coding_: the `TableCoding`, with means, standard deviations and levels.
        history_: an `Epoch` of this run each; n_iter_: how many the training had.
        bound_: mean bound of the held-out rows with K = `draws`, nats, on the scale of the data.
        restart_bounds_: the same of each of the restarts, (restarts,).
        mechanisms_: what a missing process was found to do; see there.

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
        """As of `CompletionEstimator`; y is not used."""
        self._check_loss()
        return super().fit_steps(X, y)

    def transform(self, X: ArrayLike | pd.DataFrame) -> Table:
        """X with its holes filled, of the kind that came in; observed values as they are."""
        table, (rows,) = self._completed(X, lambda sample, *_: self._single(sample)[:, None], 1)
        return self.coding_.decode(rows, table)

    def impute_with_sd(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, Table]:
        """`transform`, and standard deviations (N, columns) of what was filled in.

        Their squares are the whole conditional variance, within and between the components of
        the mixture. Of levels see `TableCoding.decode_sd`.
        """

        def read(sample: Completions, *_: object) -> Tensor:
            return torch.stack([self._single(sample), *mean_and_variance(sample)], 1)

        table, (rows, mean, variance) = self._completed(X, read, 3)
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

        By sampling-importance-resampling from K = `samples`.

        Args:
            X: the table.
            n: how many times.
            random_state: of the draws.
            numbers: of the rows, (N,), in a larger table of which X is a part: a row's draws then
                depend on the state and its number, whatever the other rows are.

        Returns:
            (n, N, columns) of an array; a list of n DataFrames of a DataFrame.
        """

        def read(sample: Completions, source: Source, _: MIWAE) -> Tensor:
            return sir_completions(sample, n, source).movedim(0, 1)

        table, drawn = self._completed(X, read, n, seed_from(random_state), numbers)
        tables = [self.coding_.decode(rows, table) for rows in drawn]
        return tables if isinstance(table, pd.DataFrame) else np.stack(tables)

    def score(self, X: ArrayLike | pd.DataFrame, y: ArrayLike | None = None) -> float:
        """Mean bound of the rows with K = `samples`, in nats, on the scale of the data."""
        check_is_fitted(self, "model_")
        rows = self.coding_.encode(self._validated(X))
        bounds = self._of_each_row(rows, lambda sample, *_: sample.bound)
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

    Maximises the not-MIWAE bound of log p(x_obs, s) (Ipsen, Mattei & Frellsen 2021), right where
    what is missing is missing because of its value, provided that p(s|x) is of the given form:
    data alone cannot tell.

    Args:
        missing_process: p(s|x) on standardised columns, levels coded 0 and 1: an instance, of
            which a copy is trained, or a constructor from the number of entries D, such as those
            in `dgm_core.missing.processes.PROCESSES`; None = `SelfMasking`. The entries of a
            column of levels go missing together (`ByColumn`).

    The other arguments and the attributes are those of `MIWAEImputer`; the decoder is another by
    default.
    """

    decoder: str = field(default="linear and bent", kw_only=True)
    missing_process: MissingProcess | Callable[[int], MissingProcess] | None = None

    def _build(self, networks: Networks, source: torch.Generator) -> MIWAE:
        return NotMIWAE(
            **networks, missing_process=self._process(self.missing_process or SelfMasking)
        )
