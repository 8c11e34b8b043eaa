"""Hamiltonian dynamics for samplers: gradients of a log-density, leapfrog steps, and adaptation.

    H(z, v) = −log π(z) + ½ vᵀ M⁻¹ v,   v ~ N(0, M),   M diagonal

The leapfrog integrator keeps volume and is reversible, so a Metropolis test by the change of H
leaves π invariant (Neal 2011). The code uses momenta in the units of each dimension, p = M^(−½) v:

    p ← p + ½ ε s ∇log π(z);   z ← z + ε s p;   p ← p + ½ ε s ∇log π(z),   s = M^(−½)

so that p ~ N(0, I), and s is the standard deviation of z in each dimension, as far as it is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

WANTED_ACCEPTANCE = 0.8
"""The acceptance at which Hamiltonian steps aim (Hoffman & Gelman 2014)."""


LONGEST = math.log(1.5)
"""Log of the longest step, in units of the scale; in flat directions every step is accepted."""


def adjusted(log_length: Tensor, acceptance: Tensor) -> Tensor:
    """Log of the step length after moves with this mean acceptance (Robbins & Monro 1951)."""
    return (log_length + 0.5 * (acceptance - WANTED_ACCEPTANCE)).clamp_max(LONGEST)


class HasPosition(Protocol):
    """A point of a trajectory, with whatever was computed there."""

    @property
    def z(self) -> Tensor:
        """(…, L)."""
        ...


Point = TypeVar("Point", bound=HasPosition)


def leapfrog(
    evaluate: Callable[[Tensor], Point],
    slope: Callable[[Point], Tensor],
    start: Point,
    momentum: Tensor,
    step: Tensor,
    steps: int,
) -> Iterator[tuple[Point, Tensor]]:
    """Yields the point and the momentum after each leapfrog step.

    Args:
        evaluate: z (…, L) → the point there, with its gradient.
        slope: gradient of log π at a point, (…, L).
        start: the first point.
        momentum: p ~ N(0, I) there, (…, L).
        step: ε s, (…, L).
        steps: number of leapfrog steps.
    """
    point = start
    for _ in range(steps):
        half = momentum + 0.5 * step * slope(point)
        point = evaluate(point.z + step * half)
        momentum = half + 0.5 * step * slope(point)
        yield point, momentum


def with_gradient(z: Tensor, log_density: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """log π(z) (…,) and its gradient (…, L), both without a graph.

    It works inside `torch.inference_mode` too.
    """
    with torch.inference_mode(False), torch.enable_grad():
        z = z.clone().requires_grad_()
        value = log_density(z)
        (gradient,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), gradient


class StepSize(NamedTuple):
    """Dual averaging of log ε (Hoffman & Gelman 2014, algorithm 5), for each row."""

    log_step: Tensor  # (B,) the step to try next
    log_mean: Tensor  # (B,) the averaged step, for use after the warm-up
    error: Tensor  # (B,) running mean of wanted − found acceptance
    target: Tensor  # (B,) μ, to which the step is drawn
    count: int  # updates so far

    @classmethod
    def start(cls, log_step: Tensor) -> StepSize:
        """Begin at a step (B,); larger ones are tried first, because they are cheaper."""
        return cls(log_step, log_step, torch.zeros_like(log_step), log_step + math.log(10), 0)

    def update(
        self, acceptance: Tensor, decay: float = 0.75, early: float = 10.0, pull: float = 0.05
    ) -> StepSize:
        """After a step with this acceptance probability, (B,)."""
        count = self.count + 1
        weight = 1 / (count + early)
        error = (1 - weight) * self.error + weight * (WANTED_ACCEPTANCE - acceptance)
        log_step = self.target - math.sqrt(count) / pull * error
        weight = count**-decay
        log_mean = weight * log_step + (1 - weight) * self.log_mean
        return StepSize(log_step, log_mean, error, self.target, count)


class Spread(NamedTuple):
    """Running mean and sum of squares of z (B, L) (Welford 1962)."""

    count: int
    mean: Tensor
    squares: Tensor

    @classmethod
    def start(cls, z: Tensor) -> Spread:
        """Nothing seen; z gives shape and type."""
        return cls(0, torch.zeros_like(z), torch.zeros_like(z))

    def add(self, z: Tensor) -> Spread:
        """With one more draw."""
        count = self.count + 1
        mean = self.mean + (z - self.mean) / count
        return Spread(count, mean, self.squares + (z - self.mean) * (z - mean))

    @property
    def scale(self) -> Tensor:
        """Standard deviations (B, L), shrunk a little, as in Stan, so that none is 0."""
        variance = self.squares / max(self.count - 1, 1)
        return ((self.count * variance + 5e-3) / (self.count + 5)).sqrt()
