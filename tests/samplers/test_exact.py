"""The samplers against conditionals known in closed form, and the cases that must fail."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgm_core.distributions import gaussian
from dgm_core.rng import generator
from dgm_core.samplers import (
    CATALOGUE,
    Pool,
    collapsed_metropolis,
    lair,
    metropolis_within_gibbs,
    pseudo_gibbs,
)
from dgm_core.samplers import collapsed as collapsed_module
from dgm_core.samplers.chains import run
from dgm_core.types import Masked
from tests.toys import LinearGaussian, SmallBernoulli

CHAINS = 8000
EXACT = ["Metropolis-within-Gibbs", "collapsed Metropolis"]


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


def covariance_off(draws: Tensor, exact: gaussian.Conditional) -> float:
    scale = exact.covariance.diagonal().sqrt()
    return ((draws.T.cov() - exact.covariance).abs() / (scale[:, None] * scale)).max().item()


@pytest.mark.parametrize("name", EXACT)
def test_exact_samplers_reach_the_gaussian_conditional_with_a_wrong_encoder(name: str) -> None:
    masked, hidden, exact = linear_gaussian_problem()
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws(name, wrong, masked, 300)[:, hidden]
    assert standard_errors_off(draws, exact) < 5
    assert covariance_off(draws, exact) < 0.1


def test_pseudo_gibbs_misses_it_with_the_same_encoder() -> None:
    masked, hidden, exact = linear_gaussian_problem()
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws("pseudo-Gibbs", wrong, masked, 300)[:, hidden]
    assert standard_errors_off(draws, exact) > 20


def bernoulli_problem() -> tuple[Tensor, Tensor]:
    row = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    return row, torch.tensor([True, False, True, False, True, False])


@pytest.mark.parametrize("name", EXACT)
def test_exact_samplers_reach_the_enumerated_bernoulli_conditional(name: str) -> None:
    model = SmallBernoulli()
    row, observed = bernoulli_problem()
    exact = model.pixel_marginals(row, observed)
    masked = Masked(row[None], observed[None]).repeat(10_000)
    draws = last_draws(name, model, masked, 150)[:, ~observed]
    # The total variation of two Bernoulli distributions is the distance of their probabilities.
    assert (draws.mean(0) - exact).abs().max() < 0.02


def test_pseudo_gibbs_misses_the_enumerated_conditional() -> None:
    model = SmallBernoulli()
    row, observed = bernoulli_problem()
    exact = model.pixel_marginals(row, observed)
    masked = Masked(row[None], observed[None]).repeat(10_000)
    draws = last_draws("pseudo-Gibbs", model, masked, 150)[:, ~observed]
    assert (draws.mean(0) - exact).abs().max() > 0.05


def test_the_ratio_without_the_proposal_densities_would_be_detected() -> None:
    """A published error: acceptance by the likelihood alone. It does not reach the conditional."""
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


def test_the_true_posterior_as_proposal_is_always_accepted() -> None:
    """If q is the true posterior, the ratio is 1: no proposal is rejected."""
    model = LinearGaussian()
    orthogonal, _ = torch.linalg.qr(model.weights)
    model.weights = orthogonal  # then the posterior is diagonal, like the encoder
    precision = 1 + 1 / model.noise**2
    model.gain = orthogonal.T / model.noise**2 / precision
    model.scale = torch.full((2,), precision**-0.5, dtype=torch.float64)
    masked = Masked(torch.zeros(50, 5).double(), torch.arange(5).expand(50, 5) < 2)
    for step in run(metropolis_within_gibbs(model, masked), generator(1), 20):
        assert step.info.log_ratio.abs().max() < 1e-9
        assert step.info.accepted.all()


def test_a_collapsed_proposal_from_the_current_completion_would_be_detected() -> None:
    """x_hist comes from the current z: the proposal then depends on z and the ratio is wrong."""
    masked, hidden, exact = linear_gaussian_problem()
    sampler = collapsed_metropolis(LinearGaussian(shift=0.5, stretch=1.5), masked, history=1)
    source = generator(2)
    state = sampler.init(source)
    for _ in range(300):
        current = state.history._replace(
            completions=state.x[None], made_at=torch.full((1, CHAINS), -1)
        )
        state, _ = sampler.step(state._replace(history=current), source)
    assert standard_errors_off(state.x[:, hidden], exact) > 20


def test_a_collapsed_ratio_over_all_entries_would_be_detected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hidden entries treated as data, with the value 0 that `masked.x` has there."""
    masked, hidden, exact = linear_gaussian_problem()
    monkeypatch.setattr(
        collapsed_module,
        "log_prob_observed",
        lambda distribution, masked: distribution.log_prob(masked.x),
    )
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    draws = last_draws("collapsed Metropolis", wrong, masked, 60)[:, hidden]
    assert standard_errors_off(draws, exact) > 20


