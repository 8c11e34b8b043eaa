"""Systematic resampling, and thinning of a weighted sample without bias."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.rng import Source, uniform


def systematic(expected: Tensor, count: int, source: Source) -> Tensor:
    """Choose item m of each row `expected[m]` times on average, and always within one of that.

    One uniform u a row; u, u + 1, u + 2, … are looked up in the cumulative sum (Kitagawa 1996).
    Less noise than independent draws, and no bias.

    Args:
        expected: (B, M) float64, not negative; each row sums to `count`.
        count: n.
        source: of u.

    Returns:
        Indices (B, n), ascending.
    """
    cumulative = expected.cumsum(1)
    u = uniform((len(expected), 1), source, expected.dtype)
    points = u + torch.arange(count, dtype=expected.dtype, device=expected.device)
    # Rounding must not carry the last point beyond the last item that can be chosen.
    points = torch.minimum(points, torch.nextafter(cumulative[:, -1:], points.new_zeros(())))
    return torch.searchsorted(cumulative, points, right=True)


def thin(log_w: Tensor, count: int, source: Source) -> tuple[Tensor, Tensor]:
    """Fewer items, weighted anew so that the expectation of each weight is what it was.

    Weights above a threshold c stay as they are; each of the others stays with probability w / c
    and then weighs c, where c is such that `count` stay. No thinning without bias disturbs the
    weights less (Fearnhead & Clifford 2003).

    Args:
        log_w: (B, M), M > count.
        count: n.
        source: of the choice.

    Returns:
        Indices (B, n) and their new log-weights (B, n), float64.
    """
    ordered, order = log_w.double().sort(1, descending=True)
    rest = ordered.flip(1).logcumsumexp(1).flip(1)  # log of the sum from here on
    kept = torch.arange(count, dtype=ordered.dtype, device=ordered.device)
    log_c = rest[:, :count] - torch.log(count - kept)  # if the first `kept` stay as they are
    large = (ordered[:, :count] > log_c).long().cumprod(1).sum(1, keepdim=True)
    log_c = log_c.gather(1, large)
    chosen = systematic((ordered - log_c).clamp_max(0).exp(), count, source)
    return order.gather(1, chosen), torch.maximum(ordered.gather(1, chosen), log_c)
