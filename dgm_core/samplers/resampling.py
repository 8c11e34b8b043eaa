"""Systematic resampling, and unbiased thinning of a weighted sample."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.rng import Source, uniform


def systematic(expected: Tensor, count: int, source: Source) -> Tensor:
    """Choose item m of each row `expected[m]` times on average, and always within one of that.

    Each row has one uniform u; u, u + 1, u + 2, … are looked up in the cumulative sum (Kitagawa
    1996). This is unbiased and has less noise than independent draws.

    Args:
        expected: (B, M) float64, not negative; each row sums to `count`.
        count: n.
        source: source of u.

    Returns:
        Indices (B, n), ascending.
    """
    cumulative = expected.cumsum(1)
    u = uniform((len(expected), 1), source, expected.dtype)
    points = u + torch.arange(count, dtype=expected.dtype, device=expected.device)
    # Rounding must not move the last point beyond the last item that can be chosen.
    points = torch.minimum(points, torch.nextafter(cumulative[:, -1:], points.new_zeros(())))
    return torch.searchsorted(cumulative, points, right=True)


def thin(log_w: Tensor, count: int, source: Source) -> tuple[Tensor, Tensor]:
    """Fewer items, with new weights whose expectations are the old weights.

    Weights above a threshold c do not change. Each other item stays with probability w / c and
    then has weight c; c is chosen so that `count` items stay. No unbiased thinning changes the
    weights less (Fearnhead & Clifford 2003).

    Args:
        log_w: (B, M), M > count.
        count: n.
        source: source of the choice.

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
