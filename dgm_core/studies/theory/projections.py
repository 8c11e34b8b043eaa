"""Point estimates and moments as projections of a sample onto families of distributions.

P = (1/n) Σ δ(x_i) on the line. There is only one plan to a point, so

    W_p(P, δ_c)^p = (1/n) Σ |x_i − c|^p,      smallest at the median (p = 1), at the mean (p = 2),
                                              and midway between the ends (p → ∞).

A Gaussian has quantiles m + σ z with z = Φ⁻¹(u). By the monotone plan,

    W₂²(P, N(m, σ²)) = ∫ (F⁻¹(u) − m − σ Φ⁻¹(u))² du

is a regression on z. Its minimum is at m = mean and σ = ∫ F⁻¹ Φ⁻¹ = Σ x_(i) [φ(z_{i−1}) − φ(z_i)]
with z_i = Φ⁻¹(i/n), where W₂² = sd² − σ². This σ is below the standard deviation of the sample,
which the projection by KL(P‖·), that is maximum likelihood, keeps (Peyré & Cuturi 2019, §2.6;
Bishop 2006, §10.1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

HALVINGS = 80
"""Number of bisections, after which an interval is below the precision of float64."""
MOST_POWER = 100.0
TINY = torch.finfo(torch.float64).tiny
"""Lower limit of the largest distance, by which distances are divided before taking powers."""


class Nearest(NamedTuple):
    """The Gaussian that is nearest to a sample in W₂."""

    mean: float  # m
    sd: float  # σ
    distance: float  # W₂
    moment: float  # standard deviation of the sample: that of the nearest Gaussian by KL(P‖·)


def to_a_point(x: Tensor, points: Tensor, power: float = 2.0) -> Tensor:
    """W_p(P, δ_c) from a sample x (n,) to each of the points c (m,): (m,) float64.

    Raises:
        ValueError: the sample is empty, or p is not in 1 … 100.
    """
    _check(x, power)
    distances = (x.double()[:, None] - points.double()).abs()
    largest = distances.amax(0).clamp_min(TINY)
    return largest * (distances / largest).pow(power).mean(0).pow(1 / power)


def nearest_point(x: Tensor, power: float = 2.0) -> float:
    """The minimiser c of W_p(P, δ_c); the middle of the interval if there are several.

    There are several for p = 1 and even n. The cost is convex; the zero of its derivative
    p/n Σ |c − x_i|^(p−1) sign(c − x_i) is found by bisection.

    Raises:
        ValueError: as in `to_a_point`.
    """
    _check(x, power)
    x = x.double()
    if power == 1:
        return x.quantile(0.5).item()
    low, high = x.min(), x.max()
    width = (high - low).clamp_min(TINY)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        difference = (middle - x) / width
        rising = (difference.abs().pow(power - 1) * difference.sign()).sum() > 0
        low, high = torch.where(rising, low, middle), torch.where(rising, middle, high)
    return ((low + high) / 2).item()


def nearest_gaussian(x: Tensor) -> Nearest:
    """The projection of a sample (n,) onto the Gaussians.

    Raises:
        ValueError: the sample is empty.
    """
    _check(x, 2.0)
    ordered = x.double().sort().values
    sd = (ordered * _cells(len(x))).sum()
    variance = ordered.var(correction=0)
    rest = (variance - sd**2).clamp_min(0)
    return Nearest(ordered.mean().item(), sd.item(), rest.sqrt().item(), variance.sqrt().item())


def gaussian_targets(x: Tensor, mean: float, sd: float) -> Tensor:
    """Mean target of each point of x (n,) under the monotone plan to N(mean, sd²): (n,).

    The Gaussian is cut into n slices of equal mass from left to right. The i-th smallest point
    moves to the i-th slice, whose mean is returned.
    """
    rank = x.argsort(stable=True).argsort()
    return mean + sd * len(x) * _cells(len(x)).to(x.device)[rank]


def _cells(count: int) -> Tensor:
    """∫ Φ⁻¹(u) du from (i − 1)/n to i/n = φ(z_{i−1}) − φ(z_i): (n,)."""
    z = torch.special.ndtri(torch.linspace(0, 1, count + 1, dtype=torch.float64))
    return -(torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)).diff()


def _check(x: Tensor, power: float) -> None:
    if x.dim() != 1 or not len(x):
        raise ValueError(f"expected a sample of shape (n,), got {(*x.shape,)}")
    if not 1 <= power <= MOST_POWER:
        raise ValueError(f"expected a power from 1 to {MOST_POWER:g}, got {power}")
