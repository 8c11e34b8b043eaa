"""Slow motion shows the draws and decisions of the run itself, and their terms."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from dgm_core.samplers import metropolis_within_gibbs
from dgm_core.studies.inpainting import slow_motion, two_samplers
from dgm_core.studies.inpainting.slow_motion import Approaching, Config, Moment, Result
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, pack
from dgm_core.types import Masked
from tests.toys import LinearGaussian

METROPOLIS = "Metropolis-within-Gibbs"


@cache
def model() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fully_connected_dlvm(latent_dim=3, hidden=24).eval().requires_grad_(False)


def chains() -> two_samplers.Config:
    pixels = torch.rand(2, 28, 28, generator=generator(3)).numpy()
    return two_samplers.Config("none", pack(pixels[0] < 0.3), pack(pixels[1] < 0.5), 130, 10, 4)


@cache
def frames() -> list[two_samplers.Frame]:
    *found, _ = two_samplers.run(chains(), model())
    return found


def window(**settings: object) -> list[Moment]:
    config = Config(chains(), **settings)  # type: ignore[arg-type]
    *items, result = slow_motion.run(config, model())
    moments = [item for item in items if isinstance(item, Moment)]
    assert isinstance(result, Result)
    assert result == (config, moments)
    assert [each.number for each in moments] == list(config.window)
    return moments


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_draws_are_those_of_the_run_bit_for_bit(sampler: str) -> None:
    for chain, first in ((1, 1), (3, 100)):
        moments = {
            m.number: m for m in window(sampler=sampler, chain=chain, first=first, count=31)
        }
        same_iterations = [frame for frame in frames() if frame.iteration in moments]
        assert len(same_iterations) > 10
        for frame in same_iterations:
            draws = frame.samplers[sampler].draws[chain - 1]
            assert np.array_equal(moments[frame.iteration].x_new, draws)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_iteration_begins_where_the_previous_one_ended(sampler: str) -> None:
    moments = window(sampler=sampler, chain=2, first=5, count=40)
    hidden = ~chains().observed
    for before, after in pairwise(moments):
        moved = before.accepted
        assert np.array_equal(after.x, before.x_new)
        mean = before.mean_new if moved else before.mean
        assert np.array_equal(after.z, before.z_new if moved else before.z)
        np.testing.assert_allclose(after.mean, mean, atol=1e-6)
        assert not (before.x != before.x_new)[~hidden].any()


def test_the_four_terms_sum_to_the_ratio_that_decided() -> None:
    tested = [m for m in window(first=11, count=60) if m.uses_ratio]
    assert len(tested) == 60
    assert {m.accepted for m in tested} == {True, False}
    for m in tested:
        assert sum(m.terms) == pytest.approx(m.log_ratio, abs=2e-4)
        assert m.joint_difference + m.proposal_difference == pytest.approx(m.log_ratio, abs=2e-4)
        assert m.accepted == (m.log_u < m.log_ratio)


def test_pseudo_gibbs_accepts_every_proposal_and_still_has_a_ratio() -> None:
    warming = window(first=1, count=10)
    assert all(m.warming_up for m in warming)
    for m in warming + window(sampler="pseudo-Gibbs", first=8, count=20):
        assert m.accepted
        assert not m.uses_ratio
        assert m.log_u == -math.inf
        assert m.log_ratio == pytest.approx(sum(m.terms))
    assert any(m.log_ratio < -1 for m in warming)


def test_pixels_and_latents_give_the_densities() -> None:
    """Bernoulli pixels by hand, the Gaussians from torch.distributions."""
    seen = chains().observed
    for m in window(first=20, count=5):
        for z, mean, terms in ((m.z, m.mean, m.now), (m.z_new, m.mean_new, m.proposed)):
            each = np.log(np.where(m.x, mean, 1 - mean).astype(float))
            assert terms.seen == pytest.approx(each[seen].sum(), abs=1e-3)
            assert terms.hidden == pytest.approx(each[~seen].sum(), abs=1e-3)
            log_prior = Normal(0.0, 1.0).log_prob(torch.from_numpy(z)).sum().item()
            assert terms.prior == pytest.approx(log_prior, abs=1e-4)


def test_a_linear_gaussian_model_by_hand() -> None:
    """log p(x, z) and log q(z|x) as dense Gaussians; their sum is the ratio of the sampler."""
    toy = LinearGaussian(shift=0.3)
    x = torch.randn(6, 5, generator=generator(1), dtype=torch.float64)
    masked = Masked(x, torch.rand(6, 5, generator=generator(2)) < 0.6)
    sampler, source = metropolis_within_gibbs(toy, masked), generator(4)
    before = sampler.init(source)
    _, info = sampler.step(before, source)

    def at(z: torch.Tensor) -> slow_motion.Densities:
        return slow_motion.densities(toy, masked, before.x, z, toy.decode(z), info.proposal)

    now, new = at(before.z), at(info.z_new)
    for z, terms in ((before.z, now), (info.z_new, new)):
        off = before.x - (z @ toy.weights.T + toy.offset)
        each = -0.5 * (off / toy.noise).square() - math.log(toy.noise * math.sqrt(2 * math.pi))
        torch.testing.assert_close(terms.seen, torch.where(masked.observed, each, 0).sum(1))
        torch.testing.assert_close(terms.hidden, torch.where(masked.observed, 0, each).sum(1))
        eye = torch.eye(2, dtype=torch.float64)
        prior = MultivariateNormal(torch.zeros(2, dtype=torch.float64), eye)
        torch.testing.assert_close(terms.prior, prior.log_prob(z))
        centre = (before.x - toy.offset) @ toy.gain.T + 0.3
        q = MultivariateNormal(centre, torch.diag(toy.scale.square()))
        torch.testing.assert_close(terms.proposal, q.log_prob(z))
        torch.testing.assert_close(terms.distance, ((z - centre) / toy.scale).norm(dim=1))
    log_ratio = new.joint - now.joint + now.proposal - new.proposal
    torch.testing.assert_close(log_ratio, info.log_ratio, rtol=0, atol=1e-12)


def test_progress_is_reported_before_the_window_and_the_run_may_end_inside_it() -> None:
    *items, result = slow_motion.run(Config(chains(), first=125, count=60), model())
    assert [item.number for item in items if isinstance(item, Approaching)] == [50, 100]
    assert [m.number for m in result.moments] == list(range(125, 131))


@pytest.mark.parametrize(
    "wrong", [{"sampler": "LAIR"}, {"chain": 5}, {"chain": 0}, {"first": 131}, {"count": 61}]
)
def test_numbers_outside_the_run_raise_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Config(chains(), **wrong)  # type: ignore[arg-type]
