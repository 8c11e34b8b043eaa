"""Pairs of distributions in the plane, P and Q_θ, whose distances are known.

    segments   (0, U) and (θ, U), U ~ U[0, 1]
    Gaussians  N(0, I) and N((θ, 0), I)
    circles    of radius 1 and 1 + θ
    mixture    five Gaussians in a row, 1 apart, and the same moved by θ
    clouds     two sets of points, each blurred by a Gaussian, the second moved by θ

A distribution and its translate by θ have W1 = |θ|: no transport plan costs less than the distance
of the means. The circles have the same W1, by f(x) = ‖x‖. Segments and circles have no densities
and do not overlap unless θ = 0, so an f-divergence depends only on whether θ = 0. The
f-divergences of densities are integrals over a grid. W1 of clouds is computed from a sample of
their points and is slightly too large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_core.data.plane import Circle, Mixture, PlanarDistribution, Points, Segment
from dgm_core.distances.divergences import Divergence
from dgm_core.distances.transport import wasserstein
from dgm_core.rng import generator

MATCHED = 400
"""Number of points per cloud that are matched for W1; this takes about .1 s."""

TERMS = 2_000_000
"""Number of Gaussians times grid points in an integral, which takes about .1 s."""


def _moved(points: Tensor, theta: Tensor) -> Tensor:
    return points + torch.stack([theta, torch.zeros_like(theta)], -1)


def _grown(points: Tensor, theta: Tensor) -> Tensor:
    return points * (1 + theta[..., None])


@dataclass(frozen=True)
class Pair:
    """P, and a distribution Q_0 that `move` turns into Q_θ.

    Attributes:
        p: P.
        other: Q_0.
        move: points (…, 2) of Q_0 and θ (…) → points of Q_θ.
    """

    p: PlanarDistribution
    other: PlanarDistribution
    move: Callable[[Tensor, Tensor], Tensor] = _moved

    def sample(self, thetas: Tensor, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Points of P and of each Q_θ, (T, count, 2) both, for θ (T,).

        P and Q are independent; all θ use the same noise.
        """
        x, y = self.p.sample(count, source), self.other.sample(count, source)
        return x.expand(len(thetas), -1, -1), self.move(y, thetas[:, None])

    def coupled(self, thetas: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """As `sample`, but P and Q use the same noise, so differences of means vary less."""
        x = self.p.sample(count, generator(seed))
        y = self.other.sample(count, generator(seed))
        return x.expand(len(thetas), -1, -1), self.move(y, thetas[:, None])

    def log_densities(self, points: Tensor, theta: float) -> tuple[Tensor, Tensor] | None:
        """log p and log q_θ at points (…, 2), both (…); None if there are none."""
        log_p = self.p.log_density(points)
        if log_p is None:
            return None
        back = self.move(points, points.new_full((), -theta))
        log_q = self.other.log_density(back)
        return None if log_q is None else (log_p, log_q)

    def log_ratio(self, points: Tensor, theta: float) -> Tensor | None:
        """log p/q_θ at points (…, 2), (…); None if there are no densities."""
        both = self.log_densities(points, theta)
        return None if both is None else both[0] - both[1]

    def true_value(self, divergence: Divergence, theta: float) -> float:
        """D(P, Q_θ).

        Example:
            >>> from dgm_core.distances.divergences import DIVERGENCES
            >>> PAIRS["segments"].true_value(DIVERGENCES["wasserstein"], 0.5)
            0.5
            >>> PAIRS["segments"].true_value(DIVERGENCES["hellinger"], 0.5)
            2.0
        """
        p, other = self.p, self.other
        if divergence.is_wasserstein and p == other:
            return abs(theta)
        if isinstance(p, Mixture) and isinstance(other, Mixture):
            if divergence.is_wasserstein:
                return self._matched(p, other, theta)
            return self._integral(p, other, divergence, theta)
        if divergence.is_wasserstein:
            raise NotImplementedError("expected mixtures or two equal distributions for W1")
        return 0.0 if theta == 0 else divergence.most

    def _matched(self, p: Mixture, other: Mixture, theta: float) -> float:
        """W1 of two samples, with equally many points per centre and the same noise in both."""
        x, y = (each.spread(MATCHED, generator(0)) for each in (p, other))
        return wasserstein(x, self.move(y, torch.full((len(y),), theta)))

    def _integral(self, p: Mixture, other: Mixture, divergence: Divergence, theta: float) -> float:
        """D(P, Q_θ) by a sum over a grid that reaches 8 standard deviations beyond the centres."""
        sd = min(p.sd, other.sd)
        moved = _moved(torch.tensor(other.centres).double(), torch.tensor(theta).double())
        centres = torch.cat([torch.tensor(p.centres, dtype=torch.float64), moved])
        margin = 8 * max(p.sd, other.sd)
        low, high = centres.amin(0) - margin, centres.amax(0) + margin
        most = min(320, math.isqrt(TERMS // len(centres)))
        counts = ((high - low) / (sd / 12)).ceil().clamp_max(most).long().tolist()
        a, b = (
            torch.linspace(lo, hi, n, dtype=torch.float64)
            for lo, hi, n in zip(low.tolist(), high.tolist(), counts, strict=True)
        )
        cell = ((a[1] - a[0]) * (b[1] - b[0])).item()
        assert divergence.density is not None  # only W1 has none
        grid = torch.cartesian_prod(a, b)
        log_p = p.log_density(grid)
        log_q = other.log_density(self.move(grid, grid.new_full((), -theta)))
        return divergence.density(log_p, log_q).sum().item() * cell


ROW = Mixture(tuple((float(k), 0.0) for k in range(-2, 3)), 0.15)

PAIRS = {
    "segments": Pair(Segment(), Segment()),
    "Gaussians": Pair(Mixture(((0.0, 0.0),), 1.0), Mixture(((0.0, 0.0),), 1.0)),
    "circles": Pair(Circle(), Circle(), _grown),
    "mixture": Pair(ROW, ROW),
}
"""Name → pair; the user draws further ones, see `clouds`."""


def clouds(first: Points, second: Points, blur: float = 0.1) -> Pair:
    """Two sets of points, each blurred by N(0, blur² I); the second is moved by θ."""
    return Pair(Mixture(first, blur), Mixture(second, blur))
