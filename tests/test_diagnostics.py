"""Diagnostics against ArviZ and against what they must say of known chains."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dgm_core.diagnostics import autocorrelation, effective_sample_size, rhat, stuck
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
    if len(draws) > 1:  # ArviZ declines to split a single chain
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


def test_they_say_what_is_known() -> None:
    assert rhat(CHAINS["independent"]) < 1.01
    assert rhat(CHAINS["apart"]) > 1.3
    # An AR(1) chain with coefficient a is worth n (1 - a) / (1 + a) draws.
    long = autoregressive(0.8, chains=8, steps=4000)
    assert effective_sample_size(long).item() == pytest.approx(8 * 4000 / 9, rel=0.1)


def test_constant_and_too_short_chains_give_nan() -> None:
    for draws in (torch.ones(4, 100), torch.randn(4, 3, generator=generator(0))):
        assert math.isnan(rhat(draws))
        assert math.isnan(effective_sample_size(draws))


def test_stuck_chains_are_those_that_accepted_nothing() -> None:
    accepted = torch.tensor([[False, False, False], [False, True, False]])
    assert stuck(accepted).tolist() == [True, False]
