"""Deskewing of handwriting, on drawings with a known slant."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgm_core import data
from dgm_core.data.deskew import deskew


def moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Centre of mass (row, column) and covariance of rows with columns, pixels."""
    rows = torch.arange(x.shape[2])[:, None]
    columns = torch.arange(x.shape[3])
    weight = x[:, 0] / x[:, 0].sum((1, 2), keepdim=True)
    row, column = (weight * rows).sum((1, 2)), (weight * columns).sum((1, 2))
    off = (rows - row[:, None, None]) * (columns - column[:, None, None])
    return row, column, (weight * off).sum((1, 2))


def stroke(slope: float, side: int = 28) -> Tensor:
    """A stroke with Gaussian cross-section that moves `slope` columns per row, off the centre."""
    rows = torch.arange(side, dtype=torch.float32)[:, None]
    columns = torch.arange(side, dtype=torch.float32)
    middle = side / 2 + 1 + slope * (rows - side / 2)
    along = torch.exp(-((rows - side / 2) ** 2) / 40)
    return (along * torch.exp(-((columns - middle) ** 2) / 4))[None, None]


@pytest.mark.parametrize("slope", [-0.7, 0.0, 0.4])
def test_a_slanted_stroke_becomes_the_vertical_one(slope: float) -> None:
    vertical, found = deskew(stroke(0.0)), deskew(stroke(slope))
    assert (vertical - found).abs().max() < 0.03  # of bilinear interpolation
    if slope:
        assert (vertical - stroke(slope)).abs().max() > 0.5


def test_columns_and_rows_are_uncorrelated_and_the_ink_is_centred() -> None:
    x = data.load("digits", "train").x[:200]
    row, column, covariance = moments(deskew(x))
    assert (row - 13.5).abs().max() < 0.1
    assert (column - 13.5).abs().max() < 0.1
    assert covariance.abs().mean() < 0.1 * moments(x)[2].abs().mean()


def test_images_that_are_not_square_are_sheared_by_the_same_rule() -> None:
    wide = torch.nn.functional.pad(stroke(0.5), (6, 6))
    found = deskew(wide)
    assert (found[:, :, :, 6:-6] - deskew(stroke(0.5))).abs().max() < 0.02


def test_an_empty_image_and_a_dash_stay_in_the_frame() -> None:
    x = torch.zeros(2, 1, 28, 28)
    x[1, 0, 14, 8:20] = 1
    found = deskew(x)
    assert torch.equal(found[0], x[0])
    assert found[1].sum() == pytest.approx(12, rel=0.05)


def test_a_colour_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(B, 1, H, W\)"):
        deskew(torch.zeros(2, 3, 8, 8))
