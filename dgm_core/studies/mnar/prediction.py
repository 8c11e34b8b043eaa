"""Prediction from rows with missing values: supervised MIWAE against impute-then-predict.

The methods are those of `predictors`. Runs differ in the split into training and test rows, in the
values removed, and in all noise; methods are compared within runs. Different runs share rows, so
their standard errors are corrected for overlapping splits (Nadeau & Bengio 2003).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution

from dgm_core import data
from dgm_core.baselines.filling import Budget
from dgm_core.baselines.table_imputers import UNLIMITED
from dgm_core.child_process import Call, ChildFailed
from dgm_core.estimators.coding import TableCoding
from dgm_core.metrics.comparison import RULE, Difference, clear, error_over_splits
from dgm_core.metrics.prediction import (
    PREDICTION_DEFINITIONS,
    classification_scores,
    regression_scores,
)
from dgm_core.missing.amputation import Amputation, Problem, ampute
from dgm_core.rng import generator
from dgm_core.studies.mnar import side_by_side
from dgm_core.studies.mnar.predictors import METHODS, ORACLE, SUP, SUP_NOT, Split, Training
from dgm_core.studies.mnar.side_by_side import NotComputed, not_computed
from dgm_core.types import Masked

__all__ = [
    "METHODS",
    "ORACLE",
    "SCORES",
    "SUP",
    "SUP_NOT",
    "TASKS",
    "Config",
    "Frame",
    "NotComputed",
    "Result",
    "Row",
    "run",
    "sentence",
    "steps",
    "task_of",
]

Task = Literal["classification", "regression"]

SCORES = PREDICTION_DEFINITIONS
"""Task → name of the score → definition. Methods are compared by the first; lower is better."""


@dataclass(frozen=True)
class Config(Training):
    """Everything that determines a study, except the table itself.

    Attributes:
        task: kind of the target.
        runs: number of splits, at least 2.
        test_fraction: fraction of the rows that are test rows.
        penalty: λ of ½ λ ‖W‖², added to the summed loss of the training rows.

    Raises:
        ValueError: as `side_by_side.Config`, or fewer than 2 runs.
    """

    task: Task = "classification"
    runs: int = 5
    test_fraction: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.task not in SCORES:
            raise ValueError(f"expected a task among {', '.join(SCORES)}, got {self.task!r}")
        if self.runs < 2:
            raise ValueError(f"expected at least 2 runs, got {self.runs}")


TASKS = ("breast", "wine", "diabetes", "red-wine")
"""Tables for which shipped results exist; the first half of the numeric columns lose every value
above their mean."""


def task_of(table: str, runs: int) -> tuple[Config, pd.DataFrame, pd.Series]:
    """A task with shipped results: its config, features and target.

    Raises:
        ValueError, DataUnavailable, DownloadError: as `data.load_table`.
    """
    frame, about = data.load_table(table), data.TABLES[table]
    features = frame.drop(columns=about.target)
    coding = TableCoding.learn(features)
    numeric = [coding.entries_of(each.name).start for each in coding.coded if not each.levels]
    plan = Amputation(columns=tuple(numeric[: len(numeric) // 2]))
    return (
        Config(table, plan, task=about.task, runs=runs),
        features,
        pd.Series(frame[about.target]),
    )


class Frame(NamedTuple):
    """One method of one run has finished."""

    run: int
    method: str
    scores: Mapping[str, float]
    done: float


class Row(NamedTuple):
    """One method over all runs."""

    method: str
    mean: Mapping[str, float]
    error: Mapping[str, float]  # standard errors, by `error_over_splits`
    each: tuple[float, ...]  # the first score, run by run
    behind: float  # first score minus that of sup-not-MIWAE: > 0 = worse than sup-not-MIWAE
    behind_error: float  # standard error of this difference, paired by runs


class Result(NamedTuple):
    """All methods over all runs."""

    task: Task
    rows: tuple[Row, ...]


def run(config: Config, features: pd.DataFrame, target: pd.Series) -> Iterator[Frame | Result]:
    """A frame for each method of each run, then the result.

    Args:
        config: of the study.
        features: the table, NaN = missing.
        target: of each row; rows without a target are left out.

    Raises:
        ValueError: no value is missing, a column has no value left, or there is only one class.
    """
    for item in steps(config, features, target):
        if isinstance(item, Frame | Result):
            yield item


def steps(
    config: Config, features: pd.DataFrame, target: pd.Series, budget: Budget = UNLIMITED
) -> Iterator[Frame | NotComputed | Result | Call | None]:
    """What `run` yields, and None or a call between these items, so that a run can stop soon.

    Args:
        config, features, target: as of `run`.
        budget: of each simple method; one that exceeds it is left out of all runs, and
            `NotComputed` says so.
    """
    labelled = target.notna().to_numpy()
    features, y = features.loc[labelled], _numbers(target.loc[labelled], config.task)
    methods = {
        name: predict
        for name, predict in METHODS.items()
        if config.plan is not None or name != ORACLE
    }
    found: dict[str, list[Mapping[str, float]]] = {method: [] for method in methods}
    for number in range(config.runs):
        split, test_y, unit = _split(config, number, features, y)
        yield None
        for index, method in enumerate(methods):
            if method not in found:
                continue
            try:
                predicted = yield from methods[method].steps(config, split, budget)
            except ChildFailed as error:
                del found[method]
                yield not_computed(method, budget, error)
                continue
            found[method].append(scores(predicted, test_y, unit))
            done = (number * len(methods) + index + 1) / (config.runs * len(methods))
            yield Frame(number, method, found[method][-1], done)
    yield result(config, found)


def scores(predicted: Iterable[Distribution], y: Tensor, unit: float = 1.0) -> dict[str, float]:
    """Scores of predictions.

    Args:
        predicted: p(y|…), each for some consecutive rows.
        y: of all rows, (B,).
        unit: size of 1 in the units of a numeric target.
    """
    predicted = list(predicted)
    classes = [each.logits for each in predicted if isinstance(each, Categorical)]
    if classes:
        return classification_scores(torch.cat(classes), y)
    means = [each.mean for each in predicted]
    parts = y.split([len(mean) for mean in means])
    log_p = [each.log_prob(part) for each, part in zip(predicted, parts, strict=True)]
    return regression_scores(torch.cat(means), torch.cat(log_p), y, unit)


def result(config: Config, found: Mapping[str, list[Mapping[str, float]]]) -> Result:
    """Means, standard errors, and differences paired by runs.

    Args:
        config: its task decides the scores, its test fraction the errors.
        found: method → the scores of each run.
    """
    task, test_to_train = config.task, config.test_fraction / (1 - config.test_fraction)
    first = next(iter(SCORES[task]))
    ours = np.array([scores[first] for scores in found[SUP_NOT]])
    rows = []
    for method, runs in found.items():
        each = {name: np.array([scores[name] for scores in runs]) for name in SCORES[task]}
        gap = each[first] - ours
        rows.append(
            Row(
                method,
                {name: float(values.mean()) for name, values in each.items()},
                {name: error_over_splits(values, test_to_train) for name, values in each.items()},
                tuple(each[first].tolist()),
                float(gap.mean()),
                error_over_splits(gap, test_to_train),
            )
        )
    return Result(task, tuple(rows))


def sentence(found: Result) -> str:
    """How sup-not-MIWAE compares with the other methods, in sentences."""
    others = [row for row in found.rows if row.method not in (ORACLE, SUP_NOT)]
    score = next(iter(SCORES[found.task]))
    return f"By {score}, sup-not-MIWAE is {verdict(others)}. {RULE}"


def verdict(others: Iterable[Row]) -> str:
    """The methods than which sup-not-MIWAE is better or worse, and those with which it is tied."""
    gaps = {
        row.method: Difference(row.behind, row.behind_error, len(row.each) - 1) for row in others
    }
    decided = clear(gaps)
    groups = {
        "better than": [name for name in decided if gaps[name].value > 0],
        "tied with": [name for name in gaps if name not in decided],
        "worse than": [name for name in decided if gaps[name].value < 0],
    }
    return ", ".join(f"{words} {_listed(names)}" for words, names in groups.items() if names)


def _listed(names: list[str]) -> str:
    """“A”, “B” and “C”, in quotes because the names contain commas."""
    quoted = [f"“{name}”" for name in names]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _numbers(target: pd.Series, task: Task) -> Tensor:
    """Classes 0, 1, … (long), or the numbers themselves."""
    if task == "regression":
        return torch.tensor(target.to_numpy(np.float64))
    codes, classes = pd.factorize(target, sort=True)
    if len(classes) < 2:
        raise ValueError("The target has only one class, so there is nothing to predict.")
    return torch.from_numpy(codes.astype(np.int64))


def _split(
    config: Config, number: int, features: pd.DataFrame, y: Tensor
) -> tuple[Split, Tensor, float]:
    """The data that methods may use, the targets of the test rows, and the target's unit."""
    seed = (config.seed + 100 * number) % 10_000
    order = torch.randperm(len(y), generator=generator(seed))
    cut = round(config.test_fraction * len(y))
    test, train = order[:cut], order[cut:]
    coding = TableCoding.learn(features.iloc[train.tolist()])
    known, test_known = (coding.encode(features.iloc[rows.tolist()]) for rows in (train, test))
    problem = side_by_side.checked(_problem(config.plan, known, seed))
    test_masked = _problem(config.plan, test_known, seed + 50).masked
    classes, unit = None, 1.0
    if config.task == "classification":
        classes = int(y.max()) + 1
    else:
        unit = y[train].std().item()
        y = ((y - y[train].mean()) / unit).float()
    split = Split(
        seed, coding.columns, classes, known, problem.masked, y[train], test_known, test_masked
    )
    return split, y[test], unit


def _problem(plan: Amputation | None, known: Masked, seed: int) -> Problem:
    return ampute(known, plan and replace(plan, seed=(plan.seed + seed) % 10_000))
