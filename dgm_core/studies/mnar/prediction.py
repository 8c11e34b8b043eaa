"""Predicting from rows with holes: supervised forms of MIWAE against impute-then-predict.

The ways to predict are those of `predictors`. Runs differ in the split into training and test
rows, in what goes missing, and in all noise; methods are compared within runs. Their test rows
overlap, so that the standard errors over runs are somewhat too small (Nadeau & Bengio 2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Categorical, Distribution

from dgm_core import data
from dgm_core.estimators.coding import TableCoding
from dgm_core.metrics.prediction import (
    PREDICTION_DEFINITIONS,
    classification_scores,
    regression_scores,
)
from dgm_core.missing.amputation import Amputation, Problem, ampute
from dgm_core.rng import generator
from dgm_core.studies.mnar import side_by_side
from dgm_core.studies.mnar.predictors import METHODS, ORACLE, SUP, SUP_NOT, Split, Training
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
    "Result",
    "Row",
    "run",
    "sentence",
    "task_of",
]

Task = Literal["classification", "regression"]

SCORES = PREDICTION_DEFINITIONS
"""Task → name on the screen → definition. Methods are compared by the first, of which less is
better."""


@dataclass(frozen=True)
class Config(Training):
    """All that determines a study, but the table itself.

    Attributes:
        task: what kind of target it is.
        runs: splits, at least 2.
        test_share: of the rows.
        penalty: λ of ½ λ ‖W‖² beside the summed loss of the training rows.

    Raises:
        ValueError: what `mnar.Config` refuses, or a number of runs below 2.
    """

    task: Task = "classification"
    runs: int = 5
    test_share: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.task not in SCORES:
            raise ValueError(f"expected a task among {', '.join(SCORES)}, got {self.task!r}")
        if self.runs < 2:
            raise ValueError(f"expected at least 2 runs, got {self.runs}")


TASKS = ("breast", "wine", "diabetes", "red-wine")
"""Tables of which every numeric column of the first half loses what is above its mean."""


def task_of(table: str, runs: int) -> tuple[Config, pd.DataFrame, pd.Series]:
    """A shipped task: its config, features and target.

    Raises:
        ValueError, DataUnavailable, DownloadError: as of `data.load_table`.
    """
    frame, about = data.load_table(table), data.TABLES[table]
    features = frame.drop(columns=about.target)
    coding = TableCoding.learn(features)
    numeric = [coding.entries_of(each.name).start for each in coding.coded if not each.levels]
    plan = Amputation(columns=tuple(numeric[: len(numeric) // 2]))
    return Config(table, plan, task=about.task, runs=runs), features, frame[about.target]


class Frame(NamedTuple):
    """One method of one run is done."""

    run: int
    method: str
    scores: Mapping[str, float]
    done: float


class Row(NamedTuple):
    """One method over all runs."""

    method: str
    mean: Mapping[str, float]
    error: Mapping[str, float]  # standard errors over runs
    each: tuple[float, ...]  # the first score, run by run
    behind: float  # how far sup-not-MIWAE's first score is better than this one's; its own: 0
    behind_error: float  # standard error of that difference, paired by runs


class Result(NamedTuple):
    """All methods over all runs."""

    task: Task
    rows: tuple[Row, ...]


def run(config: Config, features: pd.DataFrame, target: pd.Series) -> Iterator[Frame | Result]:
    """A frame for each method of each run, then the result.

    Args:
        config: what to do.
        features: the table, NaN = missing.
        target: of each row; rows without one are left out.

    Raises:
        ValueError: the plan removes nothing or all of a column, or there is but one class.
    """
    seen = target.notna().to_numpy()
    features, y = features[seen], _numbers(target[seen], config.task)
    methods = {
        name: predict
        for name, predict in METHODS.items()
        if config.plan is not None or name != ORACLE
    }
    found: dict[str, list[Mapping[str, float]]] = {method: [] for method in methods}
    total = config.runs * len(methods)
    for number in range(config.runs):
        split, test_y, unit = _split(config, number, features, y)
        for method, predict in methods.items():
            found[method].append(scores(predict(config, split), test_y, unit))
            done = sum(map(len, found.values())) / total
            yield Frame(number, method, found[method][-1], done)
    yield result(config.task, found)


def scores(laws: Iterable[Distribution], y: Tensor, unit: float = 1.0) -> dict[str, float]:
    """How good predictions are.

    Args:
        laws: p(y|…) of some consecutive rows each.
        y: of all rows, (B,).
        unit: what 1 is in the units of the target, if it is a number.
    """
    laws = list(laws)
    if isinstance(laws[0], Categorical):
        return classification_scores(torch.cat([law.logits for law in laws]), y)
    parts = y.split([len(law.mean) for law in laws])
    densities = [law.log_prob(part) for law, part in zip(laws, parts, strict=True)]
    return regression_scores(torch.cat([law.mean for law in laws]), torch.cat(densities), y, unit)


def result(task: Task, found: Mapping[str, list[Mapping[str, float]]]) -> Result:
    """Means, standard errors, and differences paired by runs.

    Args:
        task: says which scores there are.
        found: method → the scores of each run.
    """
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
                {name: _standard_error(values) for name, values in each.items()},
                tuple(each[first].tolist()),
                float(gap.mean()),
                _standard_error(gap),
            )
        )
    return Result(task, tuple(rows))


def sentence(found: Result) -> str:
    """Whether sup-not-MIWAE is at least as good as what it should beat, in plain words."""
    rivals = [row for row in found.rows if row.method not in (ORACLE, SUP_NOT)]
    behind = {row.method: row.behind / (row.behind_error or 1.0) for row in rivals}
    ahead = [name for name, errors in behind.items() if errors > 2]
    level = [name for name, errors in behind.items() if abs(errors) <= 2]
    better = [row for row in rivals if behind[row.method] < -2]
    said = []
    if ahead:
        said.append(f"ahead of {_listed(ahead)}")
    if level:
        said.append(f"level with {_listed(level)}")
    if better:
        said.append(f"behind {_listed([row.method for row in better])}")
    verdict = "not the best choice here" if better else "at least as good as all of them"
    score = next(iter(SCORES[found.task]))
    return (
        f"By {score}, sup-not-MIWAE is {', '.join(said)}: {verdict}. "
        "What differs by less than two standard errors is called level."
    )


def _listed(names: list[str]) -> str:
    """“A”, “B” and “C”; the names themselves hold commas."""
    quoted = [f"“{name}”" for name in names]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _standard_error(values: NDArray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def _numbers(target: pd.Series, task: Task) -> Tensor:
    """Classes 0, 1, … (long), or the numbers themselves."""
    if task == "regression":
        return torch.tensor(target.to_numpy(np.float64))
    codes, classes = pd.factorize(target, sort=True)
    if len(classes) < 2:
        raise ValueError("There is only one class: nothing can be told apart.")
    return torch.from_numpy(codes.astype(np.int64))


def _split(
    config: Config, number: int, features: pd.DataFrame, y: Tensor
) -> tuple[Split, Tensor, float]:
    """What the methods may know, and the labels of the test rows with their unit."""
    seed = (config.seed + 100 * number) % 10_000
    order = torch.randperm(len(y), generator=generator(seed))
    cut = round(config.test_share * len(y))
    test, train = order[:cut], order[cut:]
    coding = TableCoding.learn(features.iloc[train.tolist()])
    known, test_known = (coding.encode(features.iloc[rows.tolist()]) for rows in (train, test))
    problem = side_by_side.checked(_problem(config.plan, known, seed))
    test_left = _problem(config.plan, test_known, seed + 50).masked
    classes, unit = None, 1.0
    if config.task == "classification":
        classes = int(y.max()) + 1
    else:
        unit = y[train].std().item()
        y = ((y - y[train].mean()) / unit).float()
    split = Split(
        seed, coding.columns, classes, known, problem.masked, y[train], test_known, test_left
    )
    return split, y[test], unit


def _problem(plan: Amputation | None, known: Masked, seed: int) -> Problem:
    return ampute(known, plan and replace(plan, seed=(plan.seed + seed) % 10_000))
