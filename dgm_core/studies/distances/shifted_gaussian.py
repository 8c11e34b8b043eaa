"""Distances between a Gaussian and the same Gaussian shifted by θ, and their slopes in θ.

    P = N(0, σ²),  Q_θ = N(θ, σ²):   D(P, Q_θ)  and  ∂D/∂θ

If the distributions hardly overlap, a bounded f-divergence is close to its largest value and its
slope is close to 0: a generator that has to move Q_θ towards P gets almost no gradient.
Wasserstein-1 is θ, with slope 1, for every σ. For σ → 0 the bounded f-divergences become steps
(Arjovsky, Chintala & Bottou 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.distances.divergences import DIVERGENCES
from dgm_core.distributions import Gaussian

TAIL = 9.0
"""An integral ends this number of standard deviations beyond both means."""
PER_SD = 12
"""Grid points per standard deviation. The error of the trapezoid rule is then below 10⁻¹²; for
total variation, which has a kink, it is about 10⁻³."""


class Sweep(NamedTuple):
    """A distance and its slope at all θ, (T,) each, float64."""

    distance: Tensor
    slope: Tensor  # ∂/∂θ


def between(name: str, thetas: Tensor, width: float) -> Tensor:
    """D(P, Q_θ) by the trapezoid rule, (T,) float64.

    Args:
        name: a key of `DIVERGENCES`.
        thetas: θ ≥ 0, (T,).
        width: σ.
    """
    measure = DIVERGENCES[name]
    if measure.density is None:
        return thetas.double()  # W1: no plan is shorter than the distance between the means
    half = thetas.max().item() / 2 + TAIL * width
    steps = int(half / width * PER_SD)
    # The grid is centred at θ/2, where p = q, so the kink of total variation is on a grid point.
    u = torch.linspace(-half, half, 2 * steps + 1, dtype=torch.float64)
    x, mean, sd = u + thetas.double()[:, None] / 2, thetas.double()[:, None], u.new_tensor(width)
    log_p = Gaussian(0 * mean, sd, validate_args=False).log_prob(x)
    log_q = Gaussian(mean, sd, validate_args=False).log_prob(x)
    return torch.trapezoid(measure.density(log_p, log_q), u)


def sweep(name: str, thetas: Tensor, width: float) -> Sweep:
    """The distance and its slope in θ.

    Raises:
        ValueError: an unknown name, θ below 0, or a width that is not positive.
    """
    if name not in DIVERGENCES:
        raise ValueError(f"expected a divergence among {', '.join(DIVERGENCES)}, got {name!r}")
    if not width > 0 or thetas.min() < 0:
        raise ValueError(f"expected a positive width and θ ≥ 0, got {width}, {thetas.min():g}")
    shifts = thetas.double().requires_grad_()
    distance = between(name, shifts, width)
    (slope,) = torch.autograd.grad(distance.sum(), shifts)
    return Sweep(distance.detach(), slope)
