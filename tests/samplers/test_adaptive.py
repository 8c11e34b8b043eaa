"""AMIS for LAIR: the definition, a closed form, more effective draws, and a wrong variant."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from dgm_core.distributions.basic import TriangularNormal
from dgm_core.rng import generator
from dgm_core.samplers import Pool, adaptive, lair
from dgm_core.samplers.adaptive import Proposed, Reweighed, reweighed
from dgm_core.samplers.chains import run
from dgm_core.samplers.lair import FixedProposals
from dgm_core.samplers.pairs import log_prob_of_pairs
from dgm_core.types import Masked
from tests.toys import LinearGaussian

Partial = Callable[[Masked], Distribution] | None
SETTINGS = {"completions": 4, "prior_proposals": 1}


def problem(rows: int = 40) -> Masked:
    """The same incomplete row, so that runs of one image are independent repetitions."""
    x = torch.tensor([[1.2, -0.4, 0.0, 0.0, 0.0]], dtype=torch.float64)
    observed = torch.tensor([[True, True, False, False, False]])
    return Masked(x, observed).repeat(rows)


def narrow(masked: Masked) -> Distribution:
    """A proposal near the origin, for rows of any content."""
    z = torch.zeros(len(masked), 2, dtype=torch.float64)
    return Independent(Normal(z, z + 0.4), 1)


def iterations(
    model: LinearGaussian, count: int, seed: int = 0, partial: Partial = None
) -> tuple[list[Proposed], Pool]:
    masked, pool, found = problem(), Pool(), []
    sampler = lair(model, masked, partial=partial, partial_proposals=2, **SETTINGS)
    for step in run(sampler, generator(seed), count, 1):
        if not step.warming_up:
            pool.add(step.info, generator(1))
            found.append(Proposed.of(step.info))
    return found, pool


def posterior(model: LinearGaussian) -> tuple[Tensor, float]:
    """E[z | x_obs], and log p(x_obs)."""
    masked = problem(1)
    seen = masked.observed[0]
    covariance = model.covariance[seen][:, seen]
    off = masked.x[0, seen] - model.offset[seen]
    gain = model.weights[seen].T @ torch.linalg.inv(covariance)
    density = torch.distributions.MultivariateNormal(torch.zeros(2).double(), covariance)
    return gain @ off, density.log_prob(off).item()


def off_by(found: Reweighed, exact: Tensor) -> float:
    """Largest deviation of the mean latents from E[z | x_obs], in standard errors over rows."""
    means = (found.log_w.softmax(0)[..., None] * found.z).sum(0)
    return ((means.mean(0) - exact).abs() / (means.std(0) / len(means) ** 0.5)).max().item()


def test_weights_are_those_of_the_definition() -> None:
    model = LinearGaussian(shift=0.3)
    found, _ = iterations(model, 5)
    weighed = reweighed(found)
    row, z = 3, weighed.z[:, 3]
    each = [
        Independent(Normal(one.proposal.mean[k], one.proposal.stddev[k]), 1).log_prob(z).exp()
        for one in found
        for k in range(4 * row, 4 * row + 4)
    ]
    prior = model.prior().log_prob(z).exp()
    mixture = (torch.stack(each).sum(0) + len(found) * prior) / (5 * len(found))
    target = torch.cat([one.log_target[row] for one in found])
    torch.testing.assert_close(weighed.log_w[:, row], target - mixture.log())


@pytest.mark.parametrize("partial", [None, narrow])
def test_it_reaches_the_closed_form_with_a_wrong_encoder(partial: Partial) -> None:
    model = LinearGaussian(shift=0.8, stretch=0.6)
    mean, log_p = posterior(model)
    weighed = reweighed(iterations(model, 120, partial=partial)[0])
    assert off_by(weighed, mean) < 5
    evidence = weighed.log_w.logsumexp(0) - math.log(len(weighed.z))
    assert abs(evidence.exp().mean().log().item() - log_p) < 0.02


def test_a_forgotten_partial_encoder_would_be_detected() -> None:
    """Its proposals are weighed as if they came from the other components."""
    model = LinearGaussian(shift=0.8, stretch=0.6)
    found, _ = iterations(model, 120, partial=narrow)
    without = FixedProposals(model.prior(), SETTINGS["prior_proposals"])
    forgotten = [each._replace(fixed=without) for each in found]
    assert off_by(reweighed(forgotten), posterior(model)[0]) > 20


@pytest.mark.parametrize("partial", [None, narrow])
def test_single_iterations_estimate_the_evidence_without_bias(partial: Partial) -> None:
    model = LinearGaussian(shift=0.8, stretch=0.6)
    estimates = iterations(model, 120, partial=partial)[1].log_evidence.value.exp()
    exact = math.exp(posterior(model)[1])
    assert (estimates.mean() - exact).abs() < 5 * estimates.std() / len(estimates) ** 0.5
    assert estimates.mean() == pytest.approx(exact, rel=0.05)


def test_equal_weights_would_be_detected() -> None:
    model = LinearGaussian(shift=0.8, stretch=0.6)
    weighed = reweighed(iterations(model, 120)[0])
    flat = weighed._replace(log_w=torch.zeros_like(weighed.log_w))
    assert off_by(flat, posterior(model)[0]) > 20


def test_targets_without_the_mixture_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LinearGaussian(shift=0.8, stretch=0.6)
    monkeypatch.setattr(adaptive, "log_mixture", lambda log_q, log_fixed, count: 0 * log_fixed)
    weighed = reweighed(iterations(model, 120)[0])
    assert off_by(weighed, posterior(model)[0]) > 20


def test_it_has_more_effective_draws_than_the_weights_of_single_iterations() -> None:
    """With proposals that are too narrow, single iterations have a few huge weights."""
    model = LinearGaussian(shift=0.8, stretch=0.25)
    found, pool = iterations(model, 120)
    ess = reweighed(found).ess
    assert ess.mean() > 1.5 * pool.ess.mean()


def triangular(rows: int, size: int) -> TriangularNormal:
    source = generator(0)
    below = torch.randn(rows, size, size, generator=source, dtype=torch.float64).tril(-1)
    mean, log_scale = torch.randn(2, rows, size, generator=source, dtype=torch.float64)
    return TriangularNormal(mean, log_scale, below)


def independent(rows: int, size: int) -> Distribution:
    mean, scale = torch.rand(2, rows, size, generator=generator(0), dtype=torch.float64)
    return Independent(Normal(mean, scale + 0.1), 1)


@pytest.mark.parametrize("make", [triangular, independent])
def test_densities_of_all_pairs(make: object) -> None:
    images, count, latents, size = 3, 4, 5, 6
    distribution = make(images * count, size)
    z = torch.randn(images, latents, size, generator=generator(1), dtype=torch.float64)
    found = log_prob_of_pairs(distribution, z)
    assert found.shape == (images, latents, count)
    for image in range(images):
        for j in range(latents):
            each = distribution.log_prob(z[image, j].expand(images * count, size))
            own = each[image * count : (image + 1) * count]
            torch.testing.assert_close(found[image, j], own)
