"""Weights in a byte each: whole numbers, and one scale for all that lead to the same output.

    w ≈ s q,   q ∈ {−127, …, 127},   s = max |w| / 127 of each row of the first dimension

Rounding is off by at most s / 2. Vectors and small matrices stay in half precision, where a byte
would save nothing.

    >>> weights = {"w": torch.linspace(-1, 1, 8192).reshape(2, 4096)}
    >>> packed = pack(weights)
    >>> packed["w"].dtype, bool((unpack(packed)["w"] - weights["w"]).abs().max() < 1 / 127)
    (torch.int8, True)
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALL = 4096
"""Fewer numbers than this are not worth it."""

SCALE = ".scale"
"""What stands behind the name of a tensor in the name of its scales."""


def pack(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name → tensor (R, …) to int8 with float16 scales (R,), or to float16 if small."""
    packed = {}
    for name, value in weights.items():
        if value.dim() < 2 or value.numel() < SMALL:
            packed[name] = value.half()
            continue
        scale = (value.float().flatten(1).abs().amax(1) / 127).half()
        # A row of zeros, or of numbers too small for half precision, becomes zeros.
        divisor = torch.where(scale > 0, scale.float(), torch.inf)
        shaped = divisor.reshape(-1, *[1] * (value.dim() - 1))
        packed[name] = (value.float() / shaped).round().clamp(-127, 127).to(torch.int8)
        packed[name + SCALE] = scale
    return packed


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse, to the rounding; what `pack` had nothing to do with stays as it is.

    Raises:
        KeyError: an int8 tensor without its scales.
    """
    weights = {}
    for name, value in packed.items():
        if value.dtype == torch.int8:
            scale = packed[name + SCALE].float()
            weights[name] = value.float() * scale.reshape(-1, *[1] * (value.dim() - 1))
        elif name.removesuffix(SCALE) == name or name.removesuffix(SCALE) not in packed:
            weights[name] = value
    return weights
