"""Imputation of tables by MIWAE, not-MIWAE and IM-IWAE; see `dgm_core.samplers.completions`."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgm_core.device import default_device
from dgm_core.estimators.coding import Table
from dgm_core.estimators.completing import CompletionEstimator
from dgm_core.estimators.multiple import MultipleImputation
from dgm_core.missing.processes import MissingProcess, SelfMasking
from dgm_core.models.imiwae import IMIWAE
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import LinearPlusNetwork, Networks
from dgm_core.rng import Source, generator
from dgm_core.samplers.completions import Completions
from dgm_core.samplers.estimates import mean_and_variance, median, sir_completions
from dgm_core.training import Progress, fit
from dgm_core.training.losses import completion_bounds, negative_completion_bound
from dgm_core.training.restarts import Restarts, bootstraps, on_own_rows, out_of_bag

LOSSES = ("squared", "absolute")
"""Losses that a single imputation can minimise."""

VALIDATE_EVERY = 5
"""Epochs between validations of models trained side by side, which read all rows."""


@dataclass(kw_only=True, eq=False, repr=False)
class MIWAEImputer(
    OneToOneFeatureMixin, TransformerMixin, MultipleImputation, CompletionEstimator
):
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

    def impute_proba(self, X: ArrayLike | pd.DataFrame) -> dict[Hashable, pd.DataFrame]:
        """p(level | x_obs) of each column that has levels: name → (N, levels), rows sum to 1.

        An observed cell has probability 1 at its level.
        """
        table, (mean,) = self._completed(
            X, lambda sample, *_: mean_and_variance(sample)[0][:, None], 1
        )
        return self.coding_.probabilities(mean, table)

    def impute_with_sd(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, Table]:
        """`transform`, and standard deviations (N, columns) of the filled-in values.

        Their squares are the whole conditional variance, within and between the components of
        the mixture. For categories see `TableCoding.decode_sd`.
        """

        def estimate(sample: Completions, *_: object) -> Tensor:
            return torch.stack([self._single(sample), *self._moments(sample)], 1)

        table, (rows, mean, variance) = self._completed(X, estimate, 3)
        return self.coding_.decode(rows, table), self.coding_.decode_sd(mean, variance, table)

    def _drawn(
        self, table: Table, n: int, seed: int, numbers: Sequence[int] | None, model: MIWAE
    ) -> Tensor:
        """Draws by sampling-importance-resampling with K = `samples`."""

        def estimate(sample: Completions, source: Source, _: MIWAE) -> Tensor:
            return sir_completions(sample, n, source).movedim(0, 1)

        return self._completed(table, estimate, n, seed, numbers, model)[1]

    def _replicates(self, table: Table, n: int, seed: int) -> Iterator[Progress | list[MIWAE]]:
        """Models trained side by side, each validated on the rows that it did not draw."""
        device = default_device()
        rows = self.coding_.encode(table).to(device)
        seeds = [seed + 1_000_003 * member for member in range(n)]
        sources = [generator(each) for each in seeds]
        models = [self._build(self._networks(source), source) for source in sources]
        trained = Restarts(models).to(device)
        drawn = bootstraps(len(rows), seeds)
        held_out = out_of_bag(drawn).T.to(device)  # (R, N)

        @torch.no_grad()
        def validate(restarts: Restarts) -> Tensor:
            source = generator(seed, device)
            parts = [
                restarts.losses(completion_bounds(self.draws), rows[start : start + 500], source)
                for start in range(0, len(rows), 500)
            ]
            bounds = torch.cat(parts, 1)
            return torch.where(held_out, bounds, 0).sum(1) / held_out.sum(1)

        objective = on_own_rows(negative_completion_bound(self.draws), rows)
        schedule = replace(self._schedule(len(rows)), validate_every=VALIDATE_EVERY)
        yield from fit(trained, objective, drawn.to(device), validate, schedule)
        yield [model.cpu() for model in trained.members()]

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
        if self.loss not in LOSSES:
            raise ValueError(f"expected a loss among {[*LOSSES]}, got {self.loss!r}")

    def _single(self, sample: Completions) -> Tensor:
        """The coded completion of each row (B, D) that minimises the loss."""
        return median(sample) if self.loss == "absolute" else self._moments(sample)[0]

    def _moments(self, sample: Completions) -> tuple[Tensor, Tensor]:
        """Mean and variance of each entry, (B, D), taken in the units of constrained columns.

        The mean is coded again; the variance stays in those units.
        """
        if not self.coding_.constraints:
            return mean_and_variance(sample)
        mean, variance = mean_and_variance(sample, self.coding_.to_values)
        coded = self.coding_.of_values(mean)
        return sample.masked.complete(coded), variance


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


@dataclass(kw_only=True, eq=False, repr=False)
class IMIWAEImputer(MIWAEImputer):
    """A `MIWAEImputer` for masks that depend on latent variables, not on the values themselves.

    Maximises the bound of log p(x_obs, s) of `dgm_core.models.imiwae.IMIWAE`. It assumes that,
    given the latent variables of a row, no value decides whether it is missing itself. Data alone
    cannot show whether this is true, and `NotMIWAEImputer` assumes the opposite. Each column's
    log-odds of being observed are a linear function of z plus a network that starts at 0. The
    entries of a categorical column are missing together.

    With many latents z could hold each value itself, and the assumption would exclude little:
    choose `latent_dim` well below the number of columns, such as `few_latents` of it.

    The arguments and the attributes are those of `MIWAEImputer`, with another default for
    `decoder`. `mechanisms_` is empty, because no column drives the mask. `model_` has
    `missing_probability(z)`.
    """

    decoder: str = "linear and bent"

    def _build(self, networks: Networks, source: torch.Generator) -> MIWAE:
        _, first = np.unique(self.coding_.column_of, return_index=True)
        entries = first.tolist()
        masking = LinearPlusNetwork(networks["latent_dim"], len(entries), self.hidden, source)
        return IMIWAE(**networks, masking=masking, entries=entries)


def few_latents(columns: int) -> int:
    """A number of latents well below that of the columns, for `IMIWAEImputer`.

    It is chosen for the sake of the assumption, not of the fit. On four tables whose masks depend
    on a trait of the row, the held-out bound keeps growing up to D − 1 latents, by 1.1 to 2.3 nats
    per row beyond this number, while the RMSE of the hidden values is no better on three of them
    (`docs/numbers/missing-not-at-random.md`). So the likelihood cannot choose the number.

    >>> [few_latents(columns) for columns in (2, 8, 30)]
    [1, 2, 5]
    """
    return max(1, math.isqrt(columns))
