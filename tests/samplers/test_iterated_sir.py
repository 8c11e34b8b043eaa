"""Iterated SIR between Hamiltonian steps, and the cases that must fail."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from dgm_core.rng import generator
from dgm_core.samplers.chains import run
from dgm_core.samplers.hmc import hmc
from dgm_core.samplers.iterated_sir import iterated_sir
from dgm_core.types import Masked
from tests.samplers.test_exact import (
    bernoulli_problem,
    covariance_off,
    linear_gaussian_problem,
    standard_errors_off,
)
from tests.toys import LinearGaussian, SmallBernoulli

module = import_module("dgm_core.samplers.iterated_sir")  # its function has the same name


def last_draws(model: object, masked: Masked, iterations: int = 60, **settings: object) -> Tensor:
    choices = {"warmup": 20, "leapfrogs": 2, "candidates": 6} | settings
    *_, last = run(iterated_sir(model, masked, **choices), generator(1), iterations)
    return last.state.x


def crude(masked: Masked) -> Distribution:
    """A proposal that knows the mask, and is wrong."""
    mean = torch.full((len(masked), 2), 0.5, dtype=torch.float64)
    return Independent(Normal(mean, torch.full_like(mean, 0.7)), 1)


@pytest.mark.parametrize("proposal", [None, crude])
def test_it_reaches_the_gaussian_conditional_with_a_wrong_encoder(proposal: object) -> None:
    masked, hidden, exact = linear_gaussian_problem()
    draws = last_draws(LinearGaussian(shift=0.5, stretch=1.5), masked, proposal=proposal)
    assert standard_errors_off(draws[:, hidden], exact) < 5
    assert covariance_off(draws[:, hidden], exact) < 0.1


def test_the_global_move_alone_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hamiltonian steps of length 0 hide no mistake of the other move."""
    masked, hidden, exact = linear_gaussian_problem()
    monkeypatch.setattr(import_module("dgm_core.samplers.hmc"), "FIRST_STEP", 1e-12)
    model = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws(model, masked, 120, warmup=0)[:, hidden]
    assert standard_errors_off(draws, exact) < 5


def test_weights_without_the_proposal_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    masked, hidden, exact = linear_gaussian_problem()
    monkeypatch.setattr(module, "log_mixture", lambda components, fractions, z: 0 * z.sum(-1))
    model = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws(model, masked, warmup=0)[:, hidden]
    assert standard_errors_off(draws, exact) > 20


def test_it_reaches_the_enumerated_bernoulli_conditional() -> None:
    model = SmallBernoulli()
    row, observed = bernoulli_problem()
    masked = Masked(row[None], observed[None]).repeat(10_000)
    draws = last_draws(model, masked)[:, ~observed]
    assert (draws.mean(0) - model.pixel_marginals(row, observed)).abs().max() < 0.02


class TwoModes:
    """z ~ N(0, 1), x = |z| with little noise: p(z | x) has two modes, and the encoder sees one."""

    def prior(self) -> Distribution:
        zero = torch.zeros(1, dtype=torch.float64)
        return Independent(Normal(zero, torch.ones_like(zero)), 1)

    def encode(self, x: Tensor) -> Distribution:
        return Independent(Normal(x[:, :1], torch.full_like(x[:, :1], 0.1)), 1)

    def decode(self, z: Tensor) -> Distribution:
        mean = torch.cat([z.abs(), z], 1)
        return Independent(Normal(mean, torch.full_like(mean, 0.1)), 1)


def test_it_visits_both_modes_where_hmc_stays_in_one() -> None:
    masked = Masked(
        torch.tensor([[1.5, 0.0]], dtype=torch.float64), torch.tensor([[True, False]])
    ).repeat(2000)
    negative = {}
    for name, make in (("HMC", hmc), ("i-SIR", iterated_sir)):
        sampler = make(TwoModes(), masked, warmup=30, leapfrogs=5)
        *_, last = run(sampler, generator(1), 150)
        negative[name] = (last.state.z < 0).double().mean().item()
    assert negative["HMC"] < 0.02
    assert abs(negative["i-SIR"] - 0.5) < 5 * 0.5 / 2000**0.5


def test_invalid_settings_are_refused() -> None:
    masked, _, _ = linear_gaussian_problem()
    for settings in ({"candidates": 1}, {"prior_fraction": 0.0}):
        with pytest.raises(ValueError, match="at least 2 candidates and prior_fraction"):
            iterated_sir(LinearGaussian(), masked[:1], **settings)
