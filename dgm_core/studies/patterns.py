"""The patterns of hidden pixels that samplers and MIWAEs are measured on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.missing import masks
from dgm_core.rng import generator

PATTERNS: dict[str, Callable[[int, int, int], Tensor]] = {
    "50 % at random": lambda height, width, seed: masks.random_pixels(
        height, width, 0.5, generator(seed)
    ),
    "top half": lambda height, width, seed: masks.top_half(height, width),
    "80 % at random": lambda height, width, seed: masks.random_pixels(
        height, width, 0.8, generator(seed)
    ),
}
"""(height, width, number of the image) → mask; the random ones differ from image to image."""


def observed_by(pattern: str, images: Tensor) -> Tensor:
    """The mask of a pattern for each of (N, C, H, W) images: bool, of their shape."""
    make, (height, width) = PATTERNS[pattern], images.shape[2:]
    each = [make(height, width, number)[None] for number in range(len(images))]
    return torch.stack(each).expand(images.shape).to(images.device)
