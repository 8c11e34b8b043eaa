"""Imputation of tables by a mixture of factor analysers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgm_core.distributions.gaussian import LowRankMixture
from dgm_core.distributions.variance_floors import TABLE_VARIANCE_FLOOR
from dgm_core.estimators.mfa_size import Size, scores_of_sizes
from dgm_core.estimators.saving import SavableEstimator, under
from dgm_core.estimators.seeds import RandomState, seed_from
from dgm_core.estimators.validation import validated
from dgm_core.models.mfa import MixtureOfFactorAnalysers, em_steps, initialise_mfa
from dgm_core.rng import Streams, draw, generator
from dgm_core.types import Masked

CHUNK = 2**22
"""Largest number of values in an array for one chunk of rows."""


class MFAImputer(OneToOneFeatureMixin, TransformerMixin, SavableEstimator):
    """Fills in a table by a mixture of factor analysers fitted to its observed values.

    Maximises Σ_n log p(x_obs,n) by exact EM; see `dgm_core.models.mfa`. It assumes that values are
    missing (completely) at random. Columns are standardised internally, by the mean and standard
    deviation of their observed values.

    Args:
        components: number of components of the mixture; 1 = factor analysis; None = chosen by
            the likelihood of held-out rows, see `estimators.mfa_size`.
        factors: number of factors of each component; None = chosen in the same way.
        noise_floor: least variance of a column given the factors, in standardised units.
        isotropic: all columns of a component share that variance (mixture of PPCA).
        iterations: largest number of EM steps.
        tolerance: EM stops when a step gains less than this, in nats per row.
        random_state: seed of the start: an int, a `RandomState`, or None for another seed each
            time.

    Attributes:
        model_: the fitted `MixtureOfFactorAnalysers` of the standardised columns.
        location_, scale_: mean and standard deviation of each column, (D,).
        size_: numbers of components and factors.
        size_scores_: size → held-out nats per row, of the sizes that were tried; NaN if none was
            held out.
        log_likelihoods_: nats per row before each step, on the scale of the data; never falling.
        n_iter_: number of EM steps.

    Example:
        >>> table = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0], [5.0, np.nan]])
        >>> MFAImputer(components=1, factors=1).fit_transform(table)[4].round(1)
        array([ 5., 10.])
    """

    def __init__(
        self,
        components: int | None = None,
        factors: int | None = None,
        *,
        noise_floor: float = TABLE_VARIANCE_FLOOR,
        isotropic: bool = False,
        iterations: int = 200,
        tolerance: float = 1e-4,
        random_state: RandomState = 0,
    ) -> None:
        self.components = components
        self.factors = factors
        self.noise_floor = noise_floor
        self.isotropic = isotropic
        self.iterations = iterations
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Fit to X (N, D), NaN = missing.

        Raises:
            ValueError: a column without any value, an infinite value, or too few rows.
        """
        values = self._validated(X, reset=True)
        observed = ~np.isnan(values)
        if not observed.any(0).all():
            empty = np.flatnonzero(~observed.any(0)).tolist()
            raise ValueError(f"expected a value in every column, found none in columns {empty}")
        self.location_ = np.nanmean(values, 0)
        spread = np.nanstd(values, 0)
        self.scale_ = np.where(spread > 1e-12 * np.abs(self.location_), spread, 1.0)
        seed = seed_from(self.random_state)
        self.size_scores_ = scores_of_sizes(
            *self._standardised(values),
            lambda size: self._untrained(values.shape[1], size),
            self.components,
            self.factors,
            seed,
        )
        self.size_ = [*self.size_scores_][-1]
        model = self._untrained(values.shape[1], self.size_)
        self.log_likelihoods_ = np.fromiter(self._em_steps(model, values, seed), np.float64)
        self.n_iter_ = len(self.log_likelihoods_)
        self.model_ = model
        return self

    def _untrained(self, columns: int, size: Size) -> MixtureOfFactorAnalysers:
        return MixtureOfFactorAnalysers(
            [columns], *size, self.noise_floor, self.isotropic
        ).double()

    def _learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        arrays = {f"mixture.{name}": array for name, array in self.model_.state_dict().items()}
        for name in ("location", "scale", "log_likelihoods"):
            arrays[name] = torch.from_numpy(getattr(self, f"{name}_"))
        scores = [[*size, score] for size, score in self.size_scores_.items()]
        return {"size_scores": scores}, arrays

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        columns, mixture = len(arrays["location"]), under("mixture", arrays)
        # Version 1 of the format has no scores; its settings are the size.
        scores = facts.get("size_scores", [[self.components, self.factors, math.nan]])
        self.size_scores_ = {Size(m, r): score for m, r, score in scores}
        self.size_ = [*self.size_scores_][-1]
        chosen = (self.components or self.size_.components, self.factors or self.size_.factors)
        numbers = columns * math.prod(self.size_)
        # A damaged file must not create a huge mixture: the file has all its numbers.
        if (
            chosen != self.size_
            or numbers != mixture["loadings"].numel()
            or len(arrays["scale"]) != columns
        ):
            raise ValueError("its settings do not match its arrays")
        self.location_, self.scale_, self.log_likelihoods_ = (
            arrays[name].double().numpy() for name in ("location", "scale", "log_likelihoods")
        )
        self.n_iter_ = len(self.log_likelihoods_)
        self.model_ = self._untrained(columns, self.size_)
        self.model_.load_state_dict(mixture, strict=True)

    def _em_steps(
        self, model: MixtureOfFactorAnalysers, values: NDArray, seed: int
    ) -> Iterator[float]:
        x, observed = self._standardised(values)
        initialise_mfa(model, x, generator(seed), observed)
        # If nothing is missing, the fast path gives the same result.
        pattern = None if observed.all() else observed
        to_scale = self._log_scale(observed)
        previous = -np.inf
        for step in em_steps(model, x, iterations=self.iterations, observed=pattern):
            yield step.log_likelihood - to_scale
            if step.log_likelihood - previous < self.tolerance:
                return
            previous = step.log_likelihood

    def transform(self, X: ArrayLike) -> NDArray:
        """X with NaN replaced by E[x_mis | x_obs], (N, D) float64; observed values unchanged."""
        return self._filled(X, lambda conditional, _: conditional.mean[None])[0]

    def impute_with_sd(self, X: ArrayLike) -> tuple[NDArray, NDArray]:
        """`transform`, and standard deviations of the filled-in values, 0 if observed: (N, D)."""

        def estimate(conditional: LowRankMixture, _: NDArray) -> Tensor:
            return torch.stack([conditional.mean, conditional.mean + conditional.stddev])

        mean, mean_plus_sd = self._filled(X, estimate, 2)
        return mean, mean_plus_sd - mean

    def sample_imputations(
        self,
        X: ArrayLike,
        n: int,
        random_state: RandomState = 0,
        *,
        numbers: Sequence[int] | None = None,
    ) -> NDArray:
        """X completed n times by independent draws of p(x_mis | x_obs): (n, N, D) float64.

        With the rows' `numbers` in a larger table, the draws of a row depend only on the seed and
        on its number.
        """
        seed = seed_from(random_state)
        if numbers is None:
            source = generator(seed)
            return self._filled(X, lambda conditional, _: draw(conditional, source, n), n)
        row_numbers = np.asarray(numbers)

        def estimate(conditional: LowRankMixture, rows: NDArray) -> Tensor:
            return draw(conditional, Streams.of_rows(seed, row_numbers[rows]), n)

        return self._filled(X, estimate, n)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Mean over rows of log p(x_obs), in nats, on the scale of the data."""
        check_is_fitted(self)
        x, observed = self._standardised(self._validated(X))
        return self.model_.log_prob(x, observed).mean().item() - self._log_scale(observed)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _validated(self, X: ArrayLike, *, reset: bool = False) -> NDArray:
        least = 2 if reset else 1  # standardisation needs the variance of at least two rows
        return validated(
            self,
            X,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=least,
            reset=reset,
        )

    def _standardised(self, values: NDArray) -> tuple[Tensor, Tensor]:
        """Standardised values, NaN if missing, and which of them are observed."""
        x = torch.from_numpy((values - self.location_) / self.scale_)
        return x, ~x.isnan()

    def _log_scale(self, observed: Tensor) -> float:
        """Σ log scale over the observed entries, mean over rows (the log-Jacobian)."""
        return (observed.double() @ torch.from_numpy(np.log(self.scale_))).mean().item()

    def _filled(
        self,
        X: ArrayLike,
        fill: Callable[[LowRankMixture, NDArray], Tensor],
        n: int = 1,
    ) -> NDArray:
        """n copies of X, (n, N, D), filled in by `fill(conditional distribution, rows)`."""
        check_is_fitted(self)
        values = self._validated(X)
        out = np.repeat(values[None], n, 0)
        incomplete = np.flatnonzero(np.isnan(values).any(1))
        rows = max(1, CHUNK // (self.model_.loadings.numel() * max(n, 1)))
        for start in range(0, len(incomplete), rows):
            part = incomplete[start : start + rows]
            masked = Masked(*self._standardised(values[part]))
            filled = fill(self.model_.conditional(masked), part).numpy()
            filled = filled * self.scale_ + self.location_
            out[:, part] = np.where(masked.observed.numpy(), values[part], filled)
        return out
