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

from dgm_core.bounds import Estimate, log_likelihood
from dgm_core.rng import draw
from dgm_core.samplers.hamiltonian import adjusted
from dgm_core.samplers.paths import Path, evaluate, hamiltonian_move

MOVES = 20
"""Hamiltonian steps by which each chain run backwards moves away from the common exact draw."""


def sigmoid_schedule(steps: int, sharpness: float = 4.0) -> Tensor:
    """β_0 = 0 … β_steps = 1, (steps + 1,) float64, dense at both ends (Wu et al. 2017).

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"expected at least 1 step, got {steps}")
    ends = torch.linspace(-sharpness, sharpness, steps + 1, dtype=torch.float64).sigmoid()
    return (ends - ends[0]) / (ends[-1] - ends[0])


class Annealed(NamedTuple):
    """Chains at one temperature."""

    number: int  # of the temperature, from 1 to T
    beta: float
    z: Tensor  # (C, B, L)
    log_w: Tensor  # (C, B) so far
    acceptance: Tensor  # (B,) fraction of chains that accepted the last step


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
    point = evaluate(path, z)
    log_w = torch.zeros_like(point.log_0)
    for number, (before, beta) in enumerate(pairwise(betas.tolist())):
        log_w = log_w + (beta - before) * (point.log_1 - point.log_0)
        point, accepted, _ = hamiltonian_move(
            path, point, beta, lengths[number], source, leapfrogs
        )
        acceptance = accepted.double().mean(0)
        yield Annealed(number + 1, beta, point.z, log_w, acceptance)


def pilot_lengths(
    path: Path, betas: Tensor, source: torch.Generator, *, chains: int = 8, leapfrogs: int = 5
) -> Tensor:
    """Step lengths (T, B) with about the wanted acceptance.

    One run from β_0 = 0 adjusts them at every temperature, see `hamiltonian.adjusted`.
    """
    point = evaluate(path, draw(path.base, source, chains))
    log_length = torch.full_like(point.log_0[0], math.log(0.3))
    found = []
    for beta in betas[1:].tolist():
        point, _, probability = hamiltonian_move(
            path, point, beta, log_length.exp(), source, leapfrogs
        )
        # A good length at this β is nearly right at the next.
        log_length = adjusted(log_length, probability.mean(0))
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
    point = evaluate(path, z)
    for _ in range(moves):
        point, _, _ = hamiltonian_move(path, point, 1.0, length, source, leapfrogs)
    return point.z
