"""Several small networks of one shape side by side, as products of stacked matrices.

One training step of 21 Wasserstein critics then takes as long as about 2.3 steps of one (`bench
gan`), because operations on so few numbers take mostly call time. All networks start from the same
weights, and each trains independently of the others.

    >>> from dgm_core.rng import generator
    >>> critics = StackedMLP(21, [2, 32, 1], generator(seed=0))
    >>> critics(torch.zeros(21, 500, 2)).shape
    torch.Size([21, 500, 1])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from dgm_core.rng import uniform

SLOPE = 0.2
"""The slope of the leaky ReLU below 0."""


class StackedMLP(nn.Module):
    """T networks of fully connected layers with leaky ReLUs between: (T, n, in) → (T, n, out).

    Args:
        count: T.
        sizes: units of each layer, from the inputs to the outputs.
        source: source of the initial weights U(±1/√fan-in), which are the same in all T.
    """

    def __init__(self, count: int, sizes: Sequence[int], source: torch.Generator) -> None:
        super().__init__()
        weights, biases = [], []
        for inputs, outputs in pairwise(sizes):
            start = (2 * uniform((inputs + 1, outputs), source) - 1) / math.sqrt(inputs)
            weights.append(start[:-1].repeat(count, 1, 1))
            biases.append(start[-1:].repeat(count, 1, 1))
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)

    def __len__(self) -> int:
        return len(self.weights[0])

    def forward(self, x: Tensor) -> Tensor:
        """(T, n, out)."""
        *layers, last = zip(self.weights, self.biases, strict=True)
        for weight, bias in layers:
            x = leaky_relu(torch.baddbmm(bias, x, weight), SLOPE)
        return torch.baddbmm(last[1], x, last[0])

    def of_rows(self, x: Tensor) -> Tensor:
        """One number per row, (T·n,) for x (T·n, in), network by network; needs `out` = 1."""
        return self(x.unflatten(0, (len(self), -1))).flatten()
