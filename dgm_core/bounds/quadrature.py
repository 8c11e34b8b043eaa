"""log p(x) as an integral over one or two latents, to a stated error; the posterior on a grid.

    p(x_obs) = ∫ p(x_obs|z) p(z) dz  ≈  h^L Σ_j p(x_obs|z_j) p(z_j),   z_j a grid of spacing h

This is the trapezoidal rule where the integrand has died out at the edge. For a smooth one it
converges faster than any power of h (Trefethen & Weideman 2014): of a Gaussian of standard
deviation σ the relative error is 2 exp(−2π² σ² / h²), below 10⁻⁸ at h = σ. A Gauss–Hermite rule
puts its points where the *prior* is, and posteriors of images are a hundred times narrower.

Halving h keeps all points, so the change from 2h to h costs nothing to know; it is the stated
error, and overstates it where convergence is fast. A grid that steps over a peak may change little
by chance: there is no stated error until the integral rests on more points than one peak that is
as narrow as h would touch. Points are decoded once for all rows, so that what a grid costs hardly
grows with their number.

    >>> from dgm_core import data, zoo
    >>> from dgm_core.missing import masks
    >>> x = data.threshold(data.load("digits", "test").x[:1])
    >>> masked = Masked(x, masks.bottom_half(28, 28).expand_as(x))
    >>> found = log_evidence(zoo.load("mnist-vae-2d"), masked, tolerance=1e-2)
    >>> bool(found.error < 1e-2), bool(found.edge < 1e-6)
    (True, True)
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import categorical
from dgm_core.samplers.observed import log_prob_observed_at_each
from dgm_core.types import LatentVariableModel, Masked

DECODED_AT_ONCE = 2048
"""Latents in one pass of the decoder."""

RESOLVED = 2.5
"""Points a dimension that must carry the integral. A Gaussian has 2 √π σ / h of them."""


class Evidence(NamedTuple):
    """log p(x_obs) of B rows by quadrature, and how far it can be trusted."""

    value: Tensor  # (B,) nats, float64
    error: Tensor  # (B,) nats: the change at the last halving; infinite while h is too coarse
    effective_points: Tensor  # (B,) how many points of equal mass the integral is worth
    edge: Tensor  # (B,) share of the integral on the outermost points; beyond lies less
    spacing: float  # h, in standard deviations of the prior
    points: int  # of the grid


def evidence_by_halving(
    model: LatentVariableModel,
    masked: Masked,
    *,
    reach: float = 6.0,
    intervals: int = 32,
    decoded_at_once: int = DECODED_AT_ONCE,
) -> Iterator[Evidence]:
    """log p(x_obs) on ever finer grids, without end; the first `error` is infinite.

    Args:
        model: of one or two latents; its prior knows its mean and variance.
        masked: B rows. What is hidden is integrated out.
        reach: the grid covers the prior's mean ± so many of its standard deviations.
        intervals: along each axis, at first.
        decoded_at_once: latents in one pass of the decoder.

    Raises:
        ValueError: more than two latents, or fewer than two intervals.
    """
    prior = model.prior()
    mean, sd = prior.mean.double(), prior.variance.double().sqrt()
    if mean.dim() != 1 or len(mean) not in (1, 2):
        raise ValueError(f"expected a prior on 1 or 2 latents, got {tuple(mean.shape)}")
    if intervals < 2:
        raise ValueError(f"expected at least 2 intervals, got {intervals}")
    latents = len(mean)
    log_total = torch.full((len(masked),), -math.inf, dtype=torch.float64, device=masked.device)
    log_square, log_edge, before, count = log_total, log_total, None, 0
    # Where along the axes the new points are: all at first; later those off the old grid, whose
    # positions on the finer one are even.
    stride, starts = 1, [(0,) * latents]
    while True:
        spacing = 2 * reach / intervals
        for start in starts:
            axes = [torch.arange(first, intervals + 1, stride) for first in start]
            at = torch.cartesian_prod(*axes).reshape(-1, latents).to(masked.device)
            for part in at.split(decoded_at_once):
                each = log_joint_at(model, masked, mean + sd * (part * spacing - reach))
                log_total = torch.logaddexp(log_total, each.logsumexp(0))
                log_square = torch.logaddexp(log_square, (2 * each).logsumexp(0))
                outermost = ((part == 0) | (part == intervals)).any(1)
                log_edge = torch.logaddexp(log_edge, each[outermost].logsumexp(0))
            count += len(at)
        value = log_total + latents * math.log(spacing) + sd.log().sum()
        effective_points = (2 * log_total - log_square).exp()
        change = torch.full_like(value, math.inf) if before is None else (value - before).abs()
        error = torch.where(effective_points < RESOLVED**latents, math.inf, change)
        yield Evidence(
            value, error, effective_points, (log_edge - log_total).exp(), spacing, count
        )
        before, intervals, stride = value, 2 * intervals, 2
        starts = [start for start in itertools.product((0, 1), repeat=latents) if any(start)]


def log_evidence(
    model: LatentVariableModel,
    masked: Masked,
    *,
    tolerance: float = 1e-4,
    most_points: int = 2**19,
    reach: float = 6.0,
    decoded_at_once: int = DECODED_AT_ONCE,
) -> Evidence:
    """log p(x_obs), on grids halved until every row changes by at most `tolerance` nats.

    Or until the next grid had more than `most_points`: read `error`.
    """
    grids = evidence_by_halving(model, masked, reach=reach, decoded_at_once=decoded_at_once)
    growth = 2 ** len(model.prior().mean)
    evidence = next(grids)
    while evidence.points * growth <= most_points and not evidence.error.max() <= tolerance:
        evidence = next(grids)
    return evidence


@torch.no_grad()
def log_joint_at(model: LatentVariableModel, masked: Masked, z: Tensor) -> Tensor:
    """log p(x_obs, z_j) of every row with every z (N, L): (N, B) nats, float64."""
    prior = model.prior()
    z = z.to(prior.mean.dtype)
    log_likelihood = log_prob_observed_at_each(model.decode(z), masked)
    return log_likelihood.double() + prior.log_prob(z).double()[:, None]


class Plane:
    """p(x|z) on a grid in the plane of two latents, decoded once for any masks and rows.

    Args:
        model: of two latents.
        across, up: coordinates along both axes, (n,) and (m,), evenly spaced.

    Raises:
        ValueError: the model has not two latents.
    """

    def __init__(self, model: LatentVariableModel, across: Tensor, up: Tensor) -> None:
        prior = model.prior()
        if prior.event_shape != (2,):
            raise ValueError(f"expected a model of 2 latents, got {tuple(prior.event_shape)}")
        self.across, self.up = across, up
        self.z = torch.cartesian_prod(up, across).flip(1).to(prior.mean)  # (m n, 2)
        with torch.no_grad():
            self._log_prior = prior.log_prob(self.z).double()
            self._decoded = [model.decode(part) for part in self.z.split(DECODED_AT_ONCE)]

    @property
    def log_cell(self) -> float:
        """Log of the area that a point stands for."""
        return math.log((self.across[1] - self.across[0]) * (self.up[1] - self.up[0]))

    @torch.no_grad()
    def log_joint(self, masked: Masked) -> Tensor:
        """log p(x_obs, z) of each row, (B, m, n) nats, float64; [row: up, column: across]."""
        each = [log_prob_observed_at_each(part, masked).double() for part in self._decoded]
        log_joint = torch.cat(each) + self._log_prior[:, None]
        return log_joint.T.unflatten(1, (len(self.up), len(self.across)))

    def log_posterior(self, masked: Masked, log_evidence: Tensor | None = None) -> Tensor:
        """log p(z | x_obs) of each row, (B, m, n).

        Args:
            masked: B rows.
            log_evidence: log p(x_obs), (B,), from a grid fine enough; None = as this grid has it,
                which is right if the plane holds the whole posterior and resolves it.
        """
        log_joint = self.log_joint(masked)
        if log_evidence is None:
            log_evidence = log_joint.flatten(1).logsumexp(1) + self.log_cell
        return log_joint - log_evidence[:, None, None]

    def moments(self, log_posterior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, 2) and covariance (B, 2, 2) of densities on this grid, renormalised."""
        share = log_posterior.flatten(1).softmax(1)  # (B, m n)
        z = self.z.double()
        mean = share @ z
        off = z - mean[:, None]
        return mean, (share[:, None] * off.mT) @ off

    @torch.no_grad()
    def mean_image(self, log_posterior: Tensor) -> Tensor:
        """∫ E[x|z] p(z|x_obs) dz for densities (B, m, n): (B, \\*event)."""
        sizes = [each.batch_shape[0] for each in self._decoded]
        weights = log_posterior.flatten(1).softmax(1).split(sizes, 1)
        parts = [
            torch.tensordot(weight.to(each.mean.dtype), each.mean, 1)
            for weight, each in zip(weights, self._decoded, strict=True)
        ]
        return functools.reduce(torch.add, parts)

    def around(self, log_posterior: Tensor, nats: float = 18.0) -> tuple[Tensor, Tensor]:
        """Coordinates, as many, of the window in which one density (m, n) is not negligible.

        It holds all points within so many nats of the highest, and two more on every side.
        """
        inside = log_posterior > log_posterior.max() - nats

        def narrowed(axis: Tensor, seen: Tensor) -> Tensor:
            at = seen.nonzero()[:, 0]
            first, last = max(0, at.min() - 2), min(len(axis) - 1, at.max() + 2)
            return torch.linspace(axis[first], axis[last], len(axis)).to(axis)

        return narrowed(self.across, inside.any(0)), narrowed(self.up, inside.any(1))

    def draw(self, log_posterior: Tensor, draws: int, source: torch.Generator) -> Tensor:
        """Points of the grid in proportion to the densities (B, m, n): (draws, B, 2)."""
        share = log_posterior.flatten(1).softmax(1)
        chosen = torch.stack([categorical(share, source) for _ in range(draws)])
        return self.z[chosen]
