"""Batches of masks: proportions and positions of each kind."""

import pytest
import torch

from dgm_core.missing import mixed_masks
from dgm_core.missing.mixed_masks import Proportions
from dgm_core.rng import generator

COUNT = 4000


def hidden_of(proportions: Proportions, size: tuple[int, int] = (28, 28)) -> torch.Tensor:
    observed = mixed_masks.mixed(COUNT, *size, generator(3), proportions)
    assert observed.shape == (COUNT, 1, *size)
    return ~observed[:, 0]


def sides(hidden: torch.Tensor) -> torch.Tensor:
    """Height and width of the hidden pixels, (B, 2); asserts that they form a rectangle."""
    found = torch.stack([hidden.any(2).sum(1), hidden.any(1).sum(1)], 1)
    assert torch.equal(hidden.sum((1, 2)), found.prod(1))
    return found


def test_squares_are_half_the_sides_and_reach_every_border() -> None:
    hidden = hidden_of(Proportions(1.0, 0.0, 0.0))
    assert (sides(hidden) == 14).all()
    for border in (hidden[:, 0], hidden[:, -1], hidden[:, :, 0], hidden[:, :, -1]):
        fraction = border.any(1).float().mean().item()
        assert abs(fraction - 1 / 15) < 5 * (1 / 15 * 14 / 15 / COUNT) ** 0.5


def test_boxes_have_every_side_from_a_quarter_to_three_quarters() -> None:
    found = sides(hidden_of(Proportions(0.0, 1.0, 0.0), (32, 28)))
    assert found.amin(0).tolist() == [8, 7]
    assert found.amax(0).tolist() == [24, 21]
    counts = torch.bincount(found[:, 0], minlength=25)[8:]
    expected = COUNT / 17
    assert (counts - expected).abs().max() < 5 * expected**0.5


def test_halves_are_the_four_halves() -> None:
    hidden = hidden_of(Proportions(0.0, 0.0, 1.0))
    kinds = {tuple(mask[[0, -1, 14, 14], [14, 14, 0, -1]].tolist()) for mask in hidden}
    assert len(kinds) == 4
    assert (hidden.sum((1, 2)) == 14 * 28).all()


def test_the_rest_are_random_pixels_at_rates_from_20_to_90_percent() -> None:
    rate = hidden_of(Proportions(0.0, 0.0, 0.0)).float().mean((1, 2))
    assert 0.1 < rate.min() < 0.25
    assert 0.85 < rate.max() < 0.97
    assert abs(rate.mean() - 0.55) < 5 * (0.7 / 12**0.5) / COUNT**0.5


@pytest.mark.parametrize("hole", [(14, 14), (10, 15), (28, 28), (1, 3)])
def test_holes_have_the_requested_size_and_lie_inside(hole: tuple[int, int]) -> None:
    observed = mixed_masks.holes(500, 28, 28, hole, generator(1))
    assert (sides(~observed[:, 0]) == torch.tensor(hole)).all()
