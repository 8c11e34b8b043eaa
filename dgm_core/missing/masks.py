"""Shapes of masks: height and width → `observed`, bool (H, W), True = observed.

`PRESETS` maps a name to a mask for any image size; every test of masks runs over it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.rng import uniform


def random_pixels(height: int, width: int, rate: float, generator: torch.Generator) -> Tensor:
    """Mask that hides each pixel independently with probability `rate` (MCAR).

    Raises:
        ValueError: `rate` is not in [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"expected a rate in [0, 1], got {rate}")
    return uniform((height, width), generator).to("cpu") >= rate


def box(height: int, width: int, top: int, left: int, box_height: int, box_width: int) -> Tensor:
    """Mask that hides a rectangle; parts outside the image are cut off."""
    observed = torch.ones(height, width, dtype=torch.bool)
    rows = slice(max(top, 0), max(top + box_height, 0))
    columns = slice(max(left, 0), max(left + box_width, 0))
    observed[rows, columns] = False
    return observed


def top_half(height: int, width: int) -> Tensor:
    """Mask that hides the top half."""
    return box(height, width, 0, 0, height // 2, width)


def bottom_half(height: int, width: int) -> Tensor:
    """Mask that hides the bottom half."""
    return box(height, width, height // 2, 0, height - height // 2, width)


def left_half(height: int, width: int) -> Tensor:
    """Mask that hides the left half."""
    return box(height, width, 0, 0, height, width // 2)


def right_half(height: int, width: int) -> Tensor:
    """Mask that hides the right half."""
    return box(height, width, 0, width // 2, height, width - width // 2)


def stripes(height: int, width: int, period: int = 4) -> Tensor:
    """Mask that hides horizontal stripes: the second half of every `period` rows."""
    rows = torch.arange(height) % period < (period + 1) // 2
    return rows[:, None].expand(height, width).clone()


def checkerboard(height: int, width: int, cell: int = 2) -> Tensor:
    """Mask that hides every second square of `cell` × `cell` pixels."""
    rows, columns = torch.arange(height) // cell, torch.arange(width) // cell
    return (rows[:, None] + columns[None, :]) % 2 == 0


PRESETS: dict[str, Callable[[int, int], Tensor]] = {
    "top half": top_half,
    "bottom half": bottom_half,
    "left half": left_half,
    "right half": right_half,
    "stripes": stripes,
    "checkerboard": checkerboard,
}
"""Name → mask without further settings."""
