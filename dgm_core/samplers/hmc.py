"""Hamiltonian Monte Carlo, HMC, on p(z | x_obs) (Neal 2011): gradients instead of an encoder.

The target is known up to a constant for every z, because the hidden entries can be left out of
the likelihood: log π(z) = log p(x_obs | z) + log p(z). One iteration:

    p ~ N(0, I);   (z', p') from (z, p) by leapfrog steps;   ρ = π(z') e^(−½ p'²) / π(z) e^(−½ p²)
    z ← z' with probability min(1, ρ);   x_mis ~ p(x_mis | z)

The encoder only gives the start. In the first `warmup` iterations, each chain adapts the length ε
of its steps to an acceptance of 0.8 by dual averaging, and the scale s of each latent to the
spread of its draws (Hoffman & Gelman 2014). Then both are fixed, and π is invariant; iterations
of the warm-up are not draws from it.

A leapfrog step costs a gradient, about three passes of the decoder.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from dgm_core.distributions import where
from dgm_core.rng import Source, normal, uniform
from dgm_core.samplers.acceptance import accept, acceptance_probability
from dgm_core.samplers.hamiltonian import Spread, StepSize, leapfrog, with_gradient
from dgm_core.samplers.initial import Initialisation, uniform_noise
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.samplers.state import Info, State, redraw_missing, start
from dgm_core.types import LatentVariableModel, Masked, Sampler

FIRST_STEP = 0.1
"""ε before any adaptation; the prior's standard deviation is 1."""


class Tuning(NamedTuple):
    """What the warm-up adapts, and how many iterations a chain has made."""

    iteration: int
    step: StepSize
    scale: Tensor  # (B, L) s
    spread: Spread  # of the draws since the scale was last set


class HmcState(NamedTuple):
    """The fields of `State`, log π and its gradient, and the tuning."""

    x: Tensor  # (B, *event) completed data; observed entries never change
    z: Tensor  # (B, L)
    likelihood: Distribution  # p(x | z) at this z
    log_joint: Tensor  # (B,) log p(x, z) at this x and z
    log_target: Tensor  # (B,) log p(x_obs, z)
    slope: Tensor  # (B, L) its gradient
    tuning: Tuning


class Evaluated(NamedTuple):
    """A point of a trajectory."""

    z: Tensor  # (B, L)
    likelihood: Distribution
    log_target: Tensor  # (B,)
    slope: Tensor  # (B, L)


def hmc(
    model: LatentVariableModel,
    masked: Masked,
    initialisation: Initialisation = uniform_noise,
    *,
    warmup: int = 150,
    leapfrogs: int = 10,
) -> Sampler:
    """The sampler for a model and incomplete data (B, \\*event): one chain per row.

    `step` also accepts the `State` of another sampler. `Info.proposal` is the distribution of z
    after one leapfrog step.

    Args:
        model: its p(x|z) needs a rule in `log_prob_observed`, and gradients.
        masked: the problem.
        initialisation: first values of the hidden entries, from which the encoder makes z.
        warmup: iterations of each chain, from its first one, that adapt.
        leapfrogs: leapfrog steps in an iteration; 1 is MALA, Langevin's algorithm.

    Raises:
        ValueError: `warmup` is negative, or `leapfrogs` less than 1.
    """
    if warmup < 0 or leapfrogs < 1:
        raise ValueError(
            "expected warmup of at least 0 and leapfrogs of at least 1, "
            f"got {warmup} and {leapfrogs}"
        )
    ends = set(window_ends(warmup))

    def init(source: Source) -> HmcState:
        return started(model, masked, start(model, masked, initialisation, source))

    def step(state: HmcState | State, source: Source) -> tuple[HmcState, Info]:
        if not isinstance(state, HmcState):
            state = started(model, masked, state)
        tuning, dtype = state.tuning, state.log_target.dtype
        adapting = tuning.iteration < warmup
        log_step = tuning.step.log_step if adapting else tuning.step.log_mean
        # Lengths vary, so that no trajectory returns to its start at every iteration.
        length = log_step.exp() * (0.8 + 0.4 * uniform((len(state.z),), source, dtype))
        size = length[:, None] * tuning.scale
        momentum = normal(tuple(state.z.shape), source, dtype)
        here = Evaluated(state.z, state.likelihood, state.log_target, state.slope)
        *_, (there, momentum_new) = leapfrog(
            lambda z: evaluate(model, masked, z),
            lambda point: point.slope,
            here,
            momentum,
            size,
            leapfrogs,
        )
        log_ratio = (there.log_target - 0.5 * momentum_new.square().sum(1)) - (
            here.log_target - 0.5 * momentum.square().sum(1)
        )
        accepted, log_u = accept(log_ratio, source)
        moved = redraw_missing(
            model,
            masked,
            torch.where(accepted[:, None], there.z, here.z),
            where(there.likelihood, accepted, here.likelihood),
            source,
        )
        target = torch.where(accepted, there.log_target, here.log_target)
        slope = torch.where(accepted[:, None], there.slope, here.slope)
        tuning = tuning._replace(iteration=tuning.iteration + 1)
        if adapting:
            tuning = adapted(tuning, log_ratio, moved.z, new_scale=tuning.iteration in ends)
        first = Normal(here.z + 0.5 * size.square() * here.slope, size, validate_args=False)
        proposal = Independent(first, 1, validate_args=False)
        info = Info(accepted, log_ratio, there.z, proposal, log_u)
        return HmcState(*moved, target, slope, tuning), info

    return Sampler(init, step)


def evaluate(model: LatentVariableModel, masked: Masked, z: Tensor) -> Evaluated:
    """The point at z (B, L): log p(x_obs, z) with its gradient, and p(x | z)."""
    likelihoods: list[Distribution] = []

    def log_target(z: Tensor) -> Tensor:
        likelihoods.append(model.decode(z))
        return log_prob_observed(likelihoods[0], masked) + model.prior().log_prob(z)

    value, slope = with_gradient(z, log_target)
    return Evaluated(z, likelihoods[0], value, slope)


def started(model: LatentVariableModel, masked: Masked, state: State) -> HmcState:
    """The first state of a chain, from the state of another sampler."""
    z = state.z
    _, _, log_target, slope = evaluate(model, masked, z)
    first = torch.full_like(log_target, math.log(FIRST_STEP))
    tuning = Tuning(0, StepSize.start(first), torch.ones_like(z), Spread.start(z))
    return HmcState(*state[:4], log_target, slope, tuning)


def window_ends(warmup: int) -> list[int]:
    """Iterations after which the scales are set: from windows of double length each.

    The first window has a tenth of the warm-up, and the last tenth is left to the step alone.
    """
    first = max(10, warmup // 10)
    ends, window = [first], first
    while ends[-1] + window <= 0.9 * warmup:
        ends.append(ends[-1] + window)
        window *= 2
    return [end for end in ends if end <= 0.9 * warmup]


def adapted(tuning: Tuning, log_ratio: Tensor, z: Tensor, *, new_scale: bool) -> Tuning:
    """The tuning after an iteration of the warm-up, which ended at z (B, L)."""
    step = tuning.step.update(acceptance_probability(log_ratio))
    spread = tuning.spread.add(z)
    if not new_scale:
        return tuning._replace(step=step, spread=spread)
    # Steps are in units of the scale: a scale that shrinks as a whole makes ε grow.
    ratio = (tuning.scale.log() - spread.scale.log()).mean(1)
    step = StepSize.start((step.log_step + ratio).clamp_max(0))
    return Tuning(tuning.iteration, step, spread.scale, Spread.start(z))
