"""Batches of random masks of several kinds, for training models that fill in hidden pixels.

A model trained with a single mask fails with any other mask.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Proportions(NamedTuple):
    """Probability of each kind of mask; the rest are random pixels, 20 to 90 % hidden."""

    square: float = 0.45  # a rectangle with half of the image's height and width, inside it
    box: float = 0.35  # a rectangle, each side a quarter to three quarters of the image's
    half: float = 0.08  # top, bottom, left or right


def mixed(
    count: int,
    height: int,
    width: int,
    generator: torch.Generator,
    proportions: Proportions | None = None,
) -> Tensor:
    """Masks, each of a kind drawn by `proportions`: (B, 1, H, W) bool, True = observed."""
    kind = _uniform(count, generator)[:, 0, 0]
    limits = torch.tensor(proportions or Proportions(), device=kind.device).cumsum(0)
    size = torch.tensor([height, width], device=kind.device)
    square = (size // 2).expand(count, 2)
    box = _whole(size // 4, size - size // 4, count, generator)
    hidden = torch.where(
        (kind < limits[0])[:, None, None],
        _boxes(square, height, width, generator),
        _boxes(box, height, width, generator),
    )
    halves = _halves(count, height, width, generator)
    hidden = torch.where((kind < limits[1])[:, None, None], hidden, halves)
    rate = 0.2 + 0.7 * _uniform(count, generator)
    pixels = torch.rand(count, height, width, generator=generator, device=kind.device) < rate
    hidden = torch.where((kind < limits[2])[:, None, None], hidden, pixels)
    return ~hidden[:, None]


def holes(
    count: int, height: int, width: int, hole: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Masks with one rectangular hole of a given height and width: (B, 1, H, W) bool."""
    sides = torch.tensor(hole, device=generator.device).expand(count, 2)
    return ~_boxes(sides, height, width, generator)[:, None]


def _boxes(sides: Tensor, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Rectangles of `sides` (B, 2) at random positions inside: (B, H, W), True = in it."""
    size = torch.tensor([height, width], device=sides.device)
    corner = _whole(torch.zeros_like(sides), size - sides, len(sides), generator)
    rows = torch.arange(height, device=sides.device)
    columns = torch.arange(width, device=sides.device)
    in_rows = (rows >= corner[:, :1]) & (rows < corner[:, :1] + sides[:, :1])
    in_columns = (columns >= corner[:, 1:]) & (columns < corner[:, 1:] + sides[:, 1:])
    return in_rows[:, :, None] & in_columns[:, None, :]


def _halves(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    rows = torch.arange(height, device=generator.device)[:, None].expand(height, width)
    columns = torch.arange(width, device=generator.device)[None].expand(height, width)
    first = torch.stack([rows < height // 2, columns < width // 2])
    kinds = torch.cat([first, ~first])
    return kinds[torch.randint(4, (count,), generator=generator, device=kinds.device)]


def _whole(low: Tensor, high: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Integers, uniform on low … high: (B, 2)."""
    spread = (high - low + 1).expand(count, 2)
    u = torch.rand(count, 2, generator=generator, device=generator.device)
    return low + torch.minimum((u * spread).long(), spread - 1)


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, generator=generator, device=generator.device)
