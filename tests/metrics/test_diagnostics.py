"""Diagnostics against ArviZ and against known chains."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dgm_core.metrics.diagnostics import (
    autocorrelation,
    effective_sample_size,
    importance_ess,
    pareto_k,
    pareto_smoothed,
    rhat,
    stuck,
)
from dgm_core.rng import generator

arviz = pytest.importorskip("arviz")


def autoregressive(coefficient: float, chains: int = 4, steps: int = 500, seed: int = 0) -> Tensor:
    noise = torch.randn(chains, steps, generator=generator(seed), dtype=torch.float64)
    values = [noise[:, 0]]
    for t in range(1, steps):
        values.append(coefficient * values[-1] + noise[:, t])
    return torch.stack(values, 1)


CHAINS = {
    "independent": autoregressive(0.0),
    "sticky": autoregressive(0.95),
    "antithetic": autoregressive(-0.6),
    "odd length": autoregressive(0.5, steps=333),
    "one chain": autoregressive(0.7, chains=1),
    "short": autoregressive(0.3, steps=9),
    "apart": autoregressive(0.2) + torch.arange(4.0)[:, None],
    "ties": (autoregressive(0.8) > 0).double(),
    "heavy tails": autoregressive(0.3) ** 5,
}


@pytest.mark.parametrize("name", CHAINS)
def test_rhat_and_ess_equal_those_of_arviz(name: str) -> None:
    draws = CHAINS[name]
    if len(draws) > 1:  # ArviZ refuses to split a single chain
        expected = float(arviz.rhat(draws.numpy(), method="rank"))
        assert rhat(draws).item() == pytest.approx(expected, rel=1e-8)
    expected = float(arviz.ess(draws.numpy(), method="bulk"))
    assert effective_sample_size(draws).item() == pytest.approx(expected, rel=1e-8)


def test_trailing_dimensions_are_separate_quantities() -> None:
    both = torch.stack([CHAINS["independent"], CHAINS["sticky"]], -1)
    for measure in (rhat, effective_sample_size):
        alone = torch.stack([measure(both[..., 0]), measure(both[..., 1])])
        torch.testing.assert_close(measure(both), alone)


def test_autocorrelation_equals_a_naive_sum() -> None:
    draws = CHAINS["sticky"][:2, :60]
    centred = draws - draws.mean(1, keepdim=True)
    for lag in range(60):
        products = (centred[:, : 60 - lag] * centred[:, lag:]).sum(1)
        naive = products / centred.square().sum(1)
        torch.testing.assert_close(autocorrelation(draws)[:, lag], naive)


def test_diagnostics_of_known_chains_are_near_their_theory() -> None:
    assert rhat(CHAINS["independent"]) < 1.01
    assert rhat(CHAINS["apart"]) > 1.3
    # An AR(1) chain of n draws with coefficient a has an ESS of n (1 - a) / (1 + a).
    long = autoregressive(0.8, chains=8, steps=4000)
    assert effective_sample_size(long).item() == pytest.approx(8 * 4000 / 9, rel=0.1)


def test_constant_and_too_short_chains_give_nan() -> None:
    for draws in (torch.ones(4, 100), torch.randn(4, 3, generator=generator(0))):
        assert math.isnan(rhat(draws))
        assert math.isnan(effective_sample_size(draws))


def test_stuck_chains_are_those_that_accepted_nothing() -> None:
    accepted = torch.tensor([[False, False, False], [False, True, False]])
    assert stuck(accepted).tolist() == [True, False]


def log_weights(spread: float, count: int, seed: int = 0) -> Tensor:
    return spread * torch.randn(count, generator=generator(seed), dtype=torch.float64)


WEIGHTS = {
    "even": log_weights(0.1, 1000),
    "usual": log_weights(1.0, 1000),
    "heavy": log_weights(4.0, 6000),
    "hopeless": log_weights(300.0, 400),  # most underflow
    "few": log_weights(1.0, 25),
    "far from 0": log_weights(1.0, 300) - 2e4,
    "ties at the cutoff": log_weights(1.0, 500).clamp_max(1.0).round(decimals=1),
    "single precision": log_weights(1.0, 1000).float(),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_pareto_smoothing_equals_that_of_arviz(name: str) -> None:
    log_w = WEIGHTS[name]
    expected, shape = arviz.psislw(log_w.double().numpy())
    assert pareto_k(log_w).dtype == pareto_smoothed(log_w).dtype == torch.float64
    if math.isinf(shape):  # ArviZ's result for a tail that is too short to fit
        assert math.isnan(pareto_k(log_w))
    else:
        assert pareto_k(log_w).item() == pytest.approx(float(shape), abs=1e-8)
    torch.testing.assert_close(pareto_smoothed(log_w), torch.from_numpy(expected))


def test_pareto_k_is_the_shape_of_a_known_tail() -> None:
    """Weights u⁻ᵏ with uniform u have a Pareto tail of shape k; estimates are biased towards ½."""
    shapes = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    u = torch.rand(4000, 60, 3, generator=generator(0), dtype=torch.float64)
    estimates = pareto_k(-shapes * u.log())
    error = estimates.std(0) / 60**0.5
    assert error.max() < 0.03
    count = 3 * 4000**0.5
    biased = (count * shapes + 5) / (count + 10)
    assert ((estimates.mean(0) - biased).abs() < 4 * error).all()


def test_smoothing_lowers_the_error_of_heavy_tailed_weights() -> None:
    """The mean of weights u^-0.8 is 5; smoothed estimates vary less around it."""
    u = torch.rand(500, 400, generator=generator(0), dtype=torch.float64)
    log_w = -0.8 * u.log()
    # `pareto_smoothed` normalises: the smallest weight, which is unchanged, undoes this.
    smoothed = pareto_smoothed(log_w)
    smoothed = smoothed + (log_w.amin(0) - smoothed.amin(0))
    raw, smooth = ((each.exp().mean(0) - 5).square().mean() for each in (log_w, smoothed))
    assert smooth < raw


def test_too_few_or_equal_weights_have_no_tail() -> None:
    for log_w in (log_weights(1.0, 20), torch.zeros(1000), torch.zeros(1)):
        assert math.isnan(pareto_k(log_w))
        expected = log_w.double().log_softmax(0)
        torch.testing.assert_close(pareto_smoothed(log_w), expected)


def test_weights_keep_their_trailing_dimensions() -> None:
    log_w = log_weights(1.0, 6 * 200).reshape(200, 2, 3)
    for measure in (pareto_k, importance_ess):
        assert measure(log_w).shape == (2, 3)
        torch.testing.assert_close(measure(log_w)[1, 2], measure(log_w[:, 1, 2]))
    assert pareto_smoothed(log_w).shape == (200, 2, 3)
    torch.testing.assert_close(pareto_smoothed(log_w)[:, 1, 2], pareto_smoothed(log_w[:, 1, 2]))


def test_importance_ess_is_one_over_the_sum_of_squares() -> None:
    log_w = log_weights(2.0, 50) - 2000  # even if the weights themselves underflow
    weights = log_w.softmax(0)
    torch.testing.assert_close(importance_ess(log_w), 1 / weights.square().sum())
    assert importance_ess(torch.zeros(50)).item() == pytest.approx(50)
    assert importance_ess(torch.tensor([0.0, -1e4])).item() == pytest.approx(1)
