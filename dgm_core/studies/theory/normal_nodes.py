"""Integrals over the standard normal distribution by the rectangle rule."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normal_nodes(reach: float, count: int) -> tuple[Tensor, Tensor]:
    """`count` nodes from −`reach` to `reach`, and their weights: Σ w_i f(z_i) ≈ E[f(z)].

    Returns:
        nodes and weights, each (count,) float64.
    """
    nodes = torch.linspace(-reach, reach, count, dtype=torch.float64)
    return nodes, torch.exp(-0.5 * nodes.square()) / math.sqrt(2 * math.pi) * (nodes[1] - nodes[0])
