"""Weights as 8-bit integers, with one scale per output of a matrix.

    w ≈ s q,   q ∈ {−127, …, 127},   s = max |w| / 127 of each row of the first dimension

The rounding error is at most s / 2. Vectors and small matrices are stored in half precision,
because 8 bits would save little there.

    >>> weights = {"w": torch.linspace(-1, 1, 8192).reshape(2, 4096)}
    >>> packed = pack(weights)
    >>> packed["w"].dtype, bool((unpack(packed)["w"] - weights["w"]).abs().max() < 1 / 127)
    (torch.int8, True)
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALL = 4096
"""Tensors with fewer numbers than this are stored in half precision."""

SCALE = ".scale"
"""Suffix that makes the name of a tensor the name of its scales."""


def pack(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert tensors (R, …) to int8 with float16 scales (R,); small ones to float16."""
    packed = {}
    for name, value in weights.items():
        if value.dim() < 2 or value.numel() < SMALL:
            packed[name] = value.half()
            continue
        scale = (value.float().flatten(1).abs().amax(1) / 127).half()
        # A row whose scale is zero in half precision becomes zeros.
        divisor = torch.where(scale > 0, scale.float(), torch.inf)
        shaped = divisor.reshape(-1, *[1] * (value.dim() - 1))
        packed[name] = (value.float() / shaped).round().clamp(-127, 127).to(torch.int8)
        packed[name + SCALE] = scale
    return packed


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """Invert `pack`, up to rounding; tensors without scales stay as they are.

    Raises:
        KeyError: an int8 tensor has no scales.
    """
    weights = {}
    for name, value in packed.items():
        if value.dtype == torch.int8:
            scale = packed[name + SCALE].float()
            weights[name] = value.float() * scale.reshape(-1, *[1] * (value.dim() - 1))
        elif name.removesuffix(SCALE) == name or name.removesuffix(SCALE) not in packed:
            weights[name] = value
    return weights
