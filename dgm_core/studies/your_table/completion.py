"""A visitor's table, completed: which method, several models, and draws of every missing value.

    *_, result = run(Config(columns=understood(reading)), reading.every_row)
    draws(table, result)                     # completed tables, each from a model of its own

If no method is named, known cells are hidden and the method that completes them best is used. The
method is then fitted to rows drawn with replacement, once for each completed table, so that the
completed tables also carry the uncertainty of the fitted model (`estimators.multiple`). Several
draws from each of these models give the interval of each missing value. Re-weighted, they show
what an assumed mechanism would change (`inference.sensitivity`). If the method itself assumes a
mechanism, MFA draws values at random beside it for that purpose.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dgm_core.child_process import Call
from dgm_core.estimators import ChainedImputer
from dgm_core.estimators.constraints import Constraint
from dgm_core.inference import cautions, choice
from dgm_core.inference import draws as cell_draws
from dgm_core.studies.your_table.methods import (
    AT_RANDOM,
    BASELINE,
    METHODS,
    Budget,
    Size,
    budget,
    factories,
    imputer,
)
from dgm_core.studies.your_table.understanding import (
    ColumnPlan,
    constraints,
    modelled,
    problems,
)
from dgm_core.studies.your_table.why import ASSUMED, Why

RECOMMENDED = "recommended"
BESIDE = "MFA"
"""Draws values at random beside a method that assumes a mechanism."""
BESIDE_SHARE = 0.1
"""Its share of the work."""
SCORING_STEPS = 300
"""Training steps of a deep model while methods are compared."""
LIMITS = {"models": (2, 50), "steps": (50, 10_000)}


@dataclass(frozen=True)
class Config:
    """Everything that determines a completion, except the table.

    Args:
        columns: how each column is modelled.
        why: why values are missing.
        method: one of `METHODS`, or `RECOMMENDED`: the best one on hidden known cells, or the
            method that assumes a mechanism if one was chosen.
        models: m, number of completed tables for multiple imputation.
        steps: of the training of a deep model.
        seed: of all random numbers.

    Raises:
        ValueError: an unknown method, a number out of `LIMITS`, or a method that assumes a
            mechanism although none was chosen.
    """

    columns: tuple[ColumnPlan, ...]
    why: Why = field(default_factory=Why)
    method: str = RECOMMENDED
    models: int = 5
    steps: int = 800
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in (RECOMMENDED, *METHODS):
            raise ValueError(f"expected a method among {[*METHODS]}, got {self.method!r}")
        for reason, method in ASSUMED.items():
            if self.method == method and self.why.reason != reason:
                raise ValueError(
                    f"{method} assumes a mechanism, so it needs the reason {reason!r}"
                )
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )

    @property
    def compares(self) -> bool:
        """Are methods compared on hidden known cells?"""
        return self.method == RECOMMENDED and self.why.assumed is None


class Frame(NamedTuple):
    """How far a completion is."""

    done: float
    doing: str
    scores: choice.Result | None = None  # of the comparison, once it is finished


class Result(NamedTuple):
    """Draws of every missing value, and what there is to say about them."""

    method: str
    filled: Mapping[str, NDArray]  # column → (models, draws, missing cells); codes of levels
    scores: choice.Result | None  # None = methods were not compared
    cautions: tuple[str, ...]
    bounded: tuple[str, ...]  # what was bounded because of the size of the table
    beside: Mapping[str, NDArray] | None = None  # as `filled`, by `BESIDE`, if `method` assumes
    done: float = 1.0
    doing: str = ""

    @property
    def at_random(self) -> Mapping[str, NDArray]:
        """Draws that assume that values are missing at random."""
        return self.filled if self.beside is None else self.beside

    @property
    def at_random_by(self) -> str:
        """The method that drew them."""
        return self.method if self.beside is None else BESIDE


def run(config: Config, frame: pd.DataFrame) -> Iterator[Frame | Result]:
    """Frames, then the result.

    Args:
        config: of the completion.
        frame: the table as it was read, with the columns of `config.columns`.

    Raises:
        ValueError: the table cannot be modelled as planned; the message says why.
    """
    return (item for item in steps(config, frame) if isinstance(item, Frame | Result))


def steps(config: Config, frame: pd.DataFrame) -> Iterator[Frame | Result | Call | None]:
    """What `run` yields, and None or calls between these items, so that it can stop soon."""
    if found := problems(config.columns, frame):
        raise ValueError(" ".join(found))
    table, limits = modelled(config.columns, frame), constraints(config.columns)
    scores, method, share = None, config.method, 0.0
    if config.compares:
        share = 0.5
        for item in _comparison(config, table, limits):
            if isinstance(item, choice.Result):
                scores = item
            elif isinstance(item, choice.Frame):
                yield Frame(share * item.done, f"Comparing methods on hidden cells: {item.method}")
            else:
                yield item
        method = best(scores)
    elif method == RECOMMENDED:
        method = str(config.why.assumed)
    yield Frame(share, f"Fitting {method}", scores)
    size = Size.of(table)
    work = budget(method, size, config.models)
    remarks, beside = work.remarks, None
    assumes = method in ASSUMED.values()
    until = 1 - BESIDE_SHARE if assumes else 1.0
    part = (share, until)
    filled, warned = yield from _filled(config, table, limits, method, work, part, scores)
    if assumes:
        work = budget(BESIDE, size, work.models)
        part = (until, 1.0)
        beside, _ = yield from _filled(config, table, limits, BESIDE, work, part, scores)
    yield Result(method, filled, scores, warned, remarks, beside)


def best(scores: choice.Result | None) -> str:
    """The method with the best score among those that draw values.

    Raises:
        ValueError: no method could complete the table.
    """
    if scores is None or scores.recommendation is None:
        raise ValueError("No method could complete this table.")
    criterion = scores.recommendation.criterion
    rows = [row for row in scores.rows if row.method != BASELINE]
    if not rows:
        raise ValueError("No method could complete this table.")
    return min(rows, key=lambda row: row.mean[criterion]).method


# --- what a result says ---------------------------------------------------------------------


def draws(table: pd.DataFrame, result: Result) -> list[pd.DataFrame]:
    """Completed copies of the modelled table, each from a model of its own."""
    count = len(next(iter(result.filled.values())))
    firsts = [{name: each[m, 0] for name, each in result.filled.items()} for m in range(count)]
    return [cell_draws.completed(table, first) for first in firsts]


def completed(
    table: pd.DataFrame, result: Result, limits: Mapping[str, Constraint]
) -> pd.DataFrame:
    """The table with the mean of the draws of each number, and the most frequent level.

    Means are moved to the nearest value that the constraint of the column allows.
    """
    found = {}
    for name, values in result.filled.items():
        flat = values.reshape(-1, values.shape[2])
        if isinstance(table[name].dtype, pd.CategoricalDtype):
            levels = range(len(table[name].cat.categories))
            found[name] = np.stack([(flat == code).sum(0) for code in levels]).argmax(0)
        else:
            mean = flat.mean(0)
            found[name] = limits[name].nearest(mean) if name in limits else mean
    return cell_draws.completed(table, found)


def intervals(result: Result, name: str, level: float = 0.9) -> tuple[NDArray, NDArray]:
    """Ends of the central interval of each missing number of a column."""
    flat = result.filled[name].reshape(-1, result.filled[name].shape[2])
    low, high = np.quantile(flat, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def certainty(result: Result, name: str) -> NDArray:
    """Fraction of the draws of each missing level that agree with the most frequent one."""
    flat = result.filled[name].reshape(-1, result.filled[name].shape[2]).astype(int)
    counts = np.stack([(flat == code).mean(0) for code in range(flat.max() + 1)])
    return counts.max(0)


# --- the work -------------------------------------------------------------------------------


def _comparison(
    config: Config, table: pd.DataFrame, limits: Mapping[str, Constraint]
) -> Iterator[choice.Frame | choice.Result | Call | None]:
    setting = choice.Config(
        methods=(BASELINE, *AT_RANDOM),
        mechanism=config.why.hidden_by,
        repetitions=4,
        draws=10,
        fit_rows=400,
        seed=config.seed,
    )
    made = factories(
        AT_RANDOM, table.head(setting.fit_rows), limits, config.why, steps=SCORING_STEPS
    )
    return choice.steps(setting, table, made)


def _filled(
    config: Config,
    table: pd.DataFrame,
    limits: Mapping[str, Constraint],
    method: str,
    work: Budget,
    part: tuple[float, float],
    scores: choice.Result | None,
) -> Generator[Frame | None, None, tuple[dict[str, NDArray], tuple[str, ...]]]:
    """Draws of the missing cells of each column that has some, and cautions.

    Args:
        config, table, limits: of the completion.
        method: one of `METHODS`.
        work: how much of it.
        part: of the whole work, from one fraction to another.
        scores: that the frames show.
    """
    taught = _rows_to_fit(table, work.fit_rows, config.seed)
    model = imputer(
        method,
        taught,
        limits,
        config.why,
        steps=config.steps,
        samples=work.samples,
        seed=config.seed,
    )

    def at(fraction: float, doing: str) -> Frame:
        return Frame(part[0] + (part[1] - part[0]) * fraction, doing, scores)

    warned, start = (), 0.0
    if isinstance(model, ChainedImputer):
        model.fit(taught)
    else:
        start = 0.8
        if hasattr(model, "fit_steps"):
            for progress in model.fit_steps(taught):
                yield at(0.2 * progress.epoch / progress.epochs, f"Training {method}")
        else:
            model.fit(taught)
            yield at(0.2, f"Fitting {method}")
        warned = tuple(each.sentence for each in cautions(model, table))
        yield None
        doing = f"Training {work.models} models on rows drawn with replacement"
        for progress in model.replicate_steps(taught, work.models, config.seed):
            yield at(0.2 + 0.6 * progress.epoch / progress.epochs, doing)
    doing = f"Drawing values by {method}"
    for item in cell_draws.draws_steps(model, table, work.models, work.draws, config.seed):
        if isinstance(item, dict):
            return {str(name): values for name, values in item.items()}, warned
        yield None if item is None else at(start + (1 - start) * item, doing)
    raise AssertionError("draws_steps ends with the draws")


def _rows_to_fit(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """Rows drawn at random, in order, with at least two values of every column."""
    if rows >= len(table):
        return table
    chosen = np.random.default_rng(seed).permutation(len(table))[:rows]
    known = table.notna().to_numpy()
    for column in np.flatnonzero(known[chosen].sum(0) < 2):
        chosen = np.union1d(chosen, np.flatnonzero(known[:, column])[:2])
    return table.iloc[np.sort(chosen)]
