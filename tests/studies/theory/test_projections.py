"""Projections on the line against SciPy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from dgm_core.distances.transport import wasserstein_on_a_line
from dgm_core.rng import generator, normal
from dgm_core.studies.theory.projections import (
    gaussian_targets,
    nearest_gaussian,
    nearest_point,
    to_a_point,
)


def sample(count: int, seed: int = 0) -> torch.Tensor:
    return normal((count,), generator(seed), torch.float64).exp()  # skewed


@pytest.mark.parametrize("power", [1, 2, 3.5])
def test_the_cost_is_the_distance_to_copies_of_the_point(power: float) -> None:
    x = sample(9)
    for c in (-1.0, 0.3, 2.0):
        copies = torch.full_like(x, c)
        found = to_a_point(x, torch.tensor([c]), power).item()
        assert found == pytest.approx(wasserstein_on_a_line(x, copies, power))
        if power == 1:
            assert found == pytest.approx(stats.wasserstein_distance(x, [c]))


@pytest.mark.parametrize("count", [7, 8])
def test_median_mean_and_midrange_are_the_nearest_points(count: int) -> None:
    x = sample(count)
    assert nearest_point(x, 1) == pytest.approx(np.median(x))
    assert nearest_point(x, 2) == pytest.approx(x.mean().item(), rel=1e-12)
    middle = (x.min() + x.max()).item() / 2
    assert nearest_point(x, 100) == pytest.approx(middle, abs=0.02)


@pytest.mark.parametrize("power", [1.0, 1.2, 2.0, 3.0, 7.5, 100.0])
def test_nothing_is_nearer_than_the_nearest_point(power: float) -> None:
    x = sample(12, seed=3)
    grid = torch.linspace(x.min().item(), x.max().item(), 20_001, dtype=torch.float64)
    best = nearest_point(x, power)
    found = to_a_point(x, torch.tensor([best], dtype=torch.float64), power).item()
    assert found <= to_a_point(x, grid, power).min().item() * (1 + 1e-12)
    far = to_a_point(x, torch.tensor([best + 0.2], dtype=torch.float64), power).item()
    assert far > found + 1e-4


def test_an_outlier_moves_the_mean_and_not_the_median() -> None:
    x = sample(11)
    moved = torch.where(x == x.max(), x + 100, x)
    assert nearest_point(moved, 1) == nearest_point(x, 1)
    assert nearest_point(moved, 2) == pytest.approx(nearest_point(x, 2) + 100 / 11)


def test_between_two_samples_it_is_scipy_s_distance() -> None:
    x, y = sample(30, 1), sample(30, 2)
    assert wasserstein_on_a_line(x, y) == pytest.approx(stats.wasserstein_distance(x, y))
    cost = (x[:, None] - y).abs() ** 2
    pairs = optimize.linear_sum_assignment(cost)
    assert wasserstein_on_a_line(x, y, 2) == pytest.approx(cost[pairs].mean().item() ** 0.5)
    with pytest.raises(ValueError, match="a power of at least 1"):
        wasserstein_on_a_line(x, y, 0.5)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def w2_to_gaussian(x: torch.Tensor, mean: float, sd: float) -> float:
    """Means of the slices by quadrature over z, from the definition."""
    edges = np.clip(stats.norm.ppf(np.linspace(0, 1, len(x) + 1)), -12, 12)
    low, high = edges[:-1, None], edges[1:, None]
    z = low + (high - low) * (NODES + 1) / 2
    costs = (x.sort().values.numpy()[:, None] - mean - sd * z) ** 2 * stats.norm.pdf(z)
    return float(((high - low) / 2 * WEIGHTS * costs).sum() ** 0.5)


def test_the_nearest_gaussian_minimises_the_quadrature() -> None:
    x = sample(10)
    found = nearest_gaussian(x)
    assert found.distance == pytest.approx(w2_to_gaussian(x, found.mean, found.sd))
    best = optimize.minimize(
        lambda p: w2_to_gaussian(x, *p), [0.5, 0.5], method="Nelder-Mead", tol=1e-6
    )
    assert best.x == pytest.approx([found.mean, found.sd], abs=1e-4)
    # Moment matching is another projection, and further away.
    assert found.sd < found.moment == pytest.approx(x.std(correction=0).item())
    assert w2_to_gaussian(x, found.mean, found.moment) > found.distance + 1e-3


def test_both_projections_agree_for_many_gaussian_draws() -> None:
    found = nearest_gaussian(normal((100_000,), generator(5), torch.float64) * 3 + 1)
    assert found.sd == pytest.approx(found.moment, rel=1e-4)
    assert abs(found.sd - 3) < 4 * 3 / (2 * 100_000) ** 0.5
    assert found.distance < 0.05


def test_slices_are_ordered_and_have_the_mean_of_the_gaussian() -> None:
    x = torch.tensor([3.0, -1.0, 0.5, 10.0])
    targets = gaussian_targets(x, 2.0, 0.7)
    assert targets.argsort().tolist() == x.argsort().tolist()
    assert targets.mean().item() == pytest.approx(2.0)
    edges = stats.norm.ppf([0, 0.25, 0.5, 0.75, 1])
    third = stats.truncnorm(edges[2], edges[3]).mean()
    assert targets[0].item() == pytest.approx(2 + 0.7 * third)


def test_one_point_is_its_own_projection() -> None:
    x = torch.tensor([1.5])
    assert nearest_point(x, 1) == nearest_point(x, 2) == nearest_point(x, 9) == 1.5
    found = nearest_gaussian(x)
    assert found == pytest.approx((1.5, 0, 0, 0))


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match=r"sample of shape \(n,\)"):
        nearest_point(torch.zeros(0))
    with pytest.raises(ValueError, match="a power from 1 to 100"):
        to_a_point(torch.zeros(2), torch.zeros(1), 0.5)
