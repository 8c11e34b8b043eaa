"""Annealed importance sampling, AIS (Neal 2001): from a law that is known to one that is not.

    f_β(z) = q(z)^(1 − β) · [p(x_obs|z) p(z)]^β,   β: 0 → 1,   q the prior or a proposal
    z_0 ~ q;   for each β_t:   log w += (β_t − β_(t−1)) · log f_1(z) / f_0(z),
                               z ← Hamiltonian step that leaves f_(β_t) invariant

The mean of w is p(x_obs), whatever the number of temperatures and however badly the chain mixes;
both only decide how much w varies. So log (1/C) Σ w of C chains is a lower bound in expectation,
as IWAE is, and the better the more temperatures. The Metropolis test of the Hamiltonian step (Neal
2011) is what makes it leave f_β invariant, and the mean right.

The same chain run from β = 1 to 0 estimates 1 / p(x), if it begins at a draw of p(z|x). For x that
the model has made from z there is one, z itself: so −log (1/C) Σ w is an *upper* bound, and the
two close in on log p(x) from both sides (bidirectional Monte Carlo, Grosse, Ghahramani & Adams
2015).

Step lengths that adapt to the chains they move would bias w. They are found by a pilot run with
chains of its own, one for each row and temperature, and then held.
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
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import LatentVariableModel, Masked

WANTED_ACCEPTANCE = 0.8
"""Of Hamiltonian steps; the pilot run aims at it."""

LONGEST = math.log(1.5)
"""Log of the longest step, in units of the path: in flat directions all is accepted."""


def sigmoid_schedule(steps: int, sharpness: float = 4.0) -> Tensor:
    """β_0 = 0 … β_steps = 1, (steps + 1,): dense at both ends (Wu et al. 2017); float64.

    Raises:
        ValueError: no steps.
    """
    if steps < 1:
        raise ValueError(f"expected at least 1 step, got {steps}")
    ends = torch.linspace(-sharpness, sharpness, steps + 1, dtype=torch.float64).sigmoid()
    return (ends - ends[0]) / (ends[-1] - ends[0])


class Path(NamedTuple):
    """From `base` to p(x_obs, z) of B rows, and how long steps are along it.

    Position z_d moves in units of [(1 − β) / base variance + β / target variance]^(−1/2).
    """

    model: LatentVariableModel
    masked: Masked  # B rows
    base: Distribution  # q, batch (B,)
    target_variance: Tensor  # (B, L) about that of p(z | x_obs)

    def log_ends(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """log f_0 and log f_1 of z (C, B, L), (C, B) each."""
        law = self.model.decode(z.flatten(0, 1))
        log_likelihood = log_prob_observed(law, self.masked.tile(len(z))).unflatten(0, z.shape[:2])
        return self.base.log_prob(z), log_likelihood + self.model.prior().log_prob(z)

    def units(self, beta: float) -> Tensor:
        """Lengths of a step's unit in each dimension, (B, L)."""
        return ((1 - beta) / self.base.variance + beta / self.target_variance).rsqrt()


class Annealed(NamedTuple):
    """Chains at one temperature."""

    number: int  # of β_1 … β_T
    beta: float
    z: Tensor  # (C, B, L)
    log_w: Tensor  # (C, B) so far
    acceptance: Tensor  # (B,) of the last step, over chains


def path_from_prior(
    model: LatentVariableModel, masked: Masked, proposal: Distribution | None = None
) -> Path:
    """The path that begins at p(z).

    Args:
        model: p(x, z).
        masked: B rows.
        proposal: batch (B,), tells how narrow the posterior is about, and nothing else.
    """
    prior = model.prior().expand((len(masked),))
    return Path(model, masked, prior, (proposal or prior).variance)


