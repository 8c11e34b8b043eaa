"""A Gaussian and the same Gaussian moved by θ: how far apart, and how fast that grows with θ.

    P = N(0, σ²),  Q_θ = N(θ, σ²):   D(P, Q_θ)  and  ∂D/∂θ

An f-divergence between laws that hardly overlap is all but its largest value, and its slope all
but 0: a generator that is to move Q_θ towards P learns nothing. Wasserstein-1 is θ, its slope 1,
however narrow the laws are. With σ → 0 the f-divergences become steps (Arjovsky, Chintala &
Bottou 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.distances.divergences import DIVERGENCES
from dgm_core.distributions import Gaussian

TAIL = 9.0
"""Standard deviations beyond both means at which an integral ends."""
PER_SD = 12
"""Points of the grid in a standard deviation; the trapezoid's error is then below 10⁻¹²,
that of total variation, which has a kink, about 10⁻³."""


class Sweep(NamedTuple):
    """One distance at all θ, (T,) both, float64."""

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
    if measure.is_wasserstein:
        return thetas.double()  # no plan is shorter than the way between the means
    half = thetas.max().item() / 2 + TAIL * width
    steps = int(half / width * PER_SD)
    # Round θ/2, where p = q: there total variation has its kink, on a point of the grid.
    u = torch.linspace(-half, half, 2 * steps + 1, dtype=torch.float64)
    x, mean, sd = u + thetas.double()[:, None] / 2, thetas.double()[:, None], u.new_tensor(width)
    log_p = Gaussian(0 * mean, sd, validate_args=False).log_prob(x)
    log_q = Gaussian(mean, sd, validate_args=False).log_prob(x)
    return torch.trapezoid(measure.density(log_p, log_q), u)


def sweep(name: str, thetas: Tensor, width: float) -> Sweep:
    """The distance and its slope in θ.

    Raises:
        ValueError: an unknown name, θ below 0, or no positive width.
    """
    if name not in DIVERGENCES:
        raise ValueError(f"expected a divergence among {', '.join(DIVERGENCES)}, got {name!r}")
    if not width > 0 or thetas.min() < 0:
        raise ValueError(f"expected a positive width and θ ≥ 0, got {width}, {thetas.min():g}")
    moved = thetas.double().requires_grad_()
    distance = between(name, moved, width)
    (slope,) = torch.autograd.grad(distance.sum(), moved)
    return Sweep(distance.detach(), slope)
