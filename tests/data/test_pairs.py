"""Pairs of distributions in the plane and their exact distances."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.data.pairs import PAIRS, clouds
from dgm_core.data.plane import Mixture, Moons, Segment, grid_of_gaussians, ring_of_gaussians
from dgm_core.distances.divergences import DIVERGENCES
from dgm_core.distances.transport import wasserstein
from dgm_core.rng import generator

THETAS = torch.tensor([0.0, 0.5, 2.0])


@pytest.mark.parametrize("name", PAIRS)
def test_samples_have_the_stated_distances(name: str) -> None:
    pair = PAIRS[name]
    x, y = pair.sample(THETAS, 700, generator(0))
    assert x.shape == y.shape == (3, 700, 2)
    _, other = pair.sample(torch.zeros(1), 700, generator(1))
    floor = wasserstein(x[0], other[0])
    for k, theta in enumerate(THETAS.tolist()):
        true_value = pair.true_value(DIVERGENCES["wasserstein"], theta)
        assert true_value == theta
        found = wasserstein(x[k], y[k])
        assert true_value - 0.1 < found < true_value + 1.5 * floor


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_noise_moves_each_point_by_theta(name: str) -> None:
    x, y = PAIRS[name].coupled(THETAS, 50, seed=4)
    away = torch.linalg.vector_norm(y - x, dim=-1)
    torch.testing.assert_close(away, THETAS[:, None].expand(3, 50), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["segments", "circles"])
def test_divergences_of_disjoint_distributions_only_depend_on_equality(name: str) -> None:
    for measure in DIVERGENCES.values():
        if not measure.is_wasserstein:
            assert PAIRS[name].true_value(measure, 0.0) == 0
            assert PAIRS[name].true_value(measure, 0.1) == measure.most


def test_a_mixture_moved_onto_itself_is_closer_except_for_wasserstein() -> None:
    pair = PAIRS["mixture"]
    half, whole = (pair.true_value(DIVERGENCES["hellinger"], theta) for theta in (0.5, 1.0))
    assert whole < 0.5 < half
    assert pair.true_value(DIVERGENCES["wasserstein"], 1.0) == 1


def test_a_mixture_is_the_density_of_its_samples() -> None:
    distribution = Mixture(((0.0, 0.0), (2.0, 1.0), (2.0, 1.0)), 0.3)
    x = distribution.sample(100_000, generator(0))
    near = (x - torch.tensor([2.0, 1.0])).norm(dim=1) < 0.1
    inside = distribution.log_density(torch.tensor([2.0, 1.0])).exp().item() * math.pi * 0.1**2
    # The density falls off within the disc, by less than the fraction at its edge.
    assert 0.94 * inside < near.float().mean().item() < 1.03 * inside


def test_clouds_have_exact_densities_and_a_matching() -> None:
    pair = clouds(((0.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (1.0, 1.0)), 0.05)
    assert pair.true_value(DIVERGENCES["wasserstein"], 0.0) == pytest.approx(1.0, abs=0.01)
    assert pair.true_value(DIVERGENCES["wasserstein"], -0.75) == pytest.approx(0.25, abs=0.01)
    assert pair.true_value(DIVERGENCES["hellinger"], -1.0) == pytest.approx(0.0, abs=1e-9)
    # 20 standard deviations apart: log p/q is in the hundreds.
    assert pair.true_value(DIVERGENCES["kullback-leibler"], 0.0) == pytest.approx(200, rel=1e-3)


def test_clouds_of_unequal_shape_are_matched_nearly_exactly() -> None:
    # Three points onto two: half of the middle one goes to each side, √1.25 away.
    pair = clouds(((0.0, 0.0), (0.0, 1.0), (0.0, 2.0)), ((1.0, 0.5), (1.0, 1.5)), 0.02)
    assert pair.true_value(DIVERGENCES["wasserstein"], 0.0) == pytest.approx(1.25**0.5, abs=0.01)


def test_distributions_have_the_stated_positions() -> None:
    assert len(ring_of_gaussians().centres) == 8
    assert len(grid_of_gaussians().centres) == 25
    for distribution in (Segment(), Moons(), ring_of_gaussians(), grid_of_gaussians()):
        x = distribution.sample(500, generator(0))
        assert x.shape == (500, 2)
        assert x.abs().max() < 3
        assert torch.equal(x, distribution.sample(500, generator(0)))
    with pytest.raises(ValueError, match="at least one centre"):
        Mixture((), 1.0)
