"""One chain of chained equations: draws of each column given all others, again and again.

    θ_j ~ p(θ_j | rows in which x_j is observed),   x_j,mis ~ p(x_j,mis | x_−j, θ_j),   j = 1, 2, …

The columns are visited in the order of their numbers of missing values, the fewest first. The
chain starts from random observed values (van Buuren, *Flexible Imputation of Missing Data*, 2018,
§4.5). A chain is *proper* if it draws θ_j at each visit; otherwise it uses the best estimate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

RIDGE = 1e-5
"""Added to the diagonal of X'X, as a fraction of it, so that dependent columns cause no error."""

LEAST_GAIN = 1e-4
"""A split of a tree must reduce the variance by this fraction of a standardised column."""

TARGETS_AT_ONCE = 50_000
"""Hidden values that are matched in one step, so that arrays stay small."""

LOGISTIC_STEPS = 1000
"""Largest number of iterations of a logistic regression."""


class Chain(ABC):
    """A table that is completed column by column.

    Args:
        rows: numbers, and codes 0, 1, … of levels, (N, C) float64; NaN = missing.
        taught_rows: only the first so many rows teach; the others are only completed.
        levels: number of levels of each column, (C,); 0 = numeric.
        source: of all random numbers.
        proper: whether parameters are drawn.

    Attributes:
        filled: the completed rows, (N, C).
    """

    def __init__(
        self,
        rows: NDArray,
        taught_rows: int,
        levels: Sequence[int],
        source: np.random.Generator,
        *,
        proper: bool = True,
    ) -> None:
        self.hidden = np.isnan(rows)
        self.teaches = ~self.hidden
        self.teaches[taught_rows:] = False
        self.levels, self.source, self.proper = levels, source, proper
        self.filled = rows.copy()
        known = [rows[teaches, j] for j, teaches in enumerate(self.teaches.T)]
        numeric = [number == 0 for number in levels]
        spread = np.array([values.std() for values in known])
        self.location = np.where(numeric, [values.mean() for values in known], 0.0)
        is_constant = spread <= 1e-12 * np.abs(self.location)
        self.scale = np.where(numeric & ~is_constant, spread, 1.0)
        for j, values in enumerate(known):
            hidden = self.hidden[:, j]
            self.filled[hidden, j] = source.choice(values, np.count_nonzero(hidden))

    def run(self, rounds: int) -> NDArray:
        """The completed rows (N, C) after some rounds over all columns."""
        for _ in self.steps(rounds):
            pass
        return self.filled

    def steps(self, rounds: int) -> Iterator[None]:
        """`run`, with a pause after each visit of a column."""
        missing = self.hidden.sum(0)
        order = [j for j in np.argsort(missing, kind="stable") if missing[j]]
        for _ in range(rounds):
            for j in order:
                self.fill(j, self.draw(j))
                yield

    def fill(self, column: int, values: NDArray) -> None:
        """Write new values into the hidden cells of a column."""
        self.filled[self.hidden[:, column], column] = values

    @abstractmethod
    def draw(self, column: int) -> NDArray:
        """New values for the hidden cells of a column, given all other columns."""

    def taught(self, column: int) -> NDArray:
        """Indices of the rows that teach a column; if proper, a bootstrap sample of them."""
        rows = np.flatnonzero(self.teaches[:, column])
        return self.source.choice(rows, len(rows)) if self.proper else rows


