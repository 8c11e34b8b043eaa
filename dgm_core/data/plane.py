"""Distributions in the plane, for experiments with critics and small GANs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dgm_core.rng import normal, uniform

Points = tuple[tuple[float, float], ...]


class PlanarDistribution(Protocol):
    """A distribution of points in the plane."""

    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """Points (count, 2)."""
        ...

    def log_density(self, points: Tensor) -> Tensor | None:
        """Log-density at points (…, 2), (…); None if there is none in closed form."""
        ...


@dataclass(frozen=True)
class Segment:
    """(0, U) with U ~ U[0, 1]."""

    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """Points (count, 2)."""
        height = uniform((count, 1), source)
        return torch.cat([torch.zeros_like(height), height], 1)

    def log_density(self, points: Tensor) -> None:
        """None: the distribution has no density on the plane, or none in closed form."""
        return


@dataclass(frozen=True)
class Circle:
    """Uniform on the circle of radius 1 around the origin."""

    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """Points (count, 2)."""
        angle = 2 * math.pi * uniform((count,), source)
        return torch.stack([angle.cos(), angle.sin()], 1)

    def log_density(self, points: Tensor) -> None:
        """None: the distribution has no density on the plane, or none in closed form."""
        return


@dataclass(frozen=True)
class Mixture:
    """Σ_k (1/K) N(c_k, sd² I).

    Args:
        centres: c, K points.
        sd: of each Gaussian.

    Raises:
        ValueError: no centres, or sd is not above 0.
    """

    centres: Points
    sd: float

    def __post_init__(self) -> None:
        if not self.centres or not self.sd > 0:
            raise ValueError("expected at least one centre and a standard deviation above 0")

    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """Points (count, 2)."""
        centres = torch.tensor(self.centres)
        which = (uniform((count,), source) * len(centres)).long().clamp_max(len(centres) - 1)
        return centres[which] + self.sd * normal((count, 2), source)

    def spread(self, count: int, source: torch.Generator) -> Tensor:
        """Points (count, 2) in the order of the centres, with equal numbers up to 1 for each."""
        which = torch.arange(count) * len(self.centres) // count
        return torch.tensor(self.centres)[which] + self.sd * normal((count, 2), source)

    def log_density(self, points: Tensor) -> Tensor:
        """Log-density at points (…, 2), (…)."""
        squares = (points[..., None, :] - points.new_tensor(self.centres)).square().sum(-1)
        each = -squares / (2 * self.sd**2)
        return each.logsumexp(-1) - math.log(len(self.centres) * 2 * math.pi * self.sd**2)


@dataclass(frozen=True)
class Moons:
    """Two interlocking half circles, blurred by N(0, sd² I)."""

    sd: float = 0.08

    def sample(self, count: int, source: torch.Generator) -> Tensor:
        """Points (count, 2)."""
        angle = math.pi * uniform((count, 1), source)
        side = torch.where(uniform((count, 1), source) < 0.5, 1.0, -1.0)
        curve = torch.cat([angle.cos() - 0.5, angle.sin() - 0.25], 1) * side
        return curve + self.sd * normal((count, 2), source)

    def log_density(self, points: Tensor) -> None:
        """None: the distribution has no density on the plane, or none in closed form."""
        return


def ring_of_gaussians(count: int = 8, radius: float = 1.5, sd: float = 0.08) -> Mixture:
    """`count` Gaussians, evenly spaced on a circle."""
    angles = [2 * math.pi * k / count for k in range(count)]
    centres = tuple((radius * math.cos(a), radius * math.sin(a)) for a in angles)
    return Mixture(centres, sd)


def grid_of_gaussians(side: int = 5, spacing: float = 0.8, sd: float = 0.06) -> Mixture:
    """side × side Gaussians on a square grid."""
    positions = [spacing * (k - (side - 1) / 2) for k in range(side)]
    return Mixture(tuple((a, b) for a in positions for b in positions), sd)
