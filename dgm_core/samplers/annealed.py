"""Annealed importance sampling, AIS (Neal 2001): from a known density to an unnormalised one.

    f_β(z) = q(z)^(1 − β) · [p(x_obs|z) p(z)]^β,   β: 0 → 1,   q the prior or a proposal
    z_0 ~ q;   for each β_t:   log w += (β_t − β_(t−1)) · log f_1(z) / f_0(z),
                               z ← Hamiltonian step that leaves f_(β_t) invariant

The expectation of w is p(x_obs) for any number of temperatures and any mixing of the chain; both
only change the variance of w. So log (1/C) Σ w of C chains is a lower bound in expectation, as for
IWAE, and more temperatures make it tighter. The Metropolis test of the Hamiltonian step (Neal
2011) makes the step leave f_β invariant, so the expectation is right.

The same chain run from β = 1 to 0 estimates 1 / p(x) if it starts at a draw of p(z|x). If the
model has generated x from z, then z is such a draw. So −log (1/C) Σ w is an *upper* bound, and the
two bounds enclose log p(x) in expectation (bidirectional Monte Carlo, Grosse, Ghahramani & Adams
2015). Chains that start at the same z are dependent, and s / √C of their weights is too small. So
each chain first moves from z by Hamiltonian steps at β = 1. They leave p(z|x) invariant, so its
start is then an exact draw of its own.

Step lengths that adapt to the chains they move would bias w. So a pilot run with its own chains
finds one length per row and temperature, and the lengths are then fixed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.bounds import Estimate, log_likelihood
from dgm_core.rng import draw, normal, uniform
from dgm_core.samplers.acceptance import accept
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import LatentVariableModel, Masked

WANTED_ACCEPTANCE = 0.8
"""The acceptance of Hamiltonian steps that the pilot run aims at."""

MOVES = 20
"""Hamiltonian steps by which each chain run backwards moves away from the common exact draw."""

LONGEST = math.log(1.5)
"""Log of the longest step, in units of the path; in flat directions every step is accepted."""


def sigmoid_schedule(steps: int, sharpness: float = 4.0) -> Tensor:
    """β_0 = 0 … β_steps = 1, (steps + 1,) float64, dense at both ends (Wu et al. 2017).

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"expected at least 1 step, got {steps}")
    ends = torch.linspace(-sharpness, sharpness, steps + 1, dtype=torch.float64).sigmoid()
    return (ends - ends[0]) / (ends[-1] - ends[0])


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

    def units(self, beta: float) -> Tensor:
        """The unit of a step in each dimension, (B, L)."""
        return ((1 - beta) / self.base.variance + beta / self.target_variance).rsqrt()


class Annealed(NamedTuple):
    """Chains at one temperature."""

    number: int  # of the temperature, from 1 to T
    beta: float
    z: Tensor  # (C, B, L)
    log_w: Tensor  # (C, B) so far
    acceptance: Tensor  # (B,) fraction of chains that accepted the last step


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


def anneal(
    path: Path,
    betas: Tensor,
    source: torch.Generator,
    *,
    lengths: Tensor,
    chains: int = 16,
    leapfrogs: int = 5,
    start: Tensor | None = None,
) -> Iterator[Annealed]:
    """Run C chains for each row; yields after every temperature, the last with the final weights.

    Args:
        path: the path.
        betas: β_0 … β_T, rising from 0 or, for the upper bound, falling from 1.
        source: source of all randomness.
        lengths: lengths of the leapfrog steps, (T, B), in units of the path; see `pilot_lengths`.
        chains: C.
        leapfrogs: leapfrog steps per Hamiltonian step.
        start: (C, B, L) draws from f at β_0; None = draws from `path.base`, right for β_0 = 0.

    Raises:
        ValueError: β_0 is not 0 and there is no start, or the number of lengths is not T.
    """
    if start is None and betas[0] != 0:
        raise ValueError(f"expected betas from 0 without a start, got {betas[0].item()}")
    if len(lengths) != len(betas) - 1:
        raise ValueError(f"expected lengths for {len(betas) - 1} steps, got {len(lengths)}")
    z = draw(path.base, source, chains) if start is None else start
    point = _point(path, z)
    log_w = torch.zeros_like(point.log_0)
    for number, (before, beta) in enumerate(pairwise(betas.tolist())):
        log_w = log_w + (beta - before) * (point.log_1 - point.log_0)
        point, accepted, _ = _hamiltonian_step(
            path, point, beta, lengths[number], leapfrogs, source
        )
        acceptance = accepted.double().mean(0)
        yield Annealed(number + 1, beta, point.z, log_w, acceptance)


def pilot_lengths(
    path: Path, betas: Tensor, source: torch.Generator, *, chains: int = 8, leapfrogs: int = 5
) -> Tensor:
    """Step lengths (T, B) with an acceptance of about `WANTED_ACCEPTANCE`.

    The method is that of Robbins & Monro (1951) along one run from β_0 = 0: the logarithm of a
    row's length changes by half the acceptance probability minus `WANTED_ACCEPTANCE`.
    """
    point = _point(path, draw(path.base, source, chains))
    log_length = torch.full_like(point.log_0[0], math.log(0.3))
    found = []
    for beta in betas[1:].tolist():
        point, _, probability = _hamiltonian_step(
            path, point, beta, log_length.exp(), leapfrogs, source
        )
        # A good length at this β is nearly right at the next.
        log_length = log_length + 0.5 * (probability.mean(0) - WANTED_ACCEPTANCE)
        log_length = log_length.clamp_max(LONGEST)
        found.append(log_length.exp())
    return torch.stack(found)


