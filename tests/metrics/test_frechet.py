"""Distances between sets of features: closed forms, naive loops, and wrong variants that fail."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgm_core.metrics.frechet import frechet_distance, nearest, precision_recall
from dgm_core.rng import generator


def whitened(count: int, features: int, seed: int = 0) -> Tensor:
    """Rows with mean exactly 0 and covariance exactly I."""
    x = torch.randn(count, features, generator=generator(seed), dtype=torch.float64)
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T


def test_diagonal_gaussians_give_the_closed_form() -> None:
    """‖m₁ − m₂‖² + Σ (σ₁ − σ₂)²; the distance of means or of variances alone is different."""
    s1, s2 = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([3.0, 2.0, 0.0]).double()
    m = torch.tensor([1.0, -2.0, 0.0]).double()
    a, b = whitened(200, 3) * s1, whitened(300, 3, seed=1) * s2 + m
    right = m.square().sum() + (s1 - s2).square().sum()
    assert frechet_distance(a, b) == pytest.approx(right.item(), rel=1e-9)
    of_variances = m.square().sum() + (s1**2 - s2**2).square().sum()
    assert abs(frechet_distance(a, b) - of_variances) > 1


def test_commuting_covariances_give_the_distance_of_their_roots() -> None:
    """C = Q diag(σ²) Qᵀ with the same Q: W2² = Σ (σ₁ − σ₂)² for every rotation Q."""
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=generator(2), dtype=torch.float64)).Q
    s1, s2 = torch.tensor([1.0, 2.0, 3.0, 4.0]).double(), torch.tensor([2.0, 2, 1, 7]).double()
    a, b = whitened(90, 4) * s1 @ rotation.T, whitened(80, 4, 1) * s2 @ rotation.T
    assert frechet_distance(a, b) == pytest.approx(14.0, rel=1e-9)


def test_other_covariances_give_the_formula_with_the_matrix_root() -> None:
    def covariance(x: Tensor) -> Tensor:
        return torch.cov(x.T)

    a = torch.randn(60, 3, generator=generator(0), dtype=torch.float64)
    b = torch.randn(70, 3, generator=generator(1), dtype=torch.float64)
    b = b @ torch.tensor([[1, 2, 0], [0, 1, -1], [1, 0, 3.0]]).double() + 1
    root = torch.linalg.eigvals(covariance(a) @ covariance(b)).real.sqrt().sum()
    naive = (
        (a.mean(0) - b.mean(0)).square().sum()
        + covariance(a).trace()
        + covariance(b).trace()
        - 2 * root
    )
    assert frechet_distance(a, b) == pytest.approx(naive.item(), rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(naive.item(), rel=1e-9)


def test_a_set_has_distance_zero_to_itself_even_with_a_constant_feature() -> None:
    a = torch.randn(50, 6, generator=generator(0))
    a[:, 2] = 1.0
    assert frechet_distance(a, a.clone()) == pytest.approx(0.0, abs=1e-5)


def test_smaller_samples_of_one_distribution_are_further_apart() -> None:
    """The floor is of the order F / N, far above 0; a distance must be compared with it."""

    def floor(count: int) -> float:
        a, b = (torch.randn(count, 10, generator=generator(seed)) for seed in (0, 1))
        return frechet_distance(a, b)

    assert floor(100) > 5 * floor(1000) > 0


def naive(real: Tensor, made: Tensor, k: int) -> tuple[float, float]:
    def covered_fraction(points: Tensor, of: Tensor) -> float:
        inside = 0
        for p in points:
            radii = [sorted((o - q).norm() for q in of)[k] for o in of]
            inside += any((p - o).norm() <= r for o, r in zip(of, radii, strict=True))
        return inside / len(points)

    return covered_fraction(made, real), covered_fraction(real, made)


def test_precision_and_recall_are_those_of_a_naive_loop() -> None:
    real = torch.randn(20, 2, generator=generator(0), dtype=torch.float64)
    made = 1.5 * torch.randn(16, 2, generator=generator(1), dtype=torch.float64) + 0.5
    assert precision_recall(real, made) == pytest.approx(naive(real, made, 3))


def test_precision_and_recall_distinguish_poor_images_from_missing_ones() -> None:
    left = torch.randn(200, 2, generator=generator(0))
    real = torch.cat([left, torch.randn(200, 2, generator=generator(1)) + 20])
    missing_half = precision_recall(real, torch.randn(400, 2, generator=generator(2)))
    assert missing_half.precision > 0.9
    assert missing_half.recall == pytest.approx(0.5, abs=0.05)
    half_poor = torch.cat([real[::2] + 0.01, torch.randn(200, 2, generator=generator(3)) - 30])
    poor = precision_recall(real, half_poor)
    assert poor.precision == pytest.approx(0.5, abs=0.02)
    assert poor.recall > 0.9
    assert precision_recall(real, real) == (1.0, 1.0)


def test_the_nearest_is_found_over_all_entries() -> None:
    among = torch.rand(40, 1, 5, 5, generator=generator(0))
    points = among[[7, 31]] + 0.01 * torch.rand(2, 1, 5, 5, generator=generator(1))
    found = nearest(points, among)
    assert found.rows.tolist() == [7, 31]
    torch.testing.assert_close(found.distances, (points - among[[7, 31]]).flatten(1).norm(dim=1))


def test_inputs_of_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        frechet_distance(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"\(5, 3\) and \(5, 4\)"):
        frechet_distance(torch.zeros(5, 3), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="more than 3 rows"):
        precision_recall(torch.zeros(3, 2), torch.zeros(9, 2))