IMAGES = 150


def pooled(
    model: object, masked: Masked, completions: int, prior_proposals: int, forget_prior: bool
) -> tuple[Pool, Tensor]:
    """The pool of 100 iterations for each row, and the completions after the last one."""
    sampler = lair(model, masked, completions=completions, prior_proposals=prior_proposals)
    pool, source = Pool(), generator(3)
    for step in run(sampler, source, 110, 10):
        info = step.info
        if forget_prior:
            info = info._replace(log_w=info.log_w - model.prior().log_prob(info.z))
        if not step.warming_up:
            pool.add(info, source)
    return pool, step.state.x


@pytest.mark.parametrize(("completions", "prior_proposals"), [(16, 4), (4, 1)])
def test_the_pool_of_lair_reaches_the_gaussian_conditional(
    completions: int, prior_proposals: int
) -> None:
    """Each row runs alone; their pooled means spread around the exact one, and so their draws."""
    masked, hidden, exact = linear_gaussian_problem()
    masked, wrong = masked[:IMAGES], LinearGaussian(shift=0.5, stretch=1.5)
    pool, _ = pooled(wrong, masked, completions, prior_proposals, forget_prior=False)
    assert standard_errors_off(pool.mean[:, hidden], exact) < 5
    draws = pool.draw(wrong, masked, 60, generator(4))
    assert torch.equal(draws[:, masked.observed], masked.x[masked.observed].expand(60, -1))
    draws = draws.flatten(0, 1)[:, hidden]
    assert standard_errors_off(draws, exact) < 5
    assert covariance_off(draws, exact) < 0.1
    variance = pool.variance[:, hidden].mean(0)
    torch.testing.assert_close(variance, exact.covariance.diagonal(), rtol=0.03, atol=0)


def test_the_pool_removes_the_bias_of_few_completions() -> None:
    masked, hidden, exact = linear_gaussian_problem()
    masked, wrong = masked[:1200], LinearGaussian(shift=0.5, stretch=1.5)
    pool, last = pooled(wrong, masked, 2, 1, forget_prior=False)
    assert standard_errors_off(last[:, hidden], exact) > 20
    assert standard_errors_off(pool.mean[:, hidden], exact) < 5


def test_lair_estimates_the_gaussian_evidence_with_a_correct_error() -> None:
    masked, hidden, _ = linear_gaussian_problem()
    masked, wrong = masked[:IMAGES], LinearGaussian(shift=0.5, stretch=1.5)
    seen = ~hidden
    distribution = torch.distributions.MultivariateNormal(
        wrong.offset[seen], wrong.covariance[seen][:, seen]
    )
    pool, _ = pooled(wrong, masked, 16, 4, forget_prior=False)
    estimate = pool.log_evidence
    score = (estimate.value - distribution.log_prob(masked.x[0][seen])) / estimate.standard_error
    assert score.abs().max() < 5
    assert 0.8 < score.std() < 1.25


def test_lair_weights_without_the_prior_would_be_detected() -> None:
    masked, hidden, exact = linear_gaussian_problem()
    masked, wrong = masked[:IMAGES], LinearGaussian(shift=0.5, stretch=1.5)
    pool, _ = pooled(wrong, masked, 16, 4, forget_prior=True)
    assert standard_errors_off(pool.mean[:, hidden], exact) > 20


def test_lair_reaches_the_enumerated_bernoulli_conditional_and_evidence() -> None:
    model = SmallBernoulli()
    row, observed = bernoulli_problem()
    masked = Masked(row[None], observed[None]).repeat(50)
    pool, _ = pooled(model, masked, 8, 2, forget_prior=False)
    exact = model.pixel_marginals(row, observed)
    assert (pool.mean[:, ~observed].mean(0) - exact).abs().max() < 0.02
    draws = pool.draw(model, masked, 200, generator(4))[..., ~observed]
    assert (draws.mean((0, 1)) - exact).abs().max() < 0.02
    # p(x_obs) = ∫ p(z) Π_obs p(x_i | z) dz on a grid.
    axis = torch.linspace(-5, 5, 201, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    each = torch.distributions.Bernoulli(logits=model.decode(z).logits).log_prob(row)
    log_joint = model.prior().log_prob(z) + each[:, observed].sum(1)
    evidence = log_joint.logsumexp(0) + 2 * (axis[1] - axis[0]).log()
    estimate = pool.log_evidence
    assert ((estimate.value - evidence) / estimate.standard_error).abs().max() < 5
