"""Imputation of tables by chained equations, after R's package mice; see `estimators.chain`.

scikit-learn's `IterativeImputer` is not used: it does not know columns of levels, and the draws of
one of its fits have the same parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal, NoReturn, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from dgm_core.distributions.columns import Numeric
from dgm_core.estimators.chain import Chain, LinearChain, TreeChain
from dgm_core.estimators.coding import CodedColumn, Table, TableCoding
from dgm_core.estimators.seeds import RandomState, seed_from
from dgm_core.estimators.validation import validated_table

Method = Literal["pmm", "cart", "norm"]
METHODS: tuple[Method, ...] = get_args(Method)


class ChainedImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fills in a table by regressing each column on all others, again and again.

    It assumes that values are missing (completely) at random. Every completed table is the end of
    a chain of its own, with parameters that are drawn at each step, so completed tables carry the
    uncertainty of the regressions as well as that of the values (van Buuren, *Flexible Imputation
    of Missing Data*, 2018). Tables are arrays of numbers, or DataFrames whose columns may also be
    boolean or categorical (see `estimators.coding`). The result has the type of the input, and
    observed cells are unchanged.

    `fit` only keeps the table, because each chain learns from it anew. Rows that are not in the
    table are completed beside it and teach nothing.

    Args:
        method: how numbers are drawn. "pmm": predictive mean matching by linear regression, which
            imputes observed values only. "norm": Bayesian linear regression. "cart": an observed
            value from the leaf of a regression tree. Levels are drawn by logistic regression, or
            by a classification tree for "cart".
        rounds: visits of every column in a chain.
        donors: number of observed values among which "pmm" chooses.
        minimum_leaf: least number of rows in a leaf of a tree.
        draws: number of chains that `transform`, `impute_with_sd` and `impute_proba` summarise.
        categorical: names (positions for an array) of columns whose numbers are levels.
        random_state: seed of these chains: an int, a `RandomState`, or None for another seed each
            time.

    Attributes:
        coding_: the `TableCoding` with the levels of the columns; numbers keep their units.
        rows_: the table that `fit` read, as numbers and codes of levels, (N, columns).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> table = rng.integers(0, 9, size=(100, 1)) + rng.integers(0, 2, size=(100, 3)) * 1.0
        >>> table[:30, 2] = np.nan
        >>> drawn = ChainedImputer("pmm").fit(table).sample_imputations(table, 5)
        >>> drawn.shape, bool((drawn == drawn.round()).all())
        ((5, 100, 3), True)
    """

    def __init__(
        self,
        method: Method = "pmm",
        *,
        rounds: int = 10,
        donors: int = 5,
        minimum_leaf: int = 5,
        draws: int = 20,
        categorical: Collection[Hashable] = (),
        random_state: RandomState = 0,
    ) -> None:
        self.method = method
        self.rounds = rounds
        self.donors = donors
        self.minimum_leaf = minimum_leaf
        self.draws = draws
        self.categorical = categorical
        self.random_state = random_state

    def fit(self, X: ArrayLike | pd.DataFrame, y: None = None) -> Self:
        """Keep X (N, columns), NaN = missing, from which the chains learn.

        Raises:
            ValueError: a setting is unknown or below 1, a column without any value, an infinite
                value, or fewer than two rows.
        """
        if self.method not in METHODS:
            raise ValueError(f"expected a method among {[*METHODS]}, got {self.method!r}")
        for name in ("rounds", "donors", "minimum_leaf", "draws"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        table = validated_table(self, X, reset=True)
        learned = TableCoding.learn(table, self.categorical)
        self.coding_ = TableCoding(
            tuple(
                each if each.levels else CodedColumn(each.name, Numeric())
                for each in learned.coded
            )
        )
        self.seed_ = seed_from(self.random_state)
        self.rows_ = self._numbered(table)
        return self

    def transform(self, X: ArrayLike | pd.DataFrame) -> Table:
        """X with its missing values filled in: means of draws, and the most frequent levels."""
        return self.impute_with_sd(X)[0]

    def impute_with_sd(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, Table]:
        """`transform`, and standard deviations (N, columns) over the draws, 0 if observed.

        For levels see `TableCoding.decode_sd`.
        """
        table, mean, variance = self._moments(X)
        return self.coding_.decode(mean, table), self.coding_.decode_sd(mean, variance, table)

    def impute_proba(self, X: ArrayLike | pd.DataFrame) -> dict[Hashable, NDArray]:
        """Probabilities of levels: frequencies in the draws, or 0 and 1 where observed.

        Returns:
            Name (position in an array) of each column with levels → (N, levels), in the order of
            `coding_`. Rows sum to 1.
        """
        _, mean, _ = self._moments(X)
        parts = np.split(mean, np.cumsum([kind.width for kind in self.coding_.columns])[:-1], 1)
        found = {}
        for each, p in zip(self.coding_.coded, parts, strict=True):
            if each.levels:
                found[each.name] = np.hstack([1 - p, p]) if len(each.levels) == 2 else p
        return found

    def sample_imputations(
        self,
        X: ArrayLike | pd.DataFrame,
        n: int,
        random_state: RandomState = 0,
        *,
        proper: bool = True,
    ) -> NDArray | list[pd.DataFrame]:
        """X completed n times, each by a chain of its own, for multiple imputation.

        Args:
            X: the table.
            n: number of completed tables, at least 1.
            random_state: seed of the chains. The first tables are the same for every n.
            proper: whether each chain draws its parameters; otherwise it uses the best estimates,
                and intervals from the completed tables are too narrow.

        Returns:
            (n, N, columns) for an array; a list of n DataFrames for a DataFrame.

        Raises:
            ValueError: n is below 1.
        """
        if n < 1:
            raise ValueError(f"expected at least 1 completed table, got {n}")
        tables: list[Any] = [*islice(self.completions(X, random_state, proper=proper), n)]
        return tables if isinstance(tables[0], pd.DataFrame) else np.stack(tables)

    def completions(
        self, X: ArrayLike | pd.DataFrame, random_state: RandomState = 0, *, proper: bool = True
    ) -> Iterator[Table]:
        """The tables of `sample_imputations` one after another, without end."""
        table = self._read(X)
        for rows in self._chains(self._numbered(table), seed_from(random_state), proper=proper):
            yield self.coding_.decode(self._coded(rows), table)

    def chain_steps(
        self, X: pd.DataFrame, number: int, n: int, random_state: RandomState = 0
    ) -> Iterator[tuple[int, pd.DataFrame | None]]:
        """X completed n times by one proper chain, so that all n have the same parameters.

        The chain completes n copies of X beside the table that `fit` read, which alone teaches.

        Args:
            X: rows of a table.
            number: of the chain; chains with other numbers have other parameters.
            n: number of completions.
            random_state: seed of the chains.

        Yields:
            (0, None) after each visit of a column, then (0, X completed), …, (n − 1, X completed).
        """
        table = self._read(X)
        numbered = self._numbered(table)
        source = np.random.default_rng([seed_from(random_state), number])
        stacked = np.concatenate([self.rows_, np.tile(numbered, (n, 1))])
        chain = self._chain(stacked, source, proper=True)
        for _ in chain.steps(self.rounds):
            yield 0, None
        copies = chain.filled[len(self.rows_) :].reshape(n, *numbered.shape)
        for each, rows in enumerate(copies):
            yield each, pd.DataFrame(self.coding_.decode(self._coded(rows), table))

    def save(self, path: Path | str) -> NoReturn:
        """Not possible: the fitted estimator is the table itself.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "a ChainedImputer is not saved, because it consists of its table: save the table and "
            f"fit again ({self!r})"
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: ArrayLike | pd.DataFrame) -> Table:
        check_is_fitted(self, "rows_")
        return validated_table(self, X)

    def _numbered(self, table: Table) -> NDArray:
        """Numbers and codes of levels, (N, columns) float64, NaN if missing.

        Raises:
            ValueError: as `TableCoding.encode`.
        """
        self.coding_.encode(table)  # checks the values; its float32 would change them
        numbers = []
        for each, (_, values) in zip(self.coding_.coded, pd.DataFrame(table).items(), strict=True):
            if each.levels:
                levels = pd.Index(each.levels, dtype=object)
                codes = levels.get_indexer(pd.Index(values.astype(object), dtype=object))
                numbers.append(np.where(values.isna(), np.nan, codes))
            else:
                numbers.append(values.to_numpy(np.float64, na_value=np.nan))
        return np.stack(numbers, 1)

    def _coded(self, rows: NDArray) -> NDArray:
        """Rows (N, D) that `coding_` decodes, from completed numbers and codes (N, columns)."""
        parts = []
        for each, values in zip(self.coding_.coded, rows.T, strict=True):
            levels = len(each.levels)
            one_hot = levels not in (0, 2)
            parts.append(np.eye(levels)[values.astype(int)] if one_hot else values[:, None])
        return np.hstack(parts)

    def _chains(self, rows: NDArray, seed: int, *, proper: bool = True) -> Iterator[NDArray]:
        """Completed copies of `rows` (N, columns), each from a seed of its own, without end."""
        complete = not np.isnan(rows).any()
        # Rows of the table itself are completed in their place.
        same = np.array_equal(rows, self.rows_, equal_nan=True)
        stacked = rows if same else np.concatenate([self.rows_, rows])
        for number in count():
            source = np.random.default_rng([seed, number])
            if complete:
                yield rows
            else:
                chain = self._chain(stacked, source, proper=proper)
                yield chain.run(self.rounds)[-len(rows) :]

    def _chain(self, rows: NDArray, source: np.random.Generator, *, proper: bool) -> Chain:
        levels = [len(each.levels) for each in self.coding_.coded]
        start = (rows, len(self.rows_), levels, source)
        if self.method == "cart":
            return TreeChain(*start, proper=proper, minimum_leaf=self.minimum_leaf)
        donors = self.donors if self.method == "pmm" else 0
        return LinearChain(*start, proper=proper, donors=donors)

    def _moments(self, X: ArrayLike | pd.DataFrame) -> tuple[Table, NDArray, NDArray]:
        """The table, and mean and variance of its coded rows over the draws, (N, D)."""
        table = self._read(X)
        chains = islice(self._chains(self._numbered(table), self.seed_), self.draws)
        mean, squares = np.zeros(()), np.zeros(())
        for number, completed in enumerate(chains, 1):
            change = self._coded(completed) - mean
            mean = mean + change / number
            squares = squares + change**2 * (number - 1) / number
        return table, mean, squares / self.draws
