"""Energy distance between two sets of rows (Székely & Rizzo 2013)."""

from __future__ import annotations

import torch
from torch import Tensor


def energy_distance(x: Tensor, y: Tensor) -> Tensor:
    """2 E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ with means over all pairs of rows, in the units of x.

    It is 0 if both sets have the same rows, and positive otherwise. Independent sets from the same
    distribution have a positive distance, which decreases with the numbers of rows.

    Args:
        x: (n, D).
        y: (m, D).

    Example:
        >>> energy_distance(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0]]))
        tensor(1., dtype=torch.float64)
    """
    return 2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y)


def _mean_distance(x: Tensor, y: Tensor) -> Tensor:
    # Products of matrices would be faster, but lose small distances.
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(x.double(), y.double(), compute_mode=exact).mean()
