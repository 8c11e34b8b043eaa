"""Moments of a function of a Gaussian, by Gauss–Hermite quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

NODES = 9
"""Exact for polynomials up to degree 17."""


def moments_of(
    function: Callable[[Tensor], Tensor], mean: Tensor, variance: Tensor
) -> tuple[Tensor, Tensor]:
    """E[f(x)] and Var[f(x)] with x ~ N(mean, variance), entry by entry, in the shape of `mean`.

    Args:
        function: f of each entry.
        mean, variance: of the entries; they broadcast.

    Example:
        >>> mean, variance = moments_of(torch.exp, torch.zeros(1), torch.full((1,), 0.25))
        >>> round(mean.item(), 4), round(variance.item(), 4)  # e^(v/2), e^(2v) − e^v
        (1.1331, 0.3647)
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    scale = variance.clamp_min(0).sqrt()
    values = [function(mean + node * scale) for node in nodes.tolist()]
    centre = torch.zeros_like(values[0])
    for weight, value in zip(weights.tolist(), values, strict=True):
        centre = centre + weight * value
    spread = torch.zeros_like(centre)
    for weight, value in zip(weights.tolist(), values, strict=True):
        spread = spread + weight * (value - centre).square()
    return centre, spread
