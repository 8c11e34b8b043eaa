"""Scores of a predictive distribution from its draws or moments: (n, B, \\*event) → (B,)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_core.distributions.variance_floors import IMAGE_VARIANCE_FLOOR
from dgm_core.metrics.hidden import hidden_mean, hidden_sum


def crps_hidden(draws: Tensor, true_values: Tensor, observed: Tensor) -> Tensor:
    """Continuous ranked probability score, E|X − y| − ½ E|X − X′|, averaged over hidden entries.

    The estimate from n ≥ 2 draws is unbiased ("fair"; Ferro 2014): the second mean is over pairs
    of different draws, and with ordered draws x₍₁₎ ≤ … ≤ x₍ₙ₎

        ½ E|X − X′| ≈ Σ_i (2 i − n − 1) x₍ᵢ₎ / (n (n − 1)).

    One draw is a point forecast, and its score is the absolute error. A fair score may be
    negative.

    Args:
        draws: (n, B, \\*event).
        true_values: (B, \\*event).
        observed: bool; broadcasts.

    Returns:
        (B,), in the units of the data; NaN if nothing is hidden.
    """
    n = len(draws)
    error = (draws - true_values).abs().mean(0)
    if n > 1:
        weight = torch.arange(1 - n, n, 2, dtype=draws.dtype, device=draws.device) / (n * (n - 1))
        error = error - torch.tensordot(weight, draws.sort(0).values, 1)
    return hidden_mean(error, observed)


def coverage_hidden(
    draws: Tensor, true_values: Tensor, observed: Tensor, level: float = 0.9
) -> Tensor:
    """Fraction of hidden entries whose true value is in the central interval of the draws, (B,).

    With p = (1 − level) / 2 the ends are the order statistics of rank p (n + 1) and
    (1 − p) (n + 1), interpolated and cut off at the smallest and the largest draw. A true value
    that is exchangeable with the draws lies inside with probability `level`. With n < 1 / p − 1
    draws (19 for 90 %) this probability is only (n − 1) / (n + 1). The ends belong to the
    interval, so the coverage of discrete values is at least as large.

    Args:
        draws: (n, B, \\*event).
        true_values: (B, \\*event).
        observed: bool; broadcasts.
        level: in (0, 1).

    Raises:
        ValueError: `level` is not between 0 and 1.
    """
    tail = (1 - _checked(level)) / 2
    ordered = draws.sort(0).values
    inside = _order_statistic(ordered, tail) <= true_values
    inside &= true_values <= _order_statistic(ordered, 1 - tail)
    return hidden_mean(inside.to(draws.dtype), observed)


def gaussian_coverage_hidden(
    mean: Tensor, variance: Tensor, true_values: Tensor, observed: Tensor, level: float = 0.9
) -> Tensor:
    """Fraction of hidden entries inside the central interval of N(mean, variance), (B,).

    The interval is mean ± Φ⁻¹((1 + level) / 2) √variance. The other arguments are those of
    `coverage_hidden`.
    """
    half = torch.special.ndtri(torch.tensor((1 + _checked(level)) / 2, dtype=torch.float64))
    inside = (true_values - mean).abs() <= half.to(mean) * variance.clamp_min(0).sqrt()
    return hidden_mean(inside.to(mean.dtype), observed)


def gaussian_mixture_log_density(
    means: Tensor,
    variances: Tensor,
    true_values: Tensor,
    observed: Tensor,
    noise_floor: float = IMAGE_VARIANCE_FLOOR,
) -> Tensor:
    """log (1/n) Σ_i N(x_mis; m_i, diag(v_i)), (B,) in nats over the hidden entries.

    This is the predictive density of a method that gives component means, such as decoded latents
    or nearest neighbours.

    Args:
        means: m, (n, B, \\*event).
        variances: v, broadcasts to `means`; values below `noise_floor` are raised to it.
        true_values: (B, \\*event).
        observed: bool; broadcasts.
        noise_floor: the least variance, in squared grey levels.
    """
    v = variances.clamp_min(noise_floor)
    each = -0.5 * ((true_values - means).square() / v + v.log() + math.log(2 * math.pi))
    n, rows = means.shape[:2]
    seen = observed.expand_as(true_values).expand_as(each)
    log_p = hidden_sum(each.flatten(0, 1), seen.flatten(0, 1)).view(n, rows)
    return log_p.logsumexp(0) - math.log(n)


def _order_statistic(ordered: Tensor, probability: float) -> Tensor:
    """The quantile of ordered draws (n, …) at rank p (n + 1), counted from 1."""
    n = len(ordered)
    rank = min(max(probability * (n + 1), 1.0), float(n)) - 1
    low = math.floor(rank + 1e-9)  # 0.95 × 20 is a hair less than 19 in floating point
    high = min(low + 1, n - 1)
    return torch.lerp(ordered[low], ordered[high], max(rank - low, 0.0))


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1, got {level}")
    return level
