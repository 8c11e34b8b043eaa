"""Which method completes this table best? Known cells are hidden, completed and compared.

    *_, result = run(Config(), table)
    result.recommendation.winner

Every repetition hides other cells (see `hold_out`), all methods complete the same ones, and
methods are compared within repetitions. Repetitions share cells, so their standard errors are
corrected for overlapping splits (Nadeau & Bengio 2003). Units are the standard deviations of all
known values of a column, the hidden ones included.

The study assumes that missing cells resemble the hidden ones: that they are missing by chance, or
because of the other columns. Known cells cannot show whether values are missing because of
themselves. A method that assumes this, such as not-MIWAE, takes part only if the caller adds it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from textwrap import shorten
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgm_core.baselines.table_imputers import KNN, ColumnMean
from dgm_core.child_process import Call
from dgm_core.estimators.chained import ChainedImputer
from dgm_core.estimators.coding import Table, TableCoding
from dgm_core.estimators.mfa import MFAImputer
from dgm_core.estimators.miwae import MIWAEImputer
from dgm_core.inference.cell_scores import SCORES, cell_scores
from dgm_core.inference.hold_out import FEWEST, MECHANISMS, Mechanism, hold_out
from dgm_core.metrics.comparison import Difference, clear, error_over_splits
from dgm_core.rng import generator
from dgm_core.stepwise import Steps
from dgm_core.types import Masked

__all__ = [
    "METHODS",
    "SCORES",
    "Config",
    "Factory",
    "Failure",
    "Frame",
    "Recommendation",
    "Result",
    "Row",
    "run",
    "sentence",
    "steps",
]

Factory = Callable[[int], Any]
"""Seed → an imputer that is not fitted.

It is an estimator with `sample_imputations` or `transform`, or a baseline with `run`.
"""

ROUNDS = 5
"""Rounds of chained equations, as in R's mice."""

METHODS: dict[str, Factory] = {
    "mean": lambda seed: ColumnMean(),
    "kNN": lambda seed: KNN(),
    "norm": lambda seed: ChainedImputer("norm", rounds=ROUNDS, random_state=seed),
    "PMM": lambda seed: ChainedImputer("pmm", rounds=ROUNDS, random_state=seed),
    "CART": lambda seed: ChainedImputer("cart", rounds=ROUNDS, random_state=seed),
    "MFA": lambda seed: MFAImputer(constraints="suggested", random_state=seed),
    "MIWAE": lambda seed: MIWAEImputer(constraints="suggested", samples=200, random_state=seed),
}
"""Name → constructor. All of them assume that values are missing at random."""

LONGEST_REASON = 200
"""Characters of an error message that are kept."""

LIMITS = {
    "fraction": (0.01, 0.5),
    "repetitions": (2, 100),
    "draws": (2, 1000),
    "fit_rows": (20, math.inf),
}


