"""Methods that fit a mixture to latents, with or without the mixture of the previous round."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from dgm_core.mixtures import (
    GaussianMixture,
    GaussianWishartDirichlet,
    em_steps,
    moments_of,
    seeded_mixture,
)
from dgm_core.models.vae_gmm import Latents
from dgm_core.rng import generator, normal
from dgm_core.training import mixture_fits
from dgm_core.training.mixture_fits import FITS, Fitted, Plan
from tests.mixtures.toys import three_clusters

POINTS, K = 400, 3


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough sweeps for a few hundred points."""
    monkeypatch.setattr(mixture_fits, "ITERATIONS", 40)


def latents(spread: float = 0.15, dtype: torch.dtype = torch.float32) -> Latents:
    """Encodings of three clusters with known spread."""
    x, _ = three_clusters(POINTS)
    variance = torch.tensor([spread, 2 * spread], dtype=dtype)
    return Latents(x.to(dtype), variance.expand(POINTS, 2))


def last(fit: str, plan: Plan, before: GaussianMixture | None = None, seed: int = 0) -> Fitted:
    *_, answer = FITS[fit](latents(), plan, before, seed)
    return answer


def likelihood(plan: Plan, mixture: GaussianMixture, of: Latents | None = None) -> float:
    """The objective that EM increases, nats per point."""
    of = of or latents()
    joint = mixture.log_joint(of.mean, plan.variance(of))
    return joint.logsumexp(1).double().mean().item()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_every_fit_ends_with_a_mixture_and_its_history(
    fit: str, diagonal: bool, again: bool
) -> None:
    plan = Plan(K, diagonal=diagonal, blur=0.05)
    before = plan.blurred(last("EM", plan).mixture) if again else None
    *_, first, answer = itertools.chain([None], FITS[fit](latents(), plan, before, 1))
    mixture = answer.mixture
    assert mixture.means.shape == (K, 2)
    assert not mixture.chains
    assert mixture.means.dtype == torch.float32
    assert mixture.weights.sum().item() == pytest.approx(1, abs=1e-5)
    assert (mixture.weights >= 0).all()
    assert torch.linalg.eigvalsh(mixture.covariances).min() > 0
    assert mixture.log_prob(latents().mean).isfinite().all()
    # All methods find the three clusters.
    x, cluster = three_clusters(POINTS)
    own = moments_of(x, cluster, K).means
    close = 0.6 if fit == "Gibbs" else 0.35  # whose prior draws means to the origin
    assert torch.cdist(own, mixture.means.double()).min(1).values.max() < close
    assert answer.trace.dtype == torch.float64
    assert answer.trace.isfinite().all()
    rows = {"EM": 4 + 1 if again else 16, "Gibbs": 4, "variational": 1}
    assert len(answer.trace) == rows[fit]
    assert (answer.rhat is not None) == (fit == "Gibbs")
    if fit == "Gibbs":
        assert 0.9 < answer.rhat < 1.5
        assert first.trace.shape[1] == answer.trace.shape[1] - 5 == 35
        assert torch.equal(first.trace, answer.trace[:, :35])
    elif fit == "EM":
        assert answer.trace.diff(dim=1).min() > -1e-5
        best = answer.trace[:, -1].max().item()
        assert best == pytest.approx(likelihood(plan, mixture), abs=1e-5)
    # The networks use the mixture that they receive.
    received = plan.blurred(mixture)
    assert received.diagonal == diagonal
    assert received.log_prob(latents().mean).isfinite().all()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("fit", FITS)
