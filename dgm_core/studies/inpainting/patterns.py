"""Patterns of hidden pixels used to measure samplers and MIWAEs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.missing import masks
from dgm_core.rng import generator

Pattern = Callable[[int, int, int], Tensor]
"""(height, width, number of the image) → mask; random masks differ between images."""


def _at_random(rate: float) -> Pattern:
    return lambda height, width, seed: masks.random_pixels(height, width, rate, generator(seed))


def _half(name: str) -> Pattern:
    return lambda height, width, seed: masks.PRESETS[name](height, width)


RATES = (40, 50, 60, 70, 80)
"""Missing rates in per cent."""
HALVES = ("top half", "bottom half", "left half", "right half")
MISSING: dict[str, Pattern] = {f"{rate} % at random": _at_random(rate / 100) for rate in RATES} | {
    name: _half(name) for name in HALVES
}
"""Name → pattern. The pixels hidden at one rate are also hidden at every higher rate."""
PATTERNS = {name: MISSING[name] for name in ("50 % at random", "top half", "80 % at random")}
"""The patterns in model cards and tables."""


def observed_by(pattern: str, images: Tensor) -> Tensor:
    """Mask of a pattern for each of (N, C, H, W) images: bool, of their shape."""
    make, (height, width) = MISSING[pattern], images.shape[2:]
    per_image = [make(height, width, number)[None] for number in range(len(images))]
    return torch.stack(per_image).expand(images.shape).to(images.device)
