"""The annealed SMC sampler against Gaussian algebra and enumeration, with wrong variants."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core.bounds.quadrature import log_evidence
from dgm_core.rng import draw, generator
from dgm_core.samplers.annealed_smc import Particles, annealed_smc, pilot
from dgm_core.samplers.paths import path_from_prior
from dgm_core.types import Masked
from tests.toys import LinearGaussian, SmallBernoulli

module = import_module("dgm_core.samplers.annealed_smc")  # its function has the same name
ROWS = 600


def problem(rows: int = ROWS) -> tuple[LinearGaussian, Masked, Tensor]:
    """The same incomplete row many times, and log p(x_obs)."""
    model = LinearGaussian(shift=2.0, stretch=3.0)
    x = torch.tensor([1.5, -0.5, 0.8, 0.0, 2.0], dtype=torch.float64)
    seen = torch.tensor([True, False, True, False, False])
    exact = MultivariateNormal(model.offset[seen], model.covariance[seen][:, seen])
    return model, Masked((x * seen)[None], seen[None]).repeat(rows), exact.log_prob(x[seen])


def run(model: object, masked: Masked, particles: int = 8, seed: int = 2) -> Particles:
    path = path_from_prior(model, masked)
    plan = pilot(path, generator(1), particles=16, leapfrogs=3)
    *_, last = annealed_smc(path, plan, generator(seed), particles=particles, leapfrogs=3, moves=1)
    return last


def off(log_estimates: Tensor, exact: Tensor) -> float:
    """How far the mean of the estimates of p is from p, in its standard errors."""
    relative = (log_estimates - exact).exp()
    return ((relative.mean() - 1) / (relative.std() / len(relative) ** 0.5)).item()


def test_the_mean_of_the_estimates_is_the_gaussian_evidence() -> None:
    model, masked, exact = problem(3000)
    found = run(model, masked).log_evidence
    assert abs(off(found, exact)) < 5
    # The mean of the logarithm is a lower bound, not an estimate.
    assert (found.mean() - exact) / (found.std() / 3000**0.5) < -10


def test_temperatures_chosen_by_the_particles_themselves_would_be_detected() -> None:
    """The plan of a run with the same randomness: each row knows its own particles."""
    model, masked, exact = problem(6000)
    path = path_from_prior(model, masked)
    plan = pilot(path, generator(1), particles=4, leapfrogs=3, moves=1)
    found = {}
    for seed in (1, 2):
        *_, last = annealed_smc(path, plan, generator(seed), particles=4, leapfrogs=3, moves=1)
        found[seed] = off(last.log_evidence, exact)
    assert abs(found[2]) < 5
    assert abs(found[1]) > abs(found[2])


def test_omitting_the_metropolis_test_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    from dgm_core.samplers import paths

    model, masked, exact = problem(2000)
    path = path_from_prior(model, masked)
    plan = pilot(path, generator(1), particles=16)
    plan = plan._replace(lengths=torch.full_like(plan.lengths, 1.3))
    monkeypatch.setattr(
        paths, "accept", lambda log_ratio, source: (log_ratio == log_ratio, log_ratio)
    )
    *_, last = annealed_smc(path, plan, generator(2), particles=32, leapfrogs=3)
    assert abs(off(last.log_evidence, exact)) > 10


def test_the_particles_follow_the_gaussian_posterior() -> None:
    model, masked, _ = problem(40)
    z = run(model, masked, particles=400).z.flatten(0, 1)
    seen = masked.observed[0]
    weights = model.weights[seen]
    covariance = (torch.eye(2) + weights.T @ weights / model.noise**2).inverse()
    mean = (masked.x[0] - model.offset)[seen] @ weights @ covariance / model.noise**2
    rows = z.unflatten(0, (400, 40)).mean(0)  # rows are independent, particles of one are not
    assert ((rows.mean(0) - mean) / (rows.std(0) / 40**0.5)).abs().max() < 5
    torch.testing.assert_close(z.T.cov(), covariance, atol=0.03, rtol=0.05)


def test_without_resampling_the_draws_would_miss_the_posterior(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, masked, _ = problem(40)
    right = run(model, masked, particles=400).z.mean((0, 1))
    monkeypatch.setattr(module, "_resampled", lambda point, log_w, source: point)
    monkeypatch.setattr(
        module, "hamiltonian_move", lambda path, point, *_: (point, point.log_0 > 0, point.log_0)
    )
    assert (run(model, masked, particles=400).z.mean((0, 1)) - right).abs().max() > 0.3


def test_the_evidence_and_the_draws_of_the_enumerated_bernoulli_model() -> None:
    model = SmallBernoulli()
    row = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    seen = torch.tensor([True, False, True, False, True, False])
    one = Masked((row * seen)[None], seen[None])
    last = run(model, one.repeat(400), particles=32)
    exact = log_evidence(model, one, tolerance=1e-7).value
    assert abs(off(last.log_evidence, exact)) < 5
    x = draw(model.decode(last.z.flatten(0, 1)), generator(5))[:, ~seen]
    assert (x.mean(0) - model.pixel_marginals(row, seen)).abs().max() < 0.02


def test_the_temperatures_rise_to_1_and_keep_half_of_the_particles() -> None:
    model, masked, _ = problem(20)
    path = path_from_prior(model, masked)
    plan = pilot(path, generator(1), particles=400)
    assert (plan.betas[0] == 0).all()
    assert (plan.betas[-1] == 1).all()
    assert (plan.betas.diff(dim=0) >= 0).all()
    seen = list(annealed_smc(path, plan, generator(2), particles=400))
    rising = torch.stack([now.ess for now in seen])[plan.betas.diff(dim=0) > 0]
    assert rising.min() > 0.3 * 400
    rates = torch.stack([now.acceptance for now in seen[1:]])
    assert 0.6 < rates.mean() < 0.98


def test_invalid_settings_are_refused() -> None:
    model, masked, _ = problem(2)
    path = path_from_prior(model, masked)
    plan = pilot(path, generator(1), particles=4)
    with pytest.raises(ValueError, match="at least 2 particles"):
        next(annealed_smc(path, plan, generator(1), particles=1))
