"""LAIR's weights against the definition, and its pool against sums over all draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Distribution, Independent, Normal

from dgm_core.distributions import BernoulliPixels
from dgm_core.metrics.diagnostics import importance_ess, pareto_k
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from dgm_core.samplers import LairInfo, Pool, lair
from dgm_core.samplers.lair import FixedProposals
from dgm_core.types import Masked
from tests.toys import SmallBernoulli


def problem() -> Masked:
    source = generator(0)
    x = (torch.rand(3, 6, generator=source) < 0.5).double()
    return Masked(x, torch.rand(3, 6, generator=source) < 0.5)


def partial_encoder(masked: Masked) -> Distribution:
    """A proposal r(z | x_obs) that differs between rows; three latents at most."""
    centre = masked.x.flatten(1)[:, : SIZES[masked.x[0].numel()]] - 0.3
    return Independent(Normal(centre, torch.full_like(centre, 0.7)), 1)


SIZES = {6: 2, 784: 3}  # pixels → latents


@pytest.mark.parametrize(
    ("prior_proposals", "partial_proposals"), [(0, 0), (2, 0), (0, 3), (2, 3)]
)
@pytest.mark.parametrize("covariance", ["diagonal", "full covariance"])
def test_weights_are_those_of_the_deterministic_mixture(
    prior_proposals: int, partial_proposals: int, covariance: str
) -> None:
    if covariance == "diagonal":
        model, masked = SmallBernoulli(), problem()
    else:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = fully_connected_dlvm(3, 16).double().eval().requires_grad_(False)
        x = (torch.rand(3, 1, 28, 28, generator=generator(1)) < 0.3).double()
        masked = Masked(x, torch.rand(x.shape, generator=generator(2)) < 0.5)
    completions = 4
    sampler = lair(
        model,
        masked,
        completions=completions,
        prior_proposals=prior_proposals,
        partial=partial_encoder,
        partial_proposals=partial_proposals,
    )
    state = sampler.init(generator(1))
    after, info = sampler.step(state, generator(2))
    proposals = completions + prior_proposals + partial_proposals
    assert info.z.shape[:2] == info.log_w.shape == (3, proposals)
    for image in range(3):
        own = state.x[image * completions : (image + 1) * completions]
        for j in range(proposals):
            z = info.z[image, j][None]
            encoders = [model.encode(each[None]) for each in own]
            mixture = sum(each.log_prob(z).exp() for each in encoders)
            r = partial_encoder(masked[image : image + 1]).log_prob(z).exp()
            prior = model.prior().log_prob(z).exp()
            mixture = (mixture + prior_proposals * prior + partial_proposals * r) / proposals
            pixels = torch.distributions.Bernoulli(logits=model.decode(z).logits[0])
            seen = masked.observed[image]
            log_p = pixels.log_prob(masked.x[image])[seen].sum() + model.prior().log_prob(z)
            torch.testing.assert_close(info.log_w[image, j : j + 1], log_p - mixture.log())
    weights = info.log_w.softmax(1)
    torch.testing.assert_close(info.ess, 1 / weights.square().sum(1))
    # The new latents are among the proposals of their own image.
    for image, latents in enumerate(after.z.unflatten(0, (3, completions))):
        assert (latents[:, None] == info.z[image]).all(-1).any(1).all()
    torch.testing.assert_close(after.likelihood.logits, model.decode(after.z).logits)


def test_the_encoder_proposes_from_the_given_completion() -> None:
    """z_k is drawn from completion k of its own image, not of another one."""
    model = SmallBernoulli()
    model.encode = (
        lambda x: torch.distributions.Independent(  # type: ignore[method-assign]
            torch.distributions.Normal(x[:, :2] * 100, torch.full((len(x), 2), 1e-3).double()), 1
        )
    )
    masked = Masked(torch.zeros(3, 6).double(), torch.zeros(3, 6, dtype=torch.bool))
    sampler = lair(model, masked, completions=5, prior_proposals=1)
    state = sampler.init(generator(1))
    _, info = sampler.step(state, generator(2))
    near = 100 * state.x[:, :2].unflatten(0, (3, 5))
    assert (info.z[:, :5] - near).abs().max() < 0.01
    assert info.z[:, 5].abs().max() < 6


@pytest.mark.parametrize(
    "settings", [{"completions": 0}, {"prior_proposals": -1}, {"partial_proposals": -1}]
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match="expected completions"):
        lair(SmallBernoulli(), problem(), **settings)


def iterations(count: int, spread: float, rows: int = 2, proposals: int = 5) -> list[LairInfo]:
    source = generator(count)
    infos = []
    for _ in range(count):
        log_w = spread * torch.randn(rows, proposals, generator=source, dtype=torch.float64)
        z = torch.randn(rows, proposals, 3, generator=source, dtype=torch.float64)
        logits = torch.randn(rows * proposals, 4, generator=source, dtype=torch.float64)
        ess = torch.zeros(rows)
        distribution = Independent(Normal(z[:, 0], torch.ones_like(z[:, 0])), 1)
        fixed = FixedProposals(distribution, 0)
        infos.append(LairInfo(log_w, log_w, z, BernoulliPixels(logits), ess, distribution, fixed))
    return infos


@pytest.mark.parametrize("spread", [0.5, 400.0])
def test_pooled_quantities_are_sums_over_everything_added(spread: float) -> None:
    """With a spread of 400 nats, a later weight repeatedly exceeds all earlier ones."""
    infos, pool = iterations(30, spread), Pool()
    for info in infos:
        pool.add(info, generator(0))
    log_w = torch.cat([info.log_w for info in infos], 1)  # (B, T (K + R))
    w = log_w.softmax(1)[..., None]
    means = torch.cat([info.likelihood.mean.unflatten(0, (2, 5)) for info in infos], 1)
    mean = (w * means).sum(1)
    torch.testing.assert_close(pool.mean, mean)
    # A binary pixel with mean m has variance m (1 − m), however the mean was computed.
    torch.testing.assert_close(pool.variance, mean * (1 - mean))
    evidence = log_w.logsumexp(1) - math.log(log_w.shape[1])
    torch.testing.assert_close(pool.log_evidence.value, evidence)
    each = torch.stack([info.log_w.logsumexp(1) - math.log(5) for info in infos])
    relative = (each - evidence).exp().std(0) / 30**0.5
    torch.testing.assert_close(pool.log_evidence.standard_error, relative)
    torch.testing.assert_close(pool.ess, importance_ess(log_w.T))
    torch.testing.assert_close(pool.pareto_k, pareto_k(log_w.T), equal_nan=True)
    log_weights, z = pool.latents()
    torch.testing.assert_close(log_weights, log_w.log_softmax(1).T)
    assert torch.equal(z, torch.cat([info.z for info in infos], 1).transpose(0, 1))


def test_one_iteration_has_an_estimate_without_a_standard_error() -> None:
    pool, info = Pool(), iterations(1, 1.0)[0]
    pool.add(info, generator(0))
    estimate = pool.log_evidence
    torch.testing.assert_close(estimate.value, info.log_w.logsumexp(1) - math.log(5))
    assert estimate.standard_error.isnan().all()


def test_a_full_pool_holds_fewer_latents_and_the_same_expectations() -> None:
    infos = iterations(40, 1.0, rows=400)
    whole, small, source = Pool(), Pool(capacity=60), generator(1)
    for info in infos:  # the same iterations for every row: 400 ways to thin them
        info = info._replace(
            log_w=info.log_w[:1].expand(400, -1), z=info.z[:1].expand(400, -1, -1)
        )
        whole.add(info, source)
        small.add(info, source)
        assert len(small.latents()[0]) <= 60
    torch.testing.assert_close(small.mean, whole.mean)
    torch.testing.assert_close(small.pareto_k, whole.pareto_k)
    torch.testing.assert_close(small.ess, whole.ess)
    expected, thinned = (
        (log_w.exp()[..., None] * z).sum(0) for log_w, z in (whole.latents(), small.latents())
    )
    error = thinned.std(0) / 400**0.5
    assert (error > 0).all()
    # Weights are normalised again after thinning: the bias is of order 1 / 30 of the spread.
    assert ((thinned.mean(0) - expected[0]).abs() < 5 * error + 0.03 * thinned.std(0)).all()


def test_resampled_latents_follow_the_weights() -> None:
    pool = Pool()
    for info in iterations(4, 2.0, rows=1):
        pool.add(info, generator(0))
    log_w, z = pool.latents()
    chosen = pool.resample(1000, generator(2))[:, 0]
    counts = (chosen[:, None] == z[:, 0]).all(-1).sum(0)
    assert counts.sum() == 1000
    assert ((counts - 1000 * log_w[:, 0].exp()).abs() < 1).all()