def test_a_seed_repeats_the_fit_and_another_seed_changes_it(fit: str) -> None:
    one, two, other = (last(fit, Plan(6, spread=False), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one.mixture.means, two.mixture.means)
    assert torch.equal(one.trace, two.trace)
    assert one.log_evidence == two.log_evidence
    assert not torch.equal(one.mixture.means, other.mixture.means)


def ring(blobs: int) -> Latents:
    """Tight clusters on a circle; EM from a few seeds merges two of them."""
    angle = torch.arange(300) % blobs * (2 * math.pi / blobs)
    centres = 4 * torch.stack([angle.cos(), angle.sin()], 1)
    x = centres + 0.2 * normal((300, 2), generator(0))
    return Latents(x, torch.full_like(x, 0.01))


def test_em_is_never_worse_than_continuing_from_the_previous_mixture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With only one other start, which alone often ends lower."""
    points, plan = ring(20), Plan(20)

    def fitted(before: GaussianMixture | None, seed: int) -> Fitted:
        *_, answer = mixture_fits.by_em(points, plan, before, seed)
        return answer

    monkeypatch.setattr(mixture_fits, "RESTARTS", 40)
    before = Plan(20, blur=0.05).blurred(fitted(None, 0).mixture)
    monkeypatch.setattr(mixture_fits, "RESTARTS", 1)
    monkeypatch.setattr(mixture_fits, "RESTARTS_LATER", 1)
    worse = 0
    for seed in range(1, 6):
        alone = likelihood(plan, fitted(None, seed).mixture, points)
        answer = fitted(before, seed)
        together = likelihood(plan, answer.mixture, points)
        steps = em_steps(points.mean, before, variance=points.variance)
        *_, further = itertools.islice(steps, answer.trace.shape[1])
        continued = likelihood(plan, further.mixture, points)
        started = answer.trace[1, 0].item()  # the start from the previous mixture
        assert started == pytest.approx(likelihood(plan, before, points), abs=1e-4)
        assert together >= continued - 1e-6
        assert together >= alone - 1e-3
        worse += alone < continued - 0.02
    assert worse >= 3


@pytest.mark.usefixtures("short")
def test_the_likeliest_chain_continues_from_the_previous_mixture() -> None:
    """Chains that begin with the clusters of an earlier round keep the cluster names."""
    plan = Plan(K)
    before = last("EM", plan).mixture.reordered([2, 0, 1])
    for seed in (4, 5):
        found, fresh = (last("Gibbs", plan, each, seed).mixture for each in (before, None))
        assert (found.means - before.means).norm(dim=1).max() < 0.6
        assert (fresh.means - before.means).norm(dim=1).max() > 2


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("fit", ["EM", "Gibbs"])
def test_without_spread_clusters_are_smaller_by_that_of_the_encodings(fit: str) -> None:
    wide, narrow = (last(fit, Plan(1, spread=spread)).mixture for spread in (True, False))
    missing = (wide.covariances - narrow.covariances)[0]
    own = torch.diag(latents().variance[0])
    close = {"EM": 1e-4, "Gibbs": 0.1}[fit]  # Gibbs draws the points
    torch.testing.assert_close(missing, own, rtol=0, atol=close)
    several = [last(fit, Plan(K, spread=spread)).mixture for spread in (True, False)]
    volume = [mixture.covariances.det().sum().item() for mixture in several]
    assert volume[1] < 0.8 * volume[0]


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_mixture_for_the_networks_is_blurred(diagonal: bool) -> None:
    mixture = seeded_mixture(latents().mean, K, generator(0))
    plan = Plan(K, diagonal=diagonal, blur=0.3)
    found = plan.blurred(mixture)
    expected = mixture.covariances + 0.3 * torch.eye(2)
    if diagonal:
        expected = torch.diag_embed(expected.diagonal(dim1=1, dim2=2))
    torch.testing.assert_close(found.covariances, expected)
    assert torch.equal(found.means, mixture.means)
    assert torch.equal(found.weights, mixture.weights)
    exact = Plan(K, diagonal=diagonal).blurred(found)
    torch.testing.assert_close(exact.covariances, found.covariances)


def test_the_evidence_is_that_of_the_assignment() -> None:
    plan = Plan(K)
    answer = last("EM", plan)
    x, variance = latents()
    assignment = answer.mixture.log_joint(x, variance).argmax(1)
    prior = GaussianWishartDirichlet(2)

    def by_hand(cluster: Tensor) -> float:
        return prior.log_evidence(moments_of(x, cluster, K, variance)).item() / POINTS

    assert answer.log_evidence == pytest.approx(by_hand(assignment))
    assert mixture_fits.log_evidence(latents(), plan, assignment) == answer.log_evidence
    shuffled = assignment[torch.randperm(POINTS, generator=generator(0))]
    assert answer.log_evidence > by_hand(shuffled) + 0.2
    assert not math.isclose(
        mixture_fits.log_evidence(latents(), Plan(K, spread=False), assignment),
        answer.log_evidence,
    )
