"""Imputation of tables by a mixture of factor analysers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgm_core.distributions.columns import Numeric
from dgm_core.distributions.gaussian import LowRankMixture
from dgm_core.distributions.quadrature import moments_of
from dgm_core.distributions.variance_floors import TABLE_VARIANCE_FLOOR
from dgm_core.estimators.coding import CodedColumn, Constraints, Table, TableCoding
from dgm_core.estimators.column_settings import loaded_column_setting, saved_column_setting
from dgm_core.estimators.mfa_size import Size, scores_of_sizes
from dgm_core.estimators.multiple import MultipleImputation
from dgm_core.estimators.saving import SavableEstimator, under
from dgm_core.estimators.seeds import RandomState, seed_from
from dgm_core.estimators.validation import validated_table
from dgm_core.models.mfa import MixtureOfFactorAnalysers, em_steps, initialise_mfa
from dgm_core.rng import Streams, draw, generator
from dgm_core.samplers.importance import MixtureMoments
from dgm_core.training import Progress
from dgm_core.types import Masked

CHUNK = 2**22
"""Largest number of values in an array for one chunk of rows."""


class MFAImputer(OneToOneFeatureMixin, TransformerMixin, MultipleImputation, SavableEstimator):
    """Fills in a table by a mixture of factor analysers fitted to its observed values.

    Maximises Σ_n log p(x_obs,n) by exact EM; see `dgm_core.models.mfa`. It assumes that values are
    missing (completely) at random. Tables are arrays of numbers, or DataFrames whose columns may
    also be boolean or categorical. Numbers are standardised by the mean and standard deviation of
    their observed values. Levels are coded as 0 and 1 (see `estimators.coding`), and the mixture
    treats them as numbers; the level with the largest value is imputed.

    Args:
        components: number of components of the mixture; 1 = factor analysis; None = chosen by
            the likelihood of held-out rows, see `estimators.mfa_size`.
        factors: number of factors of each component; None = chosen in the same way.
        categorical: names (positions for an array) of columns whose numbers are categories.
        constraints: name (position for an array) → which values a numeric column can have, as a
            `Constraint` or in words such as "count" or "integer, 0:120"; "suggested" = from the
            values and names; None = any. See `estimators.constraints`.
        noise_floor: least variance of a column given the factors, in standardised units.
        isotropic: all columns of a component share that variance (mixture of PPCA).
        iterations: largest number of EM steps.
        tolerance: EM stops when a step gains less than this, in nats per row.
        random_state: seed of the start: an int, a `RandomState`, or None for another seed each
            time.

    Attributes:
        model_: the fitted `MixtureOfFactorAnalysers` of the coded rows.
        coding_: the `TableCoding`, with means, standard deviations and categories.
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
        categorical: Collection[Hashable] = (),
        constraints: Constraints = None,
        noise_floor: float = TABLE_VARIANCE_FLOOR,
        isotropic: bool = False,
        iterations: int = 200,
        tolerance: float = 1e-4,
        random_state: RandomState = 0,
    ) -> None:
        self.components = components
        self.factors = factors
        self.categorical = categorical
        self.constraints: Constraints = constraints
        self.noise_floor = noise_floor
        self.isotropic = isotropic
        self.iterations = iterations
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(self, X: ArrayLike | pd.DataFrame, y: None = None) -> Self:
        """Fit to X (N, columns), NaN = missing.

        Raises:
            ValueError: a column without any value, an infinite value, or too few rows.
        """
        table = self._validated(X, reset=True)
        self.coding_ = TableCoding.learn(table, self.categorical, self.constraints)
        rows, seed = self._coded(table), seed_from(self.random_state)
        self.size_scores_ = scores_of_sizes(
            rows.x, rows.observed, self._untrained, self.components, self.factors, seed
        )
        self.size_ = [*self.size_scores_][-1]
        model = self._untrained(self.size_)
        path = np.fromiter(self._em_steps(model, rows, seed), np.float64)
        self.log_likelihoods_ = path - self.coding_.log_scale(rows).mean()
        self.n_iter_ = len(self.log_likelihoods_)
        self.model_ = model
        return self

    @property
    def location_(self) -> NDArray:
        """Mean of each entry, (D,)."""
        return self.coding_.location

    @property
    def scale_(self) -> NDArray:
        """Standard deviation of each entry, (D,)."""
        return self.coding_.scale

    def _untrained(self, size: Size) -> MixtureOfFactorAnalysers:
        return MixtureOfFactorAnalysers(
            [self.coding_.width], *size, self.noise_floor, self.isotropic
        ).double()

    def _learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        arrays = {f"mixture.{name}": array for name, array in self.model_.state_dict().items()}
        arrays["log_likelihoods"] = torch.from_numpy(self.log_likelihoods_)
        scores = [[*size, score] for size, score in self.size_scores_.items()]
        return {"columns": self.coding_.as_json(), "size_scores": scores}, arrays

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        mixture = under("mixture", arrays)
        if "columns" in facts:
            self.coding_ = TableCoding.from_json(facts["columns"])
        else:  # files of 0.9
            units = zip(arrays["location"].tolist(), arrays["scale"].tolist(), strict=True)
            numbered = [CodedColumn(name, Numeric(), *each) for name, each in enumerate(units)]
            self.coding_ = TableCoding(tuple(numbered))
        # The first files have no scores; their settings are the size.
        scores = facts.get("size_scores", [[self.components, self.factors, math.nan]])
        self.size_scores_ = {Size(m, r): score for m, r, score in scores}
        self.size_ = [*self.size_scores_][-1]
        chosen = (self.components or self.size_.components, self.factors or self.size_.factors)
        numbers = self.coding_.width * math.prod(self.size_)
        # A damaged file must not create a huge mixture: the file has all its numbers.
        if chosen != self.size_ or numbers != mixture["loadings"].numel():
            raise ValueError("its settings do not match its arrays")
        self.log_likelihoods_ = arrays["log_likelihoods"].double().numpy()
        self.n_iter_ = len(self.log_likelihoods_)
        self.model_ = self._untrained(self.size_)
        self.model_.load_state_dict(mixture, strict=True)

    def _saved_setting(self, name: str, value: Any) -> tuple[Any, dict[str, Tensor]]:
        return saved_column_setting(name, value) or super()._saved_setting(name, value)

    def _loaded_setting(self, name: str, value: Any, arrays: dict[str, Tensor]) -> Any:
        found = loaded_column_setting(name, value)
        return super()._loaded_setting(name, value, arrays) if found is None else found

    def _em_steps(
        self, model: MixtureOfFactorAnalysers, rows: Masked, seed: int
    ) -> Iterator[float]:
        """Fit the model in place; nats per coded row before each step."""
        initialise_mfa(model, rows.x, generator(seed), rows.observed)
        # If nothing is missing, the fast path gives the same result.
        pattern = None if rows.observed.all() else rows.observed
        previous = -np.inf
        for step in em_steps(model, rows.x, iterations=self.iterations, observed=pattern):
            yield step.log_likelihood
            if step.log_likelihood - previous < self.tolerance:
                return
            previous = step.log_likelihood

    def _replicates(
        self, table: Table, n: int, seed: int
    ) -> Iterator[Progress | list[MixtureOfFactorAnalysers]]:
        """Mixtures of the chosen size, each fitted from its own start."""
        rows, models = self._coded(table), []
        for member in range(n):
            source = generator(seed + member)
            model = self._untrained(self.size_)
            drawn = rows[torch.randint(len(rows), (len(rows),), generator=source)]
            for _ in self._em_steps(model, drawn, seed + member):
                pass
            models.append(model)
        yield models

    def transform(self, X: ArrayLike | pd.DataFrame) -> Table:
        """X with missing numbers replaced by E[x_mis | x_obs], and levels by the most probable.

        The result has the type of X, and observed cells are unchanged.
        """
        table, (mean, _) = self._moments(X)
        return self.coding_.decode(self._coded_means(mean, table), table)

    def impute_with_sd(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, Table]:
        """`transform`, and standard deviations (N, columns) of the filled-in values.

        For categories see `TableCoding.decode_sd`.
        """
        table, (mean, variance) = self._moments(X)
        return (
            self.coding_.decode(self._coded_means(mean, table), table),
            self.coding_.decode_sd(mean, variance, table),
        )

    def impute_proba(self, X: ArrayLike | pd.DataFrame) -> dict[Hashable, pd.DataFrame]:
        """p(level | x_obs) of each column that has levels: name → (N, levels), rows sum to 1.

        They are the conditional means of the levels coded 0 and 1, cut off at 0 and 1. An observed
        cell has probability 1 at its level.
        """
        table, (mean, _) = self._moments(X)
        return self.coding_.probabilities(mean, table)

    def score(self, X: ArrayLike | pd.DataFrame, y: None = None) -> float:
        """Mean over rows of log p(x_obs), in nats, on the scale of the data."""
        check_is_fitted(self)
        rows = self._coded(self._validated(X))
        log_p = self.model_.log_prob(rows.x, rows.observed).mean().item()
        return log_p - float(self.coding_.log_scale(rows).mean())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _validated(self, X: ArrayLike | pd.DataFrame, *, reset: bool = False) -> Table:
        return validated_table(self, X, reset=reset)

    def _coded(self, table: Table) -> Masked:
        return self.coding_.encode(table, torch.float64)

    def _drawn(
        self,
        table: Table,
        n: int,
        seed: int,
        numbers: Sequence[int] | None,
        model: MixtureOfFactorAnalysers,
    ) -> Tensor:
        source = generator(seed)

        def drawn(conditional: LowRankMixture, rows: NDArray) -> Tensor:
            if numbers is None:
                return draw(conditional, source, n)
            return draw(conditional, Streams.of_rows(seed, np.asarray(numbers)[rows]), n)

        return self._filled(table, drawn, n, model)

    def _moments(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, Tensor]:
        """The table, and mean and variance of each entry, (2, N, D), in the units of constrained
        columns and coded for the others; the variance of an observed entry is 0."""
        check_is_fitted(self)
        table, function = self._validated(X), self.coding_.to_values

        def moments(conditional: LowRankMixture, _: NDArray) -> Tensor:
            if not self.coding_.constraints:
                return torch.stack([conditional.mean, conditional.variance])
            each = moments_of(function, conditional.component_mean, conditional.component_variance)
            mixture = MixtureMoments()
            mixture.add(conditional.log_weights.T, *(part.movedim(1, 0) for part in each))
            return torch.stack([mixture.mean, mixture.variance])

        return table, self._filled(table, moments, 2, self.model_)

    def _coded_means(self, mean: Tensor, table: Table) -> Tensor:
        return self.coding_.of_values(mean) if self.coding_.constraints else mean

    def _filled(
        self,
        table: Table,
        fill: Callable[[LowRankMixture, NDArray], Tensor],
        n: int,
        model: MixtureOfFactorAnalysers,
    ) -> Tensor:
        """n copies of the coded rows, (n, N, D), whose incomplete rows are replaced by
        `fill(conditional distribution, rows)`."""
        coded = self._coded(table)
        out = coded.x.repeat(n, 1, 1)
        incomplete = torch.nonzero(~coded.observed.all(1))[:, 0]
        rows = max(1, CHUNK // (model.loadings.numel() * max(n, 1)))
        for part in incomplete.split(rows) if len(incomplete) else ():
            masked = coded[part]
            filled = fill(model.conditional(masked), part.numpy())
            out[:, part] = torch.where(masked.observed, masked.x, filled)
        return out
