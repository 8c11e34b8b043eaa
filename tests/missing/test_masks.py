"""Masks hide the pixels that their names state, at any size."""

import pytest
import torch

from dgm_core.missing import masks
from dgm_core.rng import generator


@pytest.mark.parametrize("name", masks.PRESETS)
@pytest.mark.parametrize("size", [(28, 28), (64, 64), (9, 13), (1, 1)])
def test_presets_hide_about_half_of_any_image(name: str, size: tuple[int, int]) -> None:
    observed = masks.PRESETS[name](*size)
    assert observed.shape == size
    assert observed.dtype == torch.bool
    if min(size) > 8:
        assert 0.4 < observed.float().mean() < 0.6


def test_halves_are_complementary() -> None:
    assert torch.equal(masks.top_half(9, 7), ~masks.bottom_half(9, 7))
    assert torch.equal(masks.left_half(9, 7), ~masks.right_half(9, 7))
    assert not masks.top_half(28, 28)[:14].any()
    assert not masks.left_half(28, 28)[:, :14].any()


def test_box_is_cut_off_at_the_border() -> None:
    hidden = ~masks.box(6, 6, -1, 4, 3, 9)
    assert hidden.sum() == 4
    assert hidden[:2, 4:].all()


def test_random_pixels_hides_at_its_rate_independently() -> None:
    observed = masks.random_pixels(400, 400, 0.8, generator(0))
    standard_error = (0.8 * 0.2 / 400**2) ** 0.5
    assert abs((~observed).float().mean() - 0.8) < 4 * standard_error
    assert torch.equal(observed, masks.random_pixels(400, 400, 0.8, generator(0)))
    assert masks.random_pixels(5, 5, 0.0, generator(0)).all()
    assert not masks.random_pixels(5, 5, 1.0, generator(0)).any()
    with pytest.raises(ValueError, match="rate"):
        masks.random_pixels(5, 5, 1.5, generator(0))