def path_from_proposal(model: LatentVariableModel, masked: Masked, proposal: Distribution) -> Path:
    """The path that begins at q(z | x_obs), batch (B,): shorter if q is near the posterior."""
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
        path: what to anneal along.
        betas: β_0 … β_T, rising from 0 or, for the bound from above, falling from 1.
        source: randomness.
        lengths: of the leapfrog steps, (T, B), in units of the path: `pilot_lengths`.
        chains: C.
        leapfrogs: in a Hamiltonian step.
        start: (C, B, L) draws of f at β_0; None = of `path.base`, right where β_0 = 0.

    Raises:
        ValueError: β_0 is not 0 and there is no start, or not one length a temperature.
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
    """Step lengths (T, B) with which about `WANTED_ACCEPTANCE` of the steps are accepted.

    Robbins & Monro (1951) along one run, from β_0 = 0: the logarithm of a row's length moves by
    its acceptance probability less the wanted one.
    """
    point = _point(path, draw(path.base, source, chains))
    log_length = torch.full_like(point.log_0[0], math.log(0.3))
    found = []
    for beta in betas[1:].tolist():
        point, _, probability = _hamiltonian_step(
            path, point, beta, log_length.exp(), leapfrogs, source
        )
        # A length that is right at this β is nearly right at the next.
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
) -> Iterator[Annealed | Estimate]:
    """log p(x_obs) of each row by AIS: temperatures as they pass, then the `Estimate`.

    A lower bound in expectation; or, with `draws`, an upper one.

    Args:
        path: what to anneal along.
        steps: T, temperatures.
        source: randomness, of the pilot run too.
        chains: C.
        leapfrogs: in a Hamiltonian step.
        draws: exact draws of p(z | x_obs), (B, L), as images have that the model itself has made.
            All chains begin there, and the path is run backwards.
    """
    betas, start = sigmoid_schedule(steps), None
    lengths = pilot_lengths(path, betas, source, chains=max(2, chains // 2), leapfrogs=leapfrogs)
    if draws is not None:
        # The pilot stays an upward one: lengths that had seen the draws would not let them be
        # draws of the posterior any longer.
        betas, start = betas.flip(0), draws.expand(chains, *draws.shape)
        lengths = torch.cat([lengths[:-1].flip(0), lengths[:1]])
    last = None
    for last in anneal(
        path, betas, source, lengths=lengths, chains=chains, leapfrogs=leapfrogs, start=start
    ):
        yield last
    assert last is not None  # a schedule has at least one step
    estimate = log_likelihood(last.log_w.double())
    yield estimate if draws is None else Estimate(-estimate.value, estimate.standard_error)


class _Point(NamedTuple):
    """Where chains are, with what is known there."""

    z: Tensor  # (C, B, L)
    log_0: Tensor  # (C, B) log f_0
    log_1: Tensor
    slope_0: Tensor  # (C, B, L) gradients of them
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
    """Leapfrogs and a Metropolis test: the next point, accepted (C, B), and with what probability.

    Lengths (B,) are varied by up to a fifth from chain to chain, so that no trajectory closes on
    itself in all of them.
    """
    shape, dtype = tuple(point.log_0.shape), point.z.dtype
    vary = 0.8 + 0.4 * uniform(shape, source, dtype)
    step = (length * vary)[..., None] * path.units(beta)  # (C, B, L)
    momentum = normal(tuple(point.z.shape), source, dtype)
    energy = point.log_density(beta) - 0.5 * momentum.square().sum(-1)
    new = point
    momentum = momentum + 0.5 * step * new.slope(beta)
    for turn in range(leapfrogs):
        new = _point(path, new.z + step * momentum)
        share = 1.0 if turn + 1 < leapfrogs else 0.5
        momentum = momentum + share * step * new.slope(beta)
    log_ratio = new.log_density(beta) - 0.5 * momentum.square().sum(-1) - energy
    accepted = _accept(log_ratio, source)
    moved = _Point(
        *(
            torch.where(accepted[..., None] if a.dim() == 3 else accepted, a, b)
            for a, b in zip(new, point, strict=True)
        )
    )
    return moved, accepted, log_ratio.nan_to_num(nan=-math.inf).clamp_max(0).exp()


def _accept(log_ratio: Tensor, source: torch.Generator) -> Tensor:
    """With probability min(1, ρ). A trajectory that has flown off has no ratio: NaN, refused."""
    # 1 - u is in (0, 1], so the logarithm is finite.
    return torch.log1p(-uniform(tuple(log_ratio.shape), source, log_ratio.dtype)) < log_ratio