@dataclass(frozen=True)
class Config:
    """Everything that determines a study, except the table and further methods.

    Attributes:
        methods: names of the methods to compare.
        mechanism: how cells are hidden, see `hold_out`.
        fraction: of the known cells of a column that are hidden.
        repetitions: number of times that other cells are hidden.
        draws: number of completed tables of each method.
        fit_rows: each repetition uses at most so many rows, chosen at random.
        categorical: names (positions for an array) of columns whose numbers are levels.
        seed: of all random numbers.

    Raises:
        ValueError: no method, a method twice, an unknown mechanism, or a number out of `LIMITS`.
    """

    methods: tuple[str, ...] = tuple(METHODS)
    mechanism: Mechanism = "chance"
    fraction: float = 0.2
    repetitions: int = 5
    draws: int = 20
    fit_rows: int = 1000
    categorical: tuple[Hashable, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.methods or len(set(self.methods)) < len(self.methods):
            raise ValueError(f"expected different methods, at least one, got {self.methods}")
        if self.mechanism not in MECHANISMS:
            raise ValueError(f"expected a mechanism among {[*MECHANISMS]}, got {self.mechanism!r}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                got = getattr(self, name)
                raise ValueError(f"expected {name} from {low} to {high}, got {got}")


class Failure(NamedTuple):
    """A method that could not complete the table."""

    method: str
    sentence: str


class Frame(NamedTuple):
    """One method of one repetition has finished."""

    repetition: int  # from 0
    method: str
    scores: Mapping[str, float]  # NaN where a score does not apply; empty after a failure
    failure: Failure | None
    done: float  # fraction of the study


class Row(NamedTuple):
    """One method over all repetitions; NaN where a score does not apply."""

    method: str
    each: Mapping[str, tuple[float, ...]]  # score → repetition by repetition
    mean: Mapping[str, float]
    error: Mapping[str, float]  # standard errors


class Recommendation(NamedTuple):
    """The method with the best score."""

    criterion: str  # the score: "CRPS", or "Brier score" for a table without numbers
    winner: str
    runner_up: str | None  # None = there is only one method
    margin: Difference  # score of the runner-up minus that of the winner, paired
    ties: tuple[str, ...]  # other methods whose difference from the winner chance can explain


class Result(NamedTuple):
    """All methods over all repetitions."""

    rows: tuple[Row, ...]  # of the methods that completed the table
    failures: tuple[Failure, ...]
    recommendation: Recommendation | None  # None = no method completed the table


class Problem(NamedTuple):
    """A table of which some known cells are hidden."""

    table: Table  # what the methods see
    truth: Masked  # coded rows before cells were hidden, (N, D)
    held: NDArray  # the hidden cells, (N, columns) bool
    seed: int  # of the methods


def run(
    config: Config, table: Table, factories: Mapping[str, Factory] = METHODS
) -> Iterator[Frame | Result]:
    """A frame for each method of each repetition, then the result.

    Args:
        config: of the study.
        table: an array (N, columns) of numbers, or a DataFrame; NaN = missing.
        factories: name → constructor, of all names in `config.methods`.

    Raises:
        ValueError: a name is not in `factories`, a column without any value, an infinite value, or
            "other columns" with only one column.
    """
    items = steps(config, table, factories)
    return (item for item in items if isinstance(item, Frame | Result))


def steps(
    config: Config, table: Table, factories: Mapping[str, Factory] = METHODS
) -> Iterator[Frame | Result | Call | None]:
    """What `run` yields, and None between these items, so that a study can stop soon."""
    if unknown := [name for name in config.methods if name not in factories]:
        raise ValueError(f"expected methods among {[*factories]}, got {unknown}")
    coding = TableCoding.learn(table, config.categorical)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in config.methods}
    failures: dict[str, Failure] = {}
    count, finished = len(config.methods) * config.repetitions, 0
    for repetition in range(config.repetitions):
        problem = problem_of(config, table, coding, repetition)
        for name in config.methods:
            finished += 1
            if name in failures:
                continue
            scores = {}
            try:
                imputer = factories[name](problem.seed)
                completed = yield from completed_steps(imputer, problem, coding, config.draws)
                scores = cell_scores(completed, problem.truth, problem.held, coding, config.draws)
                found[name].append(scores)
            except Exception as error:  # a factory may be the caller's own
                failures[name] = Failure(name, _failed(name, error))
            yield Frame(repetition, name, scores, failures.get(name), finished / count)
    ratio = config.fraction / (1 - config.fraction)
    rows = [_row(name, found[name], ratio) for name in config.methods if name not in failures]
    yield Result(tuple(rows), tuple(failures.values()), _recommended(rows, ratio))


def sentence(recommendation: Recommendation) -> str:
    """A recommendation in words."""
    criterion, winner, runner_up, margin, ties = recommendation
    if runner_up is None:
        return f"{winner} is the only method that completed the table."
    unit = " standard deviations" if criterion == "CRPS" else ""
    lead = (
        f"{winner} has the lowest {criterion}: {margin.value:.3f} ± {margin.error:.3f}{unit} "
        f"below that of {runner_up}."
    )
    if not ties:
        return f"{lead} The differences from all other methods are clear."
    listed = " and ".join(filter(None, [", ".join(ties[:-1]), ties[-1]]))
    verb = "ties" if len(ties) == 1 else "tie"
    return f"{lead} {listed} {verb} with it: chance alone can explain the difference."


def problem_of(config: Config, table: Table, coding: TableCoding, repetition: int) -> Problem:
    """The rows of one repetition, with cells hidden."""
    source = np.random.default_rng([config.seed, repetition, 1])
    chosen = source.permutation(len(table))[: config.fit_rows]
    known = ~pd.DataFrame(table).isna().to_numpy()
    for j in np.flatnonzero(known[chosen].sum(0) < FEWEST):  # every column needs values
        chosen = np.union1d(chosen, np.flatnonzero(known[:, j])[:FEWEST])
    chosen = np.sort(chosen)
    part = table.iloc[chosen] if isinstance(table, pd.DataFrame) else table[chosen]
    truth = coding.encode(part)
    held, _ = hold_out(truth, coding, config.mechanism, config.fraction, config.seed, repetition)
    seen = part.mask(held) if isinstance(part, pd.DataFrame) else np.where(held, np.nan, part)
    return Problem(seen, truth, held, int(source.integers(2**31 - 1)))


def completed_steps(
    imputer: Any, problem: Problem, coding: TableCoding, draws: int
) -> Steps[Tensor]:
    """Completed tables as coded rows, (draws, N, D); one if the method gives no draws."""
    if hasattr(imputer, "run"):
        entries = torch.from_numpy(problem.held[:, coding.column_of])
        rows = Masked(problem.truth.x, problem.truth.observed & ~entries)
        *_, imputation = imputer.run(rows, generator(problem.seed))
        return imputation.mean[None]
    if hasattr(imputer, "fit_steps"):
        for _ in imputer.fit_steps(problem.table):
            yield None
    else:
        imputer.fit(problem.table)
    yield None
    if isinstance(imputer, ChainedImputer):
        tables = []
        for table in islice(imputer.completions(problem.table, problem.seed), draws):
            tables.append(coding.encode(table))
            yield None
    elif hasattr(imputer, "sample_imputations"):
        # One fit for all draws: a fit for each would take `draws` times as long.
        accepted = inspect.signature(imputer.sample_imputations).parameters
        once = {"proper": False} if "proper" in accepted else {}
        drawn = imputer.sample_imputations(problem.table, draws, problem.seed, **once)
        tables = [coding.encode(table) for table in drawn]
    else:
        tables = [coding.encode(imputer.transform(problem.table))]
    if not all(each.observed.all() for each in tables):
        raise ValueError("it left cells missing")
    return torch.stack([each.x for each in tables])


def _failed(name: str, error: Exception) -> str:
    """An error as a sentence."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    reason = shorten(reason.rstrip("."), LONGEST_REASON, placeholder=" …")
    return f"{name} could not complete this table: {reason}."


def _row(name: str, scores: Sequence[Mapping[str, float]], ratio: float) -> Row:
    each = {score: tuple(one[score] for one in scores) for score in SCORES}
    summaries = {score: _difference(values, ratio) for score, values in each.items()}
    mean = {score: summary.value for score, summary in summaries.items()}
    return Row(name, each, mean, {score: summary.error for score, summary in summaries.items()})


def _difference(values: Sequence[float] | NDArray, ratio: float) -> Difference:
    """Mean over repetitions and its standard error; repetitions with NaN do not count."""
    known = np.asarray(values)[~np.isnan(values)]
    if len(known) < 2:
        return Difference(float(known.mean()) if len(known) else math.nan, math.nan)
    return Difference(float(known.mean()), error_over_splits(known, ratio), len(known) - 1)


def _recommended(rows: Sequence[Row], ratio: float) -> Recommendation | None:
    if not rows:
        return None
    numbers = not all(math.isnan(row.mean["CRPS"]) for row in rows)
    criterion = "CRPS" if numbers else "Brier score"
    best, *others = sorted(rows, key=lambda row: row.mean[criterion])
    differences = {
        row.method: _difference(np.subtract(row.each[criterion], best.each[criterion]), ratio)
        for row in others
    }
    if not others:
        nothing = Difference(math.nan, math.nan)
        return Recommendation(criterion, best.method, None, nothing, ())
    decided = clear(differences)
    return Recommendation(
        criterion,
        best.method,
        others[0].method,
        differences[others[0].method],
        tuple(name for name in differences if name not in decided),
    )