class LinearChain(Chain):
    """Linear regression of numbers, and multinomial logistic regression of levels.

    Numbers: with centred X and y of the n rows that teach, q predictors, and
    S = X'X + 10⁻⁵ diag(X'X),

        β̂ = S⁻¹ X'y    σ*² = ‖y − Xβ̂‖² / χ²_{n−q−1}    β* = β̂ + σ* S^{−½} z,   z ~ N(0, I)

    and a constant from N(ȳ, σ*² / n) (§3.2, algorithm 3.1). A hidden value is x'β* + σ* ε; or,
    with predictive mean matching, the observed value of one of the `donors` rows whose x'β̂ is
    nearest to its x'β* (§3.4, "type 1").
    Levels: a proper chain fits the logistic regression to a bootstrap sample (algorithm 3.5).

    Args:
        donors: number of donors; 0 = values are drawn from the normal distribution instead.

    The others are those of `Chain`.
    """

    def __init__(
        self,
        rows: NDArray,
        taught_rows: int,
        levels: Sequence[int],
        source: np.random.Generator,
        *,
        proper: bool = True,
        donors: int = 5,
    ) -> None:
        super().__init__(rows, taught_rows, levels, source, proper=proper)
        self.donors = donors
        ends = 1 + np.cumsum([max(number - 1, 1) for number in levels])
        starts = np.concatenate([[1], ends[:-1]])
        self.entries = [slice(*pair) for pair in zip(starts, ends, strict=True)]
        # Standardised numbers, and an indicator of each level but the first. The first entry is
        # always 0: it is the predictor in a table of one column.
        self.design = np.zeros((len(rows), ends[-1]))
        for j in range(len(levels)):
            self.design[:, self.entries[j]] = self._coded(j, self.filled[:, j])

    def fill(self, column: int, values: NDArray) -> None:
        super().fill(column, values)
        self.design[self.hidden[:, column], self.entries[column]] = self._coded(column, values)

    def draw(self, column: int) -> NDArray:
        others = np.ones(self.design.shape[1], dtype=bool)
        others[self.entries[column]] = False
        if self.levels[column]:
            return self._level(column, others)
        return self._number(column, others)

    def _coded(self, column: int, values: NDArray) -> NDArray:
        """Entries (n, width) of the design from values (n,)."""
        levels = self.levels[column]
        if levels > 1:
            return np.eye(levels)[values.astype(int), 1:]
        return ((values - self.location[column]) / self.scale[column])[:, None]

    def _number(self, column: int, others: NDArray) -> NDArray:
        teaches, hidden = self.teaches[:, column], self.hidden[:, column]
        known, own = self.design[teaches], self.entries[column].start
        n, centre = len(known), known.mean(0)
        products = known.T @ known - n * np.outer(centre, centre)
        gram = products[np.ix_(others, others)]
        squares = gram.diagonal()
        informs = squares > 1e-9 * n
        # These rows tell nothing about a constant predictor; its coefficient is from N(0, σ*²).
        factor = cholesky(gram + np.diag(np.where(informs, RIDGE * squares, 1.0)))
        best = np.zeros(len(others))
        best[others] = cho_solve((factor, False), products[others, own])
        predicted = (known - centre) @ best
        misfit = np.square(known[:, own] - centre[own] - predicted).sum()
        degrees = max(n - np.count_nonzero(informs) - 1, 1)
        drawn, constant = best.copy(), 0.0
        if self.proper:
            sd = np.sqrt(misfit / self.source.chisquare(degrees))
            noise = self.source.standard_normal(len(gram))
            drawn[others] += sd * solve_triangular(factor, noise)
            constant = sd * self.source.standard_normal() / np.sqrt(n)
        else:
            sd = np.sqrt(misfit / degrees)
        means = (self.design[hidden] - centre) @ drawn + constant
        if self.donors:
            matched = nearest(predicted, means, self.donors, self.source)
            return self.filled[teaches, column][matched]
        values = centre[own] + means + sd * self.source.standard_normal(len(means))
        return self.location[column] + self.scale[column] * values

    def _level(self, column: int, others: NDArray) -> NDArray:
        rows = self.taught(column)
        codes = self.filled[rows, column]
        hidden = self.hidden[:, column]
        if (codes == codes[0]).all():
            return np.full(np.count_nonzero(hidden), codes[0])
        regression = LogisticRegression(max_iter=LOGISTIC_STEPS)
        regression.fit(self.design[rows][:, others], codes)
        p = regression.predict_proba(self.design[hidden][:, others])
        below = p.cumsum(1)[:, :-1] < self.source.random((len(p), 1))
        return regression.classes_[below.sum(1)]


class TreeChain(Chain):
    """Regression and classification trees (CART); a value is drawn from those in its leaf.

    A proper chain grows the tree on a bootstrap sample of the rows, and the donors in a leaf are
    those of the sample (§3.5). Levels of predictors enter as their codes.

    Args:
        minimum_leaf: least number of rows in a leaf.

    The others are those of `Chain`.
    """

    def __init__(
        self,
        rows: NDArray,
        taught_rows: int,
        levels: Sequence[int],
        source: np.random.Generator,
        *,
        proper: bool = True,
        minimum_leaf: int = 5,
    ) -> None:
        super().__init__(rows, taught_rows, levels, source, proper=proper)
        self.minimum_leaf = minimum_leaf

    def draw(self, column: int) -> NDArray:
        predictors = self.filled.astype(np.float32)
        predictors[:, column] = 0  # so that a tree for the only column is a single leaf
        rows, hidden = self.taught(column), self.hidden[:, column]
        values = self.filled[rows, column]
        kind = DecisionTreeClassifier if self.levels[column] else DecisionTreeRegressor
        tree = kind(
            min_samples_leaf=self.minimum_leaf,
            min_impurity_decrease=LEAST_GAIN,
            random_state=int(self.source.integers(2**31)),
        )
        standardised = (values - self.location[column]) / self.scale[column]
        # Most columns are small, so that checking them would take most of the time.
        with config_context(skip_parameter_validation=True):
            tree.fit(predictors[rows], standardised, check_input=False)
            leaf = tree.apply(predictors, check_input=False)
        leaves, wanted = leaf[rows], leaf[hidden]
        order = np.argsort(leaves, kind="stable")
        first, end = (np.searchsorted(leaves[order], wanted, side) for side in ("left", "right"))
        return values[order[self.source.integers(first, end)]]


def nearest(
    predictions: NDArray, targets: NDArray, count: int, source: np.random.Generator
) -> NDArray:
    """For each target (m,), the index of a random one of its `count` nearest predictions (n,).

    If more predictions are equally near, chance decides which of them count.
    """
    n, count = len(predictions), min(count, len(predictions))
    order = source.permutation(n)
    order = order[np.argsort(predictions[order], kind="stable")]
    ordered = predictions[order]
    parts = np.split(targets, range(TARGETS_AT_ONCE, len(targets), TARGETS_AT_ONCE))
    return np.concatenate([order[_places(ordered, part, count, source)] for part in parts])


def _places(
    ordered: NDArray, targets: NDArray, count: int, source: np.random.Generator
) -> NDArray:
    """For each target, the place of a random one of its `count` nearest ordered predictions."""
    n = len(ordered)
    window = np.searchsorted(ordered, targets)[:, None] + np.arange(-count, count)
    distances = np.abs(ordered[window.clip(0, n - 1)] - targets[:, None])
    distances[(window < 0) | (window >= n)] = np.inf
    chosen = np.argpartition(distances, count - 1, axis=1)[:, :count]
    each = np.arange(len(targets))
    return window[each, chosen[each, source.integers(count, size=len(targets))]]
