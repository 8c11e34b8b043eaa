"""Simple methods within a budget: what they learn from, where they compute, and their limits."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from dgm_core.baselines.filling import Budget, fill
from dgm_core.baselines.table_imputers import KNN, MICE, TABLE_BASELINES, completed
from dgm_core.child_process import OutOfMemory, OutOfTime, Pool
from dgm_core.rng import generator, normal, uniform
from dgm_core.types import Masked
from tests.patience import PATIENCE


def masked(rows: int = 300, columns: int = 4) -> Masked:
    x = normal((rows, 1), generator(0)) + 0.3 * normal((rows, columns), generator(1))
    return Masked(x, uniform((rows, columns), generator(2)) < 0.7)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool(1)


@pytest.mark.parametrize("name", TABLE_BASELINES)
def test_a_child_completes_the_same_values(name: str, pool: Pool) -> None:
    rows = masked()
    budget = Budget(pool.steps, memory=2**29, seconds=PATIENCE)
    here = completed(TABLE_BASELINES[name](), rows, generator(3))
    there = completed(TABLE_BASELINES[name](), rows, generator(3), budget)
    assert torch.equal(here.mean, there.mean)


def test_only_the_mean_is_computed_without_a_child() -> None:
    def no_child(*_: object, **__: object) -> None:
        raise AssertionError

    for name, make in TABLE_BASELINES.items():
        if name == "mean":
            completed(make(), masked(), generator(0), Budget(no_child))
        else:
            with pytest.raises(AssertionError):
                completed(make(), masked(), generator(0), Budget(no_child))


def test_a_method_learns_from_as_many_rows_as_the_budget_allows() -> None:
    budget = Budget(rows=100, cells=240, columns=4, predictors=2)
    assert budget.learned_rows(1000, 2) == 100
    assert budget.learned_rows(1000, 4) == 60
    assert budget.learned_rows(50, 4) == 50
    assert (budget.learned_predictors(4), budget.learned_predictors(5)) == (None, 2)
    assert Budget().learned_rows(10**6, 100) == 10**6


def test_neighbours_come_from_the_learned_rows_alone() -> None:
    values = np.array([[0.0, 1.0], [0.1, 3.0], [0.05, np.nan], [9.0, 50.0]])
    method = KNN(1).method(generator(0), None)
    assert fill(method, values, np.array([3]))[2, 1] == 50.0
    assert fill(method, values, None)[2, 1] in (1.0, 3.0)


@pytest.mark.parametrize("name", TABLE_BASELINES)
def test_observed_values_stay_where_few_rows_and_columns_are_learned_from(name: str) -> None:
    rows = masked(columns=6)
    rows.observed[:, 5] = False
    rows.observed[7, 5] = True  # probably not among the learned rows
    budget = Budget(rows=40, columns=5, predictors=2)
    found = completed(TABLE_BASELINES[name](), rows, generator(3), budget).mean
    assert torch.equal(found[rows.observed], rows.x[rows.observed])
    assert found.isfinite().all()
    again = completed(TABLE_BASELINES[name](), rows, generator(3), budget).mean
    assert torch.equal(found, again)


def test_few_learned_rows_lose_little() -> None:
    rows = masked(2000)
    errors = []
    for budget in (Budget(), Budget(rows=300)):
        found = completed(MICE(), rows, generator(0), budget).mean
        errors.append((found - rows.x)[~rows.observed].square().mean().sqrt().item())
    assert errors[1] < 1.05 * errors[0]


def test_limits_of_memory_and_time_are_kept(pool: Pool) -> None:
    rows = masked(4000, 30)
    with pytest.raises(OutOfTime):
        completed(MICE(), rows, generator(0), Budget(pool.steps, memory=2**29, seconds=0.2))
    if sys.platform == "linux":
        with pytest.raises(OutOfMemory):
            completed(KNN(), rows, generator(0), Budget(pool.steps, memory=2**20, seconds=60))


def test_a_child_does_not_load_torch(pool: Pool) -> None:
    completed(KNN(), masked(), generator(0), Budget(pool.steps, memory=2**29, seconds=PATIENCE))
    modules = pool.call(eval, "[*__import__('sys').modules]", memory=2**29, seconds=PATIENCE)
    assert "dgm_core.baselines.filling" in modules
    assert "torch" not in modules
