"""Moving one set of points onto another at the least total distance.

    W1 of two sets of n points = min over permutations π of  (1/n) Σ_i ‖x_i − y_π(i)‖

exact for the sets (on a line: both sorted), and for laws from which they were drawn too large by
an amount that falls with n, in the plane about as √(log n / n).
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def matching(x: Tensor, y: Tensor) -> Tensor:
    """Where each point goes: indices (n,) into `y` for x and y (n, D).

    Raises:
        ValueError: not as many points in both.
    """
    if x.shape != y.shape:
        raise ValueError(f"expected as many points in both, got {len(x)} and {len(y)}")
    _, column = linear_sum_assignment(torch.cdist(x.double(), y.double()).cpu().numpy())
    return torch.as_tensor(column, device=y.device)


def wasserstein(x: Tensor, y: Tensor) -> float:
    """W1 of two sets of as many points, (n, D) each; n = 1,000 takes about .1 s.

    Example:
        >>> wasserstein(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[4.0, 0], [0, 0]]))
        1.5
    """
    return torch.linalg.vector_norm((x - y[matching(x, y)]).double(), dim=1).mean().item()


def wasserstein_on_a_line(x: Tensor, y: Tensor, power: float = 1.0) -> float:
    """W_p of two sets of as many numbers, (n,) each: (∫ |F⁻¹ − G⁻¹|^p)^(1/p), from both sorted.

    Raises:
        ValueError: not as many numbers in both, or p < 1.
    """
    if not power >= 1:
        raise ValueError(f"expected a power of at least 1, got {power}")
    if x.shape != y.shape or x.dim() != 1:
        raise ValueError(f"expected two rows of n numbers, got {(*x.shape,)} and {(*y.shape,)}")
    ways = (x.double().sort().values - y.double().sort().values).abs()
    return ways.pow(power).mean().pow(1 / power).item()
