"""The annealed SMC sampler (Del Moral et al. 2006): draws of p(z | x_obs), and log p(x_obs).

C particles of each row go along a path f_β from the prior, or a proposal, to p(x_obs, z):

    w  = [f_β(z) / f_β⁻(z)],   log p(x_obs) += log (1/C) Σ w
    C particles, resampled in proportion to w
    a few Hamiltonian moves of each that leave f_β invariant

At low β the target is near the prior, so the particles can reach modes that chains from a poor
encoder miss.

The temperatures are chosen so that w keeps an effective sample size of half of the particles.
Choices by the particles themselves would bias the estimate. So a pilot run with particles of its
own makes the `Plan`, with temperatures, step lengths and scales. Given the plan, the expectation
of the estimate is p(x_obs) for any number of particles, and its logarithm is a lower bound of
log p(x_obs) in expectation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.bounds import iwae_bound
from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.rng import draw
from dgm_core.samplers.hamiltonian import adjusted
from dgm_core.samplers.paths import Path, Point, evaluate, hamiltonian_move
from dgm_core.samplers.resampling import systematic

KEPT = 0.5
"""Effective sample size after a rise of β, as a fraction of the particles."""

MOST_TEMPERATURES = 200
"""The pilot run stops there; the last rise of β then goes to 1."""

HALVINGS = 40
"""Steps of the search for the next β."""


class Plan(NamedTuple):
    """The temperatures of B rows and the moves at each; rows at β = 1 only move."""

    betas: Tensor  # (T + 1, B), from 0 to 1
    lengths: Tensor  # (T, B) of the leapfrog steps, in units of the scales
    scales: Tensor  # (T, B, L)


class Particles(NamedTuple):
    """Particles at one temperature, with equal weights."""

    number: int  # of the temperature, from 1 to T
    beta: Tensor  # (B,)
    z: Tensor  # (C, B, L)
    log_evidence: Tensor  # (B,) log of the unbiased estimate of ∫ f_β, at β = 1 of p(x_obs)
    ess: Tensor  # (B,) effective sample size of w before resampling, from 1 to C
    acceptance: Tensor  # (B,) of the last move


@torch.no_grad()
def pilot(
    path: Path,
    source: torch.Generator,
    *,
    particles: int = 64,
    leapfrogs: int = 5,
    moves: int = 2,
) -> Plan:
    """Find temperatures, step lengths and scales by a run of its own; arguments as there."""
    point = evaluate(path, draw(path.base, source, particles))
    beta = torch.zeros_like(point.log_0[0])
    log_length = torch.full_like(beta, math.log(0.5))
    betas, lengths, scales = [beta], [], []
    while (beta < 1).any() or not lengths:
        beta = _next_beta(point, beta)
        if len(lengths) == MOST_TEMPERATURES - 1:
            beta = torch.ones_like(beta)
        point = _resampled(point, _log_rise(point, betas[-1], beta), source)
        scale = _scale(point.z)
        for _ in range(moves):
            point, _, probability = hamiltonian_move(
                path, point, beta, log_length.exp(), source, leapfrogs, scale
            )
            log_length = adjusted(log_length, probability.mean(0))
        betas.append(beta)
        lengths.append(log_length.exp())
        scales.append(scale)
    return Plan(torch.stack(betas), torch.stack(lengths), torch.stack(scales))


@torch.no_grad()
def annealed_smc(
    path: Path,
    plan: Plan,
    source: torch.Generator,
    *,
    particles: int = 64,
    leapfrogs: int = 5,
    moves: int = 2,
) -> Iterator[Particles]:
    """Run C particles for each row; yields after every temperature.

    Args:
        path: from a known density to p(x_obs, z).
        plan: of a pilot run, from another source of randomness.
        source: source of all randomness.
        particles: C.
        leapfrogs: leapfrog steps of a Hamiltonian move.
        moves: Hamiltonian moves at each temperature.

    Raises:
        ValueError: fewer than two particles, or no move.
    """
    if particles < 2 or moves < 1:
        raise ValueError(f"expected at least 2 particles and 1 move, got {particles} and {moves}")
    point = evaluate(path, draw(path.base, source, particles))
    log_evidence = torch.zeros_like(point.log_0[0], dtype=torch.float64)
    for number, length in enumerate(plan.lengths):
        before, beta = plan.betas[number], plan.betas[number + 1]
        log_w = _log_rise(point, before, beta)
        log_evidence = log_evidence + iwae_bound(log_w)
        point = _resampled(point, log_w, source)
        accepted = torch.zeros_like(point.log_0, dtype=torch.bool)
        for _ in range(moves):
            point, accepted, _ = hamiltonian_move(
                path, point, beta, length, source, leapfrogs, plan.scales[number]
            )
        yield Particles(
            number + 1,
            beta,
            point.z,
            log_evidence,
            importance_ess(log_w),
            accepted.double().mean(0),
        )


def _log_rise(point: Point, before: Tensor, beta: Tensor) -> Tensor:
    """log w of a rise from one β (B,) to the next, (C, B) float64; NaN weighs nothing."""
    log_ratio = (point.log_1 - point.log_0).double().nan_to_num(nan=-math.inf)
    # A row that stays at its β has w = 1, also where the ratio is −∞.
    return torch.where(beta > before, (beta - before) * log_ratio, 0)


def _next_beta(point: Point, beta: Tensor) -> Tensor:
    """The largest β ≤ 1 whose weights keep `KEPT` of the particles, by halving, (B,)."""
    wanted = KEPT * len(point.z)
    low, high = beta, torch.ones_like(beta)
    whole = importance_ess(_log_rise(point, beta, high)) >= wanted
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = importance_ess(_log_rise(point, beta, middle)) >= wanted
        low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
    return torch.where(whole, torch.ones_like(beta), high)


def _resampled(point: Point, log_w: Tensor, source: torch.Generator) -> Point:
    """Particles of each row in proportion to w (C, B); rows with equal weights stay."""
    count = len(log_w)
    chosen = systematic(count * log_w.T.softmax(1), count, source).T  # (C, B)
    flat = (log_w == log_w[:1]).all(0)
    chosen = torch.where(flat, torch.arange(count, device=chosen.device)[:, None], chosen)
    return Point(
        *(
            each.gather(0, chosen[..., None].expand_as(each) if each.dim() == 3 else chosen)
            for each in point
        )
    )


def _scale(z: Tensor) -> Tensor:
    """Standard deviations of the particles, (B, L), kept from 0 where few are different."""
    return z.std(0).clamp_min(1e-2)
