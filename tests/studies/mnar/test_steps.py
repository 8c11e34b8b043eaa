"""Runs of tables in steps: short ones, with the same results, and without a method that fails."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dgm_core.baselines.filling import Budget
from dgm_core.child_process import Call, ChildFailed, OutOfMemory, OutOfTime, Pool
from dgm_core.distributions.columns import Categorical, Column, Numeric
from dgm_core.missing.amputation import Amputation, ampute
from dgm_core.rng import generator, normal
from dgm_core.studies.mnar import identify, prediction, predictors, side_by_side
from dgm_core.types import Masked
from tests.patience import PATIENCE

PLAN = Amputation(columns=(0, 1))
QUICK: dict[str, Any] = {"steps": 8, "draws": 3, "hidden": 8, "samples": 20}
COLUMNS = (Numeric(),) * 4


def table(rows: int = 120) -> Masked:
    x = normal((rows, 1), generator(0)) + 0.5 * normal((rows, 4), generator(1))
    return Masked(x, torch.ones(rows, 4, dtype=torch.bool))


def failing(error: ChildFailed) -> Budget:
    """A budget that every simple method exceeds, except the mean."""

    def steps(*_: object, **__: object) -> Generator[Call, None, None]:
        raise error
        yield

    return Budget(steps, memory=450 * 2**20, seconds=90)


def items_of(steps: Iterable[object]) -> list[Any]:
    return [item for item in steps if item is not None and not isinstance(item, Call)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OutOfMemory(), "needs more than 450 MB"),
        (OutOfTime(), "takes longer than 90 s"),
        (ChildFailed(), "ended early"),
    ],
)
def test_a_run_goes_on_without_the_simple_methods_that_fail(
    error: ChildFailed, words: str
) -> None:
    config = side_by_side.Config("toy", PLAN, side_by_side.KNOWN, **QUICK)
    items = items_of(side_by_side.steps(config, table(), COLUMNS, failing(error)))
    missed = [item for item in items if isinstance(item, side_by_side.NotComputed)]
    assert [item.name for item in missed] == ["kNN", "MICE", "missForest-like"]
    assert all(words in item.reason and item.reason.endswith(".") for item in missed)
    assert isinstance(items[-1], side_by_side.Result)


def test_a_comparison_goes_on_without_a_method_that_fails() -> None:
    frame = pd.DataFrame(table().x.numpy().astype(np.float64), columns=list("abcd"))
    target = pd.Series(np.where(frame["a"] > 0, "yes", "no"))
    config = prediction.Config("toy", PLAN, **QUICK, runs=2)
    items = items_of(prediction.steps(config, frame, target, failing(OutOfTime())))
    assert [item.name for item in items if isinstance(item, prediction.NotComputed)] == [
        "MICE, then predict"
    ]
    *_, last, result = items
    assert last.done == 1.0
    assert [row.method for row in result.rows] == [
        name for name in prediction.METHODS if name != "MICE, then predict"
    ]


def test_simple_methods_in_a_child_give_the_same_results() -> None:
    config = side_by_side.Config("toy", PLAN, **QUICK)
    budget = Budget(Pool(1).steps, memory=2**29, seconds=PATIENCE)
    there = []
    for item in side_by_side.steps(config, table(), COLUMNS, budget):
        if isinstance(item, Call):
            item.wait()
        elif isinstance(item, side_by_side.Baseline):
            there.append(item)
    here = side_by_side.run(config, table(), COLUMNS)
    assert there == [item for item in here if isinstance(item, side_by_side.Baseline)]


def test_a_predictor_fitted_in_many_steps_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, config = table().x, prediction.Config("toy", PLAN, **QUICK)
    y = (x[:, 0] + normal((120,), generator(5)) > 0).long()
    split = predictors.Split(0, COLUMNS, 2, table(), table(), y, table(), table())
    weights = []
    for at_once in (10**9, 120 * 10 * 7, 1):
        monkeypatch.setattr(predictors, "AT_ONCE", at_once)
        steps = predictors.fitted.steps(config, predictors.predictor(split), x, y)
        count = 0
        try:
            while True:
                next(steps)
                count += 1
        except StopIteration as end:
            weights.append([each.detach() for each in end.value.parameters()])
        assert (count == 1) == (at_once == 10**9)
    for other in weights[1:]:
        for first, each in zip(weights[0], other, strict=True):
            torch.testing.assert_close(each, first, rtol=0, atol=1e-9)


def numbers() -> tuple[Masked, tuple[Column, ...]]:
    """20,000 rows of 200 numeric columns."""
    x = normal((20_000, 200), generator(0))
    return Masked(x, torch.ones_like(x, dtype=torch.bool)), (Numeric(),) * 200


def levels() -> tuple[Masked, tuple[Column, ...]]:
    """13,000 rows of 60 columns of five levels: 300 columns after coding."""
    codes = torch.randint(5, (13_000, 60), generator=generator(0))
    x = torch.nn.functional.one_hot(codes, 5).flatten(1).float()
    return Masked(x, torch.ones_like(x, dtype=torch.bool)), (Categorical(5),) * 60


LARGE = {"numbers": numbers, "levels": levels}
END = object()
LOST = Amputation(columns=tuple(range(100)))


def longest(steps: Iterator[object], seconds: float, least: int) -> float:
    """The longest step, in processor time, of a run that is watched for so many seconds."""
    found, count, until = 0.0, 0, time.monotonic() + seconds
    ended, start = False, time.thread_time()
    while not ended and (count < least or time.monotonic() < until):
        ended = next(steps, END) is END
        found, start = max(found, time.thread_time() - start), time.thread_time()
        count += 1
    assert count >= least
    return found


@pytest.mark.slow
@pytest.mark.parametrize("large", LARGE)
@pytest.mark.parametrize("study", ["side by side", "identify"])
def test_steps_of_a_large_training_are_short(study: str, large: str) -> None:
    """A run ends within 2 s of Stop: no step takes that long on one thread."""
    list(side_by_side.run(side_by_side.Config("toy", PLAN, **QUICK), table(), COLUMNS))  # imports
    rows, columns = LARGE[large]()
    if study == "side by side":
        config = side_by_side.Config("large", LOST, steps=1, draws=50, baselines=("mean",))
        steps = side_by_side.steps(config, rows, columns)
    else:
        steps = identify.steps(identify.Config("large", LOST, steps=1), rows, columns)
    assert longest(steps, 8, least=3) < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("large", LARGE)
def test_steps_of_the_answer_of_a_large_table_are_short(large: str) -> None:
    """An answer is computed in batches of rows: the first ones, as large as those of the table."""
    rows, columns = LARGE[large]()
    samples = side_by_side.MAX_SAMPLES // len(rows)
    batches = side_by_side._batches(rows, samples)
    end = next(islice(batches, 2, None))[0].stop
    config = side_by_side.Config("large", LOST, side_by_side.KNOWN, samples=samples)
    problem = ampute(rows[:end], LOST)
    model = side_by_side.build(config, columns, problem.masked.losing)["not-MIWAE"].eval()
    assert longest(side_by_side.answer.steps(model, problem, config), PATIENCE, least=16) < 1.5


@pytest.mark.slow
def test_steps_of_a_large_prediction_are_short() -> None:
    x = numbers()[0].x
    frame = pd.DataFrame(x.double().numpy()).add_prefix("c")
    config = prediction.Config("large", LOST, steps=1, runs=2)
    target = pd.Series(x[:, 0].numpy() > 0).astype(str)
    steps = prediction.steps(config, frame, target, failing(OutOfTime()))
    assert longest(steps, 12, least=3) < 1.5
