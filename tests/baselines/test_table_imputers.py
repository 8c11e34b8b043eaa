"""The simple methods for tables against known results, and the baselines of the MNAR study."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.baselines.table_imputers import KNN, MICE, TABLE_BASELINES, ColumnMean
from dgm_core.metrics import rmse_of_table
from dgm_core.missing.processes import above_the_mean
from dgm_core.rng import generator, normal, uniform
from dgm_core.types import Masked


def last(method: object, masked: Masked) -> torch.Tensor:
    *_, found = method.run(masked, generator(0))
    return found.mean


def test_the_observed_mean_has_an_rmse_of_1_706() -> None:
    x = normal((200_000, 2), generator(0))
    masked = Masked(x, above_the_mean(x, 1))
    found = rmse_of_table(last(ColumnMean(), masked), x, ~masked.observed)
    exact = math.sqrt((2 * math.sqrt(2 / math.pi)) ** 2 + 1 - 2 / math.pi)
    assert exact == pytest.approx(1.706, abs=5e-4)
    assert abs(found.mean - exact) < 4 * found.standard_error


def test_values_of_two_correlated_columns_missing_at_random_leave_a_variance_of_1_5() -> None:
    z = normal((100_000, 2), generator(1))
    chol = torch.linalg.cholesky(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    x = z @ chol.T
    observed = torch.ones_like(x, dtype=torch.bool)
    observed[:, 0] = uniform((len(x),), generator(2)) < 0.5
    masked = Masked(x, observed)
    oracle = rmse_of_table(torch.stack([x[:, 1] / 2, x[:, 1]], 1), x, ~observed)
    assert abs(oracle.mean - math.sqrt(1.5)) < 4 * oracle.standard_error
    regressed = rmse_of_table(last(MICE(), masked), x, ~observed)
    assert abs(regressed.mean - math.sqrt(1.5)) < 4 * regressed.standard_error
    by_mean = rmse_of_table(last(ColumnMean(), masked), x, ~observed)
    assert abs(by_mean.mean - math.sqrt(2.0)) < 4 * by_mean.standard_error


def test_neighbours_are_averaged() -> None:
    x = torch.tensor([[0.0, 1.0], [0.1, 3.0], [9.0, 50.0], [0.05, 0.0]])
    observed = torch.ones_like(x, dtype=torch.bool)
    observed[3, 1] = False
    assert last(KNN(2), Masked(x, observed))[3, 1] == pytest.approx(2.0)


@pytest.mark.parametrize("name", TABLE_BASELINES)
def test_observed_values_stay_and_hidden_values_get_a_number(name: str) -> None:
    x = normal((60, 4), generator(3))
    observed = uniform((60, 4), generator(4)) < 0.7
    observed[:, 3] = False  # a column without observed values
    filled = last(TABLE_BASELINES[name](), Masked(x, observed))
    assert torch.equal(filled[observed], x[observed])
    assert torch.isfinite(filled).all()


def test_rmse_counts_hidden_entries_and_its_error_is_that_of_rows() -> None:
    source = generator(5)
    values, errors = [], []
    for _ in range(400):
        true_values = torch.zeros(50, 3)
        row = normal((50, 1), source)  # errors of entries in one row are correlated
        hidden = uniform((50, 3), source) < 0.6
        mean, error = rmse_of_table(row.expand(50, 3), true_values, hidden)
        values.append(mean.item())
        errors.append(error.item())
    spread = torch.tensor(values).std().item()
    assert torch.tensor(errors).mean().item() == pytest.approx(spread, rel=0.15)
    far = torch.full((2, 2), 9.0)
    only = torch.tensor([[True, False], [False, False]])
    assert rmse_of_table(far, torch.zeros(2, 2), only).mean == pytest.approx(9.0)
    assert rmse_of_table(far, far, ~only | only).mean == 0
