"""Re-weighting for an assumption: closed forms, and NaN where nothing is known."""

from __future__ import annotations

import time

import pytest
import torch
from torch.distributions import Normal

from dgm_core.missing.amputation import Amputation, Problem, ampute
from dgm_core.missing.processes import LinearMasking, Restricted, SelfMasking
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import residual_networks
from dgm_core.rng import generator, normal
from dgm_core.samplers.completions import reweighted, weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.studies.mnar import sensitivity
from dgm_core.types import Masked
from tests.linear_table import (
    COVARIANCE,
    OFFSET,
    SEEN,
    conditional_on_a_grid,
    networks,
    rows,
    standard_errors_off,
)


def known_problem(count: int) -> Problem:
    """Identical rows of the linear table with column 0 missing."""
    masked = rows(count)
    everything = Masked(masked.x, torch.ones_like(masked.observed))
    return Problem(everything, masked, SelfMasking(2))


def conditional() -> Normal:
    """p(x_0 | x_1) of the linear table."""
    gain = COVARIANCE[0, 1] / COVARIANCE[1, 1]
    variance = COVARIANCE[0, 0] - gain * COVARIANCE[0, 1]
    return Normal(OFFSET[0] + gain * (SEEN - OFFSET[1]), variance.sqrt())


def of_five_columns() -> tuple[MIWAE, Problem]:
    """Correlated columns, two without high values, one with missing cells; an untrained model."""
    x = normal((120, 5), generator(0)) + normal((120, 1), generator(1))
    seen = torch.ones_like(x, dtype=torch.bool)
    seen[::9, 4] = False
    problem = ampute(Masked(x, seen), Amputation(columns=(0, 2)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MIWAE(**residual_networks(5, hidden=8)), problem


@pytest.mark.parametrize("strength", [1.5, -3.0])
def test_a_soft_assumption_gives_the_mean_and_spread_of_quadrature(strength: float) -> None:
    basis = sensitivity.prepare(MIWAE(**networks(1.4)), known_problem(50), samples=4000)
    process = sensitivity.assumed_process(2, [0], strength, 0.2).double()
    found = sensitivity.assume(basis, process)
    _, grid, weights = conditional_on_a_grid(process)
    mean = (weights * grid).sum()
    assert standard_errors_off(found.mean[:, 0], mean) < 4
    spread = (weights * (grid - mean).square()).sum()
    assert standard_errors_off(found.sd[:, 0].square(), spread) < 4


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_steep_assumption_gives_the_mean_of_a_truncated_normal(sign: float) -> None:
    basis = sensitivity.prepare(MIWAE(**networks(1.4)), known_problem(50), samples=4000)
    cut, distribution, standard = 0.1, conditional(), Normal(0.0, 1.0)
    edge = sign * (cut - distribution.mean) / distribution.stddev
    tail = standard.cdf(-edge)
    mean = distribution.mean + sign * distribution.stddev * standard.log_prob(edge).exp() / tail
    found = sensitivity.assume(
        basis, sensitivity.assumed_process(2, [0], sign * 1e6, cut).double()
    )
    assert standard_errors_off(found.mean[:, 0], mean) < 4
    at_random = sensitivity.assume(basis, sensitivity.assumed_process(2, [0], 0.0).double())
    assert standard_errors_off(at_random.mean[:, 0], distribution.mean) < 4
    assert standard_errors_off(at_random.mean[:, 0], mean) > 50


def test_without_strength_the_answer_is_that_of_miwae() -> None:
    model, problem = of_five_columns()
    basis = sensitivity.prepare(model, problem, rows=40, samples=300)
    found = sensitivity.assume(
        basis, sensitivity.assumed_process(5, problem.masked.losing, 0.0, 0.7)
    )
    with torch.no_grad():
        sample = weighted_completions(model, problem.masked[basis.rows], 300, generator(0))
    torch.testing.assert_close(found.weights.T, sample.log_weights.exp())
    torch.testing.assert_close(found.ess, sample.effective_draws, rtol=1e-5, atol=1e-4)
    mean = problem.masked[basis.rows].complete((found.weights.T[..., None] * sample.x).sum(0))
    torch.testing.assert_close(found.mean, mean)
    losing = found.shift[[0, 2, 4]]
    torch.testing.assert_close(losing, torch.zeros(3), rtol=0, atol=1e-6)
    assert found.shift[[1, 3]].isnan().all()


def test_the_process_of_the_model_itself_is_ignored() -> None:
    model, problem = of_five_columns()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learned = NotMIWAE(**residual_networks(5, hidden=8), missing_process=SelfMasking(5, 4.0))
    learned.load_state_dict(model.state_dict(), strict=False)
    process = sensitivity.assumed_process(5, problem.masked.losing, -2.0, 0.3)
    by_either = [
        sensitivity.assume(sensitivity.prepare(each, problem, 40, 300), process)
        for each in (model, learned)
    ]
    chosen = sensitivity.prepare(model, problem, 40, 300).rows
    with torch.no_grad():
        sample = weighted_completions(learned, problem.masked[chosen], 300, generator(0))
    mean, variance = mean_and_variance(reweighted(sample, process))
    for found in by_either:
        torch.testing.assert_close(found.mean, mean)
        torch.testing.assert_close(found.sd, variance.sqrt(), rtol=1e-4, atol=1e-5)


def test_a_stronger_assumption_moves_further_and_has_a_smaller_ess() -> None:
    basis = sensitivity.prepare(MIWAE(**networks()), known_problem(20), samples=200)
    by_strength = [
        sensitivity.assume(basis, sensitivity.assumed_process(2, [0], strength, 1.0).double())
        for strength in (0.0, 1.0, 3.0, 10.0, 100.0)
    ]
    ess = torch.stack([found.ess.mean() for found in by_strength])
    torch.testing.assert_close(ess[0].item(), 200.0)  # the proposal is the posterior
    assert (ess.diff() < 0).all()
    assert by_strength[0].weak_fraction == 0
    shifts = torch.stack([found.shift[0] for found in by_strength])
    assert (shifts.diff() > 0).all()
    beyond = sensitivity.assume(basis, sensitivity.assumed_process(2, [0], 1e6, 3.5).double())
    assert beyond.weak_fraction == (beyond.ess < 10).double().mean() > 0.5


def test_only_hidden_entries_move_and_only_removed_ones_are_scored() -> None:
    model, problem = of_five_columns()
    basis = sensitivity.prepare(model, problem)
    assert len(basis.masked) == (~problem.masked.observed).any(1).sum() < 300
    found = sensitivity.assume(basis, sensitivity.assumed_process(5, problem.masked.losing, -2.0))
    assert (found.shift[problem.masked.losing] < 0).all()
    observed = basis.masked.observed
    assert torch.equal(found.mean[observed], basis.masked.x[observed])
    assert (found.sd[observed] == 0).all()
    assert (found.sd[~observed] > 0).all()
    square = (found.mean - basis.true_values)[basis.hidden].double().square().mean()
    torch.testing.assert_close(found.rmse.mean, square.sqrt())


def test_the_histogram_is_of_the_weighted_draws() -> None:
    model, problem = of_five_columns()
    basis = sensitivity.prepare(model, problem, rows=30, samples=200)
    found = sensitivity.assume(basis, sensitivity.assumed_process(5, problem.masked.losing, 2.0))
    edges = torch.tensor([-9.0, -0.5, 0.0, 1.0, 9.0])
    density = sensitivity.histogram(basis, found, 2, edges)
    expected, cells = torch.zeros(4), 0
    for entry in range(len(basis.row)):
        if basis.column[entry] == 2:
            cells += 1
            for value, weight in zip(
                basis.values[entry], found.weights[basis.row[entry]], strict=True
            ):
                expected[int((edges <= value).sum()) - 1] += weight
    torch.testing.assert_close(density, expected / cells / edges.diff(), rtol=1e-4, atol=1e-5)
    assert abs((density * edges.diff()).sum() - 1) < 1e-4


def test_a_process_that_depends_on_other_columns_is_an_error() -> None:
    model, problem = of_five_columns()
    other = Restricted(LinearMasking(5), torch.ones(5, dtype=torch.bool))
    with pytest.raises(TypeError, match="linear"):
        sensitivity.assume(sensitivity.prepare(model, problem, 5, 10), other)


def test_moving_the_assumption_takes_less_than_30_milliseconds() -> None:
    x = normal((600, 30), generator(0))
    everything = torch.ones_like(x, dtype=torch.bool)
    problem = ampute(Masked(x, everything), Amputation(columns=tuple(range(15))))
    model = MIWAE(**residual_networks(30, 10, hidden=8))
    basis = sensitivity.prepare(model, problem)
    assert basis.log_w.shape == (300, 500)
    process = sensitivity.assumed_process(30, problem.masked.losing, 3.0, 0.1)

    def seconds() -> float:
        started = time.perf_counter()
        sensitivity.assume(basis, process)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(20)) < 0.03
