"""Deskewing of handwritten characters by their second moments.

With ink w(u, v) ≥ 0 at column u and row v, its centre (ū, v̄) and

    μ_vv = Σ w (v − v̄)² / Σ w,   μ_uv = Σ w (u − ū)(v − v̄) / Σ w,   α = μ_uv / μ_vv,

the image is resampled at (u + α (v − v̄), v) around its centre of mass. After this shear the
columns and rows of the ink are uncorrelated (LeCun, Bottou, Bengio & Haffner 1998, "deslanting").
Slant carries no information about the digit, but it changes most of the pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

STEEPEST = 2.0
"""Limit of |α|, columns per row: above any handwriting, so that a flat dash stays flat."""


def deskew(x: Tensor) -> Tensor:
    """Images (B, 1, H, W) of ink on black, in [0, 1], deskewed and centred at their mass.

    Interpolation is bilinear. An image without ink is returned unchanged.

    Raises:
        ValueError: the images do not have one channel.
    """
    if x.dim() != 4 or x.shape[1] != 1:
        raise ValueError(f"expected images of shape (B, 1, H, W), got {tuple(x.shape)}")
    height, width = x.shape[2:]
    rows = torch.arange(height, dtype=x.dtype, device=x.device)[:, None]
    columns = torch.arange(width, dtype=x.dtype, device=x.device)
    ink = x[:, 0]
    mass = ink.sum((1, 2))
    has_ink = mass > 0
    mass = torch.where(has_ink, mass, 1)
    row = (ink * rows).sum((1, 2)) / mass
    column = (ink * columns).sum((1, 2)) / mass
    down = rows - row[:, None, None]
    along = columns - column[:, None, None]
    covariance = (ink * down * along).sum((1, 2))
    variance = (ink * down.square()).sum((1, 2))
    shear = (covariance / variance.clamp_min(1e-6)).clamp(-STEEPEST, STEEPEST)
    # `affine_grid` puts the centres of the outermost pixels at −1 and 1.
    half_row, half_column = (height - 1) / 2, (width - 1) / 2
    move = x.new_zeros(len(x), 2, 3)
    move[:, 0, 0] = move[:, 1, 1] = 1
    move[:, 0, 1] = shear * half_row / half_column
    move[:, 0, 2] = (column - half_column) / half_column
    move[:, 1, 2] = (row - half_row) / half_row
    grid = affine_grid(move, list(x.shape), align_corners=True)
    moved = grid_sample(x, grid, align_corners=True).clamp(0, 1)
    return torch.where(has_ink[:, None, None, None], moved, x)
