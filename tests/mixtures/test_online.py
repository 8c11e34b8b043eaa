"""Online EM: with all points it equals EM, with few it ends where EM does."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from dgm_core.mixtures import GaussianMixture, em_steps, online_em_step, seeded_mixture
from dgm_core.mixtures.em import maximised
from dgm_core.mixtures.online import moments_per_point
from dgm_core.rng import generator, uniform
from tests.mixtures.toys import three_clusters

PARTS = ("weights", "means", "covariances")


def uncertain() -> tuple[Tensor, Tensor]:
    """Points of three clusters, each with a variance that is not negligible."""
    x, _ = three_clusters(400)
    return x, 0.02 + 0.2 * uniform(tuple(x.shape), generator(7), x.dtype)


def off(one: GaussianMixture, other: GaussianMixture) -> float:
    """The largest difference between the numbers of two mixtures."""
    return max((getattr(one, of) - getattr(other, of)).abs().max().item() for of in PARTS)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("floor", [1e-3, 0.4])
@pytest.mark.parametrize("certain", [False, True])
def test_a_step_of_one_is_a_step_of_em(diagonal: bool, floor: float, certain: bool) -> None:
    x, variance = uncertain()
    spread = None if certain else variance
    first, second = itertools.islice(
        em_steps(
            x, seeded_mixture(x, 4, generator(0)), floor=floor, variance=spread, diagonal=diagonal
        ),
        2,
    )
    found = online_em_step(first.mixture, x, 1.0, variance=spread, floor=floor, diagonal=diagonal)
    assert off(found, second.mixture) < 1e-10
    assert off(found, first.mixture) > 1e-3
    assert found.diagonal == diagonal
    if not certain:
        of_means = online_em_step(first.mixture, x, 1.0, floor=floor, diagonal=diagonal)
        assert off(found, of_means) > 1e-2


@pytest.mark.parametrize("diagonal", [False, True])
def test_small_steps_over_batches_end_where_em_does(diagonal: bool) -> None:
    x, variance = uncertain()
    start = seeded_mixture(x, 3, generator(0))
    *_, last = itertools.islice(em_steps(x, start, variance=variance, diagonal=diagonal), 400)
    mixture, distance, source = start, {}, generator(1)
    for step_size in (0.1, 0.01):
        distances = []
        for _ in range(800):
            rows = torch.randint(len(x), (50,), generator=source)
            mixture = online_em_step(
                mixture, x[rows], step_size, variance=variance[rows], diagonal=diagonal
            )
            distances.append(off(mixture, last.mixture))
        distance[step_size] = sum(distances[-200:]) / 200
    # The rest is the noise of the batches; it falls with the square root of the step size.
    assert off(start, last.mixture) > 0.1
    assert distance[0.01] < 0.04
    assert 2 < distance[0.1] / distance[0.01] < 5
    # It stays there: with all points, a step of any size changes nothing.
    still = online_em_step(last.mixture, x, 0.3, variance=variance, diagonal=diagonal)
    assert off(still, last.mixture) < 1e-6


def test_a_step_lies_between_the_previous_moments_and_those_of_the_batch() -> None:
    x, variance = uncertain()
    mixture = seeded_mixture(x, 3, generator(0))
    r = mixture.responsibilities(x[:50], variance[:50])
    counts = 0.9 * mixture.weights + 0.1 * r.mean(0)
    sums = 0.9 * mixture.weights[:, None] * mixture.means + 0.1 * r.T @ x[:50] / 50
    found = online_em_step(mixture, x[:50], 0.1, variance=variance[:50])
    torch.testing.assert_close(found.weights, counts)
    torch.testing.assert_close(found.means, sums / counts[:, None])
    for k in range(3):
        own = mixture.covariances[k] + mixture.means[k].outer(mixture.means[k])
        each = x[:50, :, None] * x[:50, None] + torch.diag_embed(variance[:50])
        batch = (r[:, k, None, None] * each).mean(0)
        square = (0.9 * mixture.weights[k] * own + 0.1 * batch) / counts[k]
        by_hand = square - found.means[k].outer(found.means[k])
        torch.testing.assert_close(found.covariances[k], by_hand)


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_mixture_is_the_m_step_of_its_own_moments(diagonal: bool) -> None:
    x, _ = three_clusters()
    mixture = seeded_mixture(x, 4, generator(0))
    if diagonal:
        mixture = GaussianMixture(mixture.weights, mixture.means, mixture.variances.sqrt())
    again = maximised(moments_per_point(mixture), mixture, 1e-6, diagonal)
    assert off(again, mixture) < 1e-12
    assert again.diagonal == diagonal


@pytest.mark.parametrize("diagonal", [False, True])
def test_no_cluster_becomes_narrower_than_the_floor(diagonal: bool) -> None:
    x = torch.zeros(40, 2, dtype=torch.float64)  # where a cluster would shrink without the floor
    mixture = seeded_mixture(three_clusters()[0], 2, generator(0))
    for _ in range(200):
        mixture = online_em_step(mixture, x, 0.2, floor=0.05, diagonal=diagonal)
    least = torch.linalg.eigvalsh(mixture.covariances).min().item()
    assert least == pytest.approx(0.05)


@pytest.mark.parametrize("step", [0.0, -0.1, 1.5, float("nan")])
def test_a_step_out_of_its_range_is_refused(step: float) -> None:
    x, _ = three_clusters(20)
    with pytest.raises(ValueError, match=f"step above 0 and at most 1, got {step}"):
        online_em_step(seeded_mixture(x, 2, generator(0)), x, step)
