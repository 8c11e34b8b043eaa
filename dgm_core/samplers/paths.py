"""Paths from a known density to p(x_obs, z), and Hamiltonian moves along them.

    f_β(z) = q(z)^(1 − β) · [p(x_obs|z) p(z)]^β,   β: 0 → 1,   q the prior or a proposal

Annealed importance sampling and the annealed SMC sampler move their draws along such a path.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.rng import normal, uniform
from dgm_core.samplers.acceptance import accept, acceptance_probability
from dgm_core.samplers.hamiltonian import leapfrog
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import LatentVariableModel, Masked


class Path(NamedTuple):
    """The path from `base` to p(x_obs, z) of B rows, with the units of steps along it.

    The unit of dimension d is [(1 − β) / base variance + β / target variance]^(−1/2).
    """

    model: LatentVariableModel
    masked: Masked  # B rows
    base: Distribution  # q, batch (B,)
    target_variance: Tensor  # (B, L) approximate variance of p(z | x_obs)

    def log_ends(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """log f_0 and log f_1 at z (C, B, L), (C, B) each."""
        distribution = self.model.decode(z.flatten(0, 1))
        log_likelihood = log_prob_observed(distribution, self.masked.tile(len(z))).unflatten(
            0, z.shape[:2]
        )
        return self.base.log_prob(z), log_likelihood + self.model.prior().log_prob(z)

    def units(self, beta: float | Tensor) -> Tensor:
        """The unit of a step in each dimension, (B, L), at one β or one per row, (B,)."""
        beta = column(beta)
        return ((1 - beta) / self.base.variance + beta / self.target_variance).rsqrt()


def path_from_prior(
    model: LatentVariableModel, masked: Masked, proposal: Distribution | None = None
) -> Path:
    """The path that starts at p(z).

    Args:
        model: p(x, z).
        masked: B rows.
        proposal: batch (B,); its variance is an approximation of the posterior's.
    """
    prior = model.prior().expand((len(masked),))
    return Path(model, masked, prior, (proposal or prior).variance)


def path_from_proposal(model: LatentVariableModel, masked: Masked, proposal: Distribution) -> Path:
    """The path that starts at q(z | x_obs), batch (B,): shorter if q is near the posterior."""
    return Path(model, masked, proposal, proposal.variance)


def column(beta: float | Tensor) -> float | Tensor:
    """β, or one for each row as (B, 1)."""
    return beta[:, None] if isinstance(beta, Tensor) else beta


class Point(NamedTuple):
    """Positions of the chains, with log-densities and gradients."""

    z: Tensor  # (C, B, L)
    log_0: Tensor  # (C, B) log f_0
    log_1: Tensor
    slope_0: Tensor  # (C, B, L) gradient of log f_0
    slope_1: Tensor

    def log_density(self, beta: float | Tensor) -> Tensor:
        """log f_β, (C, B), at one β or one per row, (B,)."""
        return (1 - beta) * self.log_0 + beta * self.log_1

    def slope(self, beta: float | Tensor) -> Tensor:
        """Its gradient, (C, B, L)."""
        beta = column(beta)
        return (1 - beta) * self.slope_0 + beta * self.slope_1


def evaluate(path: Path, z: Tensor) -> Point:
    """The point at z (C, B, L)."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        log_0, log_1 = path.log_ends(z)
        (slope_0,) = torch.autograd.grad(log_0.sum(), z, retain_graph=True)
        (slope_1,) = torch.autograd.grad(log_1.sum(), z)
    return Point(z.detach(), log_0.detach(), log_1.detach(), slope_0, slope_1)


def hamiltonian_move(
    path: Path,
    point: Point,
    beta: float | Tensor,
    length: Tensor,
    source: torch.Generator,
    leapfrogs: int,
    units: Tensor | None = None,
) -> tuple[Point, Tensor, Tensor]:
    """Leapfrog steps and a Metropolis test, which leave f_β invariant.

    Lengths vary by up to a fifth from chain to chain, so that trajectories do not return to their
    start in all chains.

    Args:
        path: the path.
        point: positions of C chains of each of B rows.
        beta: β, or one per row, (B,).
        length: of the leapfrog steps, (B,), in `units`.
        source: of all randomness.
        leapfrogs: number of leapfrog steps.
        units: (B, L); None = those of the path.

    Returns:
        The next point, acceptance (C, B), and its probability.
    """
    shape, dtype = tuple(point.log_0.shape), point.z.dtype
    vary = 0.8 + 0.4 * uniform(shape, source, dtype)
    step = (length * vary)[..., None] * (path.units(beta) if units is None else units)
    momentum = normal(tuple(point.z.shape), source, dtype)
    energy = point.log_density(beta) - 0.5 * momentum.square().sum(-1)
    *_, (new, momentum) = leapfrog(
        lambda z: evaluate(path, z),
        lambda each: each.slope(beta),
        point,
        momentum,
        step,
        leapfrogs,
    )
    log_ratio = new.log_density(beta) - 0.5 * momentum.square().sum(-1) - energy
    accepted, _ = accept(log_ratio, source)  # a diverging trajectory has ρ = NaN
    moved = Point(
        *(
            torch.where(accepted[..., None] if a.dim() == 3 else accepted, a, b)
            for a, b in zip(new, point, strict=True)
        )
    )
    return moved, accepted, acceptance_probability(log_ratio)
