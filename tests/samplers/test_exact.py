"""The samplers against conditionals known in closed form, and the cases that must fail."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgm_core import gaussian
from dgm_core.rng import generator
from dgm_core.samplers import CATALOGUE, metropolis_within_gibbs, pseudo_gibbs
from dgm_core.samplers.chains import run
from dgm_core.types import Masked
from tests.toys import LinearGaussian, SmallBernoulli

CHAINS = 8000
EXACT = ["Metropolis-within-Gibbs"]


def last_draws(sampler_name: str, model: object, masked: Masked, iterations: int) -> Tensor:
    sampler = CATALOGUE[sampler_name](model, masked)
    *_, last = run(sampler, generator(1), iterations)
    return last.state.x


def linear_gaussian_problem() -> tuple[Masked, Tensor, gaussian.Conditional]:
    model = LinearGaussian()
    row = torch.tensor([1.5, -0.5, 0.8, 0.0, 2.0], dtype=torch.float64)
    observed = torch.tensor([True, False, True, False, False])
    exact = gaussian.condition(model.offset, model.covariance, row, observed)
    return Masked(row[None], observed[None]).repeat(CHAINS), ~observed, exact


def standard_errors_off(draws: Tensor, exact: gaussian.Conditional) -> float:
    error = draws.std(0) / len(draws) ** 0.5
    return ((draws.mean(0) - exact.mean) / error).abs().max().item()


@pytest.mark.parametrize("name", EXACT)
def test_exact_samplers_reach_the_gaussian_conditional_with_a_wrong_encoder(name: str) -> None:
    masked, hidden, exact = linear_gaussian_problem()
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws(name, wrong, masked, 300)[:, hidden]
    assert standard_errors_off(draws, exact) < 5
    scale = exact.covariance.diagonal().sqrt()
    error = (draws.T.cov() - exact.covariance).abs() / (scale[:, None] * scale)
    assert error.max() < 0.1


def test_pseudo_gibbs_misses_it_with_the_same_encoder() -> None:
    masked, hidden, exact = linear_gaussian_problem()
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws("pseudo-Gibbs", wrong, masked, 300)[:, hidden]
    assert standard_errors_off(draws, exact) > 20


@pytest.mark.parametrize("name", EXACT)
def test_exact_samplers_reach_the_enumerated_bernoulli_conditional(name: str) -> None:
    model = SmallBernoulli()
    row = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    observed = torch.tensor([True, False, True, False, True, False])
    exact = model.pixel_marginals(row, observed)
    masked = Masked(row[None], observed[None]).repeat(20_000)
    draws = last_draws(name, model, masked, 150)[:, ~observed]
    # The total variation of two Bernoulli laws is the distance of their probabilities.
    assert (draws.mean(0) - exact).abs().max() < 0.02


def test_pseudo_gibbs_misses_the_enumerated_conditional() -> None:
    model = SmallBernoulli()
    row = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    observed = torch.tensor([True, False, True, False, True, False])
    exact = model.pixel_marginals(row, observed)
    masked = Masked(row[None], observed[None]).repeat(20_000)
    draws = last_draws("pseudo-Gibbs", model, masked, 150)[:, ~observed]
    assert (draws.mean(0) - exact).abs().max() > 0.05


def test_the_ratio_without_the_proposal_densities_would_be_caught() -> None:
    """The published mistake: accept by the likelihood alone. It does not reach the conditional."""
    masked, hidden, exact = linear_gaussian_problem()
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    state = pseudo_gibbs(wrong, masked).init(generator(2))
    source = generator(3)
    for _ in range(300):
        proposal = wrong.encode(state.x)
        z_new = proposal.base_dist.loc + proposal.base_dist.scale * torch.randn(
            state.z.shape, generator=source, dtype=torch.float64
        )
        ratio = wrong.decode(z_new).log_prob(state.x) - state.likelihood.log_prob(state.x)
        accepted = torch.rand(CHAINS, generator=source).log() < ratio
        z = torch.where(accepted[:, None], z_new, state.z)
        likelihood = wrong.decode(z)
        noise = torch.randn(state.x.shape, generator=source, dtype=torch.float64)
        x = likelihood.base_dist.loc + likelihood.base_dist.scale * noise
        state = state._replace(
            x=torch.where(masked.observed, masked.x, x), z=z, likelihood=likelihood
        )
    assert standard_errors_off(state.x[:, hidden], exact) > 20


def test_always_accepts_with_the_true_posterior() -> None:
    """If q is the true posterior the ratio is 1: nothing is ever rejected."""
    model = LinearGaussian()
    orthogonal, _ = torch.linalg.qr(model.weights)
    model.weights = orthogonal  # then the posterior is diagonal, as the encoder is
    precision = 1 + 1 / model.noise**2
    model.gain = orthogonal.T / model.noise**2 / precision
    model.scale = torch.full((2,), precision**-0.5, dtype=torch.float64)
    masked = Masked(torch.zeros(50, 5).double(), torch.arange(5).expand(50, 5) < 2)
    for step in run(metropolis_within_gibbs(model, masked), generator(1), 20):
        assert step.info.log_ratio.abs().max() < 1e-9
        assert step.info.accepted.all()
