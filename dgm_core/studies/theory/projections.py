"""Point estimates and moments as projections: the nearest of a family of laws to a sample.

P = (1/n) Σ δ(x_i) on the line. Onto a point there is one plan only, so

    W_p(P, δ_c)^p = (1/n) Σ |x_i − c|^p,      least at the median (p = 1), the mean (p = 2), and
                                              as p → ∞ half-way between the ends

Onto the Gaussians, whose quantiles are m + σ z with z = Φ⁻¹(u), by the monotone plan

    W₂²(P, N(m, σ²)) = ∫ (F⁻¹(u) − m − σ Φ⁻¹(u))² du

is a regression on z: least at m = mean and σ = ∫ F⁻¹ Φ⁻¹ = Σ x_(i) [φ(z_{i−1}) − φ(z_i)] with
z_i = Φ⁻¹(i/n), where W₂² = sd² − σ². That σ is below the standard deviation, which the projection
by KL(P‖·), that is by maximum likelihood, keeps (Peyré & Cuturi 2019, §2.6; Bishop 2006, §10.1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

HALVINGS = 80
"""Of an interval, until it is narrower than float64 can tell."""
MOST_POWER = 100.0
TINY = torch.finfo(torch.float64).tiny
"""Ways are divided by the largest before high powers are taken; this one in place of 0."""


class Nearest(NamedTuple):
    """The Gaussian nearest to a sample in W₂."""

    mean: float  # m
    sd: float  # σ
    distance: float  # W₂
    moment: float  # standard deviation of the sample: that of the nearest Gaussian by KL(P‖·)


def to_a_point(x: Tensor, points: Tensor, power: float = 2.0) -> Tensor:
    """W_p(P, δ_c) of a sample x (n,) to each of points c (m,): (m,) float64.

    Raises:
        ValueError: no sample, or p not from 1 to 100.
    """
    _check(x, power)
    ways = (x.double()[:, None] - points.double()).abs()
    largest = ways.amax(0).clamp_min(TINY)
    return largest * (ways / largest).pow(power).mean(0).pow(1 / power)


def nearest_point(x: Tensor, power: float = 2.0) -> float:
    """The c of least W_p(P, δ_c); of an interval of them, as for p = 1 and even n, its middle.

    The cost is convex: its derivative, p/n Σ |c − x_i|^(p−1) sign(c − x_i), is bisected.

    Raises:
        ValueError: as of `to_a_point`.
    """
    _check(x, power)
    x = x.double()
    if power == 1:
        return x.quantile(0.5).item()
    low, high = x.min(), x.max()
    width = (high - low).clamp_min(TINY)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        off = (middle - x) / width
        rising = (off.abs().pow(power - 1) * off.sign()).sum() > 0
        low, high = torch.where(rising, low, middle), torch.where(rising, middle, high)
    return ((low + high) / 2).item()


def nearest_gaussian(x: Tensor) -> Nearest:
    """The projection of a sample (n,) onto the Gaussians.

    Raises:
        ValueError: no sample.
    """
    _check(x, 2.0)
    ordered = x.double().sort().values
    sd = (ordered * _cells(len(x))).sum()
    variance = ordered.var(correction=0)
    rest = (variance - sd**2).clamp_min(0)
    return Nearest(ordered.mean().item(), sd.item(), rest.sqrt().item(), variance.sqrt().item())


def gaussian_targets(x: Tensor, mean: float, sd: float) -> Tensor:
    """Where the monotone plan takes each of x (n,), on average: the means of n slices, (n,).

    N(mean, sd²) is cut into slices of mass 1/n from left to right; the i-th smallest of x goes to
    the i-th of them.
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