def annealed_bound(
    path: Path,
    steps: int,
    source: torch.Generator,
    *,
    chains: int = 16,
    leapfrogs: int = 5,
    draws: Tensor | None = None,
    moves: int = MOVES,
) -> Iterator[Annealed | Estimate]:
    """log p(x_obs) of each row by AIS: an `Annealed` per temperature, then the `Estimate`.

    The estimate is a lower bound in expectation; with `draws` it is an upper bound.

    Args:
        path: the path.
        steps: T, temperatures.
        source: source of all randomness, for the pilot run too.
        chains: C.
        leapfrogs: leapfrog steps per Hamiltonian step.
        draws: exact draws from p(z | x_obs), (B, L), which exist for images that the model has
            generated. The path is run backwards.
        moves: Hamiltonian steps of each chain from there to a start of its own. With 0, all chains
            of a row start at its draw, and the standard error is too small.
    """
    betas, start = sigmoid_schedule(steps), None
    lengths = pilot_lengths(path, betas, source, chains=max(2, chains // 2), leapfrogs=leapfrogs)
    if draws is not None:
        # The pilot run goes upwards: lengths that depend on the draws would bias the weights.
        start = _moved(
            path, draws.expand(chains, *draws.shape), lengths[-1], leapfrogs, moves, source
        )
        betas = betas.flip(0)
        lengths = torch.cat([lengths[:-1].flip(0), lengths[:1]])
    last = None
    for last in anneal(
        path, betas, source, lengths=lengths, chains=chains, leapfrogs=leapfrogs, start=start
    ):
        yield last
    assert last is not None  # a schedule has at least one step
    estimate = log_likelihood(last.log_w.double())
    yield estimate if draws is None else Estimate(-estimate.value, estimate.standard_error)


def _moved(
    path: Path, z: Tensor, length: Tensor, leapfrogs: int, moves: int, source: torch.Generator
) -> Tensor:
    """z (C, B, L) after Hamiltonian steps at β = 1."""
    point = _point(path, z)
    for _ in range(moves):
        point, _, _ = _hamiltonian_step(path, point, 1.0, length, leapfrogs, source)
    return point.z


class _Point(NamedTuple):
    """Positions of the chains, with log-densities and gradients."""

    z: Tensor  # (C, B, L)
    log_0: Tensor  # (C, B) log f_0
    log_1: Tensor
    slope_0: Tensor  # (C, B, L) gradient of log f_0
    slope_1: Tensor

    def log_density(self, beta: float) -> Tensor:
        return (1 - beta) * self.log_0 + beta * self.log_1

    def slope(self, beta: float) -> Tensor:
        return (1 - beta) * self.slope_0 + beta * self.slope_1


def _point(path: Path, z: Tensor) -> _Point:
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        log_0, log_1 = path.log_ends(z)
        (slope_0,) = torch.autograd.grad(log_0.sum(), z, retain_graph=True)
        (slope_1,) = torch.autograd.grad(log_1.sum(), z)
    return _Point(z.detach(), log_0.detach(), log_1.detach(), slope_0, slope_1)


def _hamiltonian_step(
    path: Path, point: _Point, beta: float, length: Tensor, leapfrogs: int, source: torch.Generator
) -> tuple[_Point, Tensor, Tensor]:
    """Leapfrog steps and a Metropolis test: next point, acceptance (C, B) and its probability.

    Lengths (B,) vary by up to a fifth from chain to chain, so that trajectories do not return to
    their start in all chains.
    """
    shape, dtype = tuple(point.log_0.shape), point.z.dtype
    vary = 0.8 + 0.4 * uniform(shape, source, dtype)
    step = (length * vary)[..., None] * path.units(beta)  # (C, B, L)
    momentum = normal(tuple(point.z.shape), source, dtype)
    energy = point.log_density(beta) - 0.5 * momentum.square().sum(-1)
    new = point
    momentum = momentum + 0.5 * step * new.slope(beta)
    for number in range(1, leapfrogs + 1):
        new = _point(path, new.z + step * momentum)
        size = 1.0 if number < leapfrogs else 0.5  # the last momentum step is a half step
        momentum = momentum + size * step * new.slope(beta)
    log_ratio = new.log_density(beta) - 0.5 * momentum.square().sum(-1) - energy
    accepted, _ = accept(log_ratio, source)  # a diverging trajectory has ρ = NaN
    moved = _Point(
        *(
            torch.where(accepted[..., None] if a.dim() == 3 else accepted, a, b)
            for a, b in zip(new, point, strict=True)
        )
    )
    return moved, accepted, log_ratio.nan_to_num(nan=-math.inf).clamp_max(0).exp()
