"""Optimal matchings against all permutations, closed forms and sorting."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from dgm_core.distances.transport import matching, wasserstein, wasserstein_on_a_line
from dgm_core.rng import generator, normal


def test_the_matching_is_the_best_of_all() -> None:
    x, y = normal((2, 6, 2), generator(0))
    costs = [(x - y[list(order)]).norm(dim=1).mean().item() for order in permutations(range(6))]
    assert wasserstein(x, y) == pytest.approx(min(costs), rel=1e-6)
    assert sorted(matching(x, y).tolist()) == list(range(6))


def test_the_distance_of_shifted_points_is_the_shift() -> None:
    x = normal((300, 2), generator(1))
    move = torch.tensor([0.3, -0.4])
    shuffled = (x + move)[torch.randperm(300, generator=generator(2))]
    assert wasserstein(x, shuffled) == pytest.approx(0.5, rel=1e-5)


def test_on_a_line_sorting_is_the_best_matching() -> None:
    x, y = normal((2, 200), generator(3))
    y = 2 * y + 1
    on_a_line = wasserstein_on_a_line(x, y)
    assert on_a_line == pytest.approx(wasserstein(x[:, None], y[:, None]), rel=1e-6)
    assert on_a_line < (x - y).abs().mean()  # the matching in the order of the samples


def test_sorted_samples_approach_the_closed_form() -> None:
    x, y = normal((2, 200_000), generator(4), torch.float64)
    assert wasserstein_on_a_line(x, y + 0.7) == pytest.approx(0.7, abs=0.015)


def test_unequal_sets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"same shape, got \(3, 2\) and \(4, 2\)"):
        wasserstein(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="two rows of n numbers"):
        wasserstein_on_a_line(torch.zeros(3), torch.zeros(4))
