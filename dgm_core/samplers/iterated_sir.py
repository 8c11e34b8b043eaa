"""Iterated sampling-importance-resampling, i-SIR, between Hamiltonian steps ("Ex²MCMC").

The target is π(z) = p(x_obs | z) p(z). One iteration has a global move (Andrieu, Doucet &
Holenstein 2010) and a local one (Samsonov et al. 2022):

    z_1 = z;   z_2, …, z_N ~ q_mix;   w_i = π(z_i) / q_mix(z_i)
    z ← z_i with probability w_i / Σ w
    z ← a Hamiltonian step from z;   x_mis ~ p(x_mis | z)

The global move leaves π invariant for every N, because the current z is one of the candidates.
It can reach other modes. The local move follows the shape of one mode. The proposal is a mixture:

    q_mix = (1 − ε) · [ mean of q(z | x_obs, x_hist) and, if there is one, of r(z | x_obs) ] + ε p

with x_hist an earlier completion as in `collapsed`, and r a proposal that knows the mask, such as
a partial encoder. Given x_hist, q_mix does not depend on the current z: completions made since
the last global move came to z are not used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.rng import Source, draw, uniform
from dgm_core.samplers.history import History, begun, choose, remember
from dgm_core.samplers.hmc import Evaluated, HmcState, Tuning, evaluate, hmc, started
from dgm_core.samplers.initial import Initialisation, uniform_noise
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.samplers.state import Info, State
from dgm_core.types import LatentVariableModel, Masked, Sampler


class SirState(NamedTuple):
    """The fields of `HmcState`, and the history."""

    x: Tensor  # (B, *event) completed data; observed entries never change
    z: Tensor  # (B, L)
    likelihood: Distribution  # p(x | z) at this z
    log_joint: Tensor  # (B,) log p(x, z) at this x and z
    log_target: Tensor  # (B,) log p(x_obs, z)
    slope: Tensor  # (B, L) its gradient
    tuning: Tuning
    history: History


def iterated_sir(
    model: LatentVariableModel,
    masked: Masked,
    initialisation: Initialisation = uniform_noise,
    *,
    candidates: int = 16,
    prior_fraction: float = 0.2,
    proposal: Callable[[Masked], Distribution] | None = None,
    warmup: int = 150,
    leapfrogs: int = 10,
    history: int = 20,
) -> Sampler:
    """The sampler for a model and incomplete data (B, \\*event): one chain per row.

    `Info` is that of the local step: `log_ratio` of the Hamiltonian step from where the global
    move ended.

    Args:
        model: as for `hmc`.
        masked: the problem.
        initialisation: first values of the hidden entries.
        candidates: N, the current z included.
        prior_fraction: ε, the fraction of candidates from the prior; above 0 it bounds w if
            p(x_obs | z) is bounded.
        proposal: r, from a problem of B rows to a distribution with batch (B,); None = none.
        warmup: iterations in which the local step adapts.
        leapfrogs: leapfrog steps of the local step.
        history: completions kept for each chain.

    Raises:
        ValueError: fewer than two candidates, or `prior_fraction` is not in (0, 1].
    """
    if candidates < 2 or not 0 < prior_fraction <= 1:
        raise ValueError(
            "expected at least 2 candidates and prior_fraction in (0, 1], "
            f"got {candidates} and {prior_fraction}"
        )
    prior = model.prior()
    local = hmc(model, masked, initialisation, warmup=warmup, leapfrogs=leapfrogs)
    others, count = masked.tile(candidates - 1), candidates - 1
    own = [] if proposal is None else [proposal(masked)]
    fractions = [(1 - prior_fraction) / (1 + len(own))] * (1 + len(own)) + [prior_fraction]
    ends = torch.tensor(fractions).cumsum(0)[:-1].to(masked.x)

    def begin(state: HmcState) -> SirState:
        return SirState(*state, begun(state.x, history))

    def init(source: Source) -> SirState:
        return begin(local.init(source))

    def step(state: SirState | State, source: Source) -> tuple[SirState, Info]:
        if not isinstance(state, SirState):
            first = isinstance(state, HmcState)
            state = begin(state if first else started(model, masked, state))
        rows, dtype = len(state.z), state.log_target.dtype
        encoder = model.encode(choose(state.history, uniform((rows,), source, dtype)))
        components = [encoder, *own, prior.expand((rows,))]

        u = uniform((rows, count), source, dtype).T  # which component
        which = (u[..., None] >= ends).sum(-1)  # (N − 1, B)
        drawn = torch.stack([draw(each, source, count) for each in components])
        z_new = drawn.gather(0, which[None, ..., None].expand(1, *drawn.shape[1:]))[0]
        likelihoods = model.decode(z_new.flatten(0, 1))
        target_new = log_prob_observed(likelihoods, others).view(count, rows)
        target_new = target_new + prior.log_prob(z_new)
        candidate = torch.cat([state.z[None], z_new])  # (N, B, L)
        log_w = torch.cat([state.log_target[None], target_new])
        log_w = log_w - log_mixture(components, fractions, candidate)
        cumulative = log_w.double().softmax(0).cumsum(0)
        u = uniform((rows,), source, torch.float64) * cumulative[-1]
        chosen = (cumulative <= u).sum(0).clamp_max(count)  # (B,)
        z = candidate[chosen, torch.arange(rows, device=u.device)]
        moved = chosen > 0
        kept = state.history._replace(moves=state.history.moves + moved)
        there, info = local.step(_at(state, evaluate(model, masked, z)), source)
        kept = remember(kept, there.x, uniform((rows,), source, torch.float64))
        return SirState(*there, history=kept), info

    return Sampler(init, step)


def log_mixture(
    components: Sequence[Distribution], fractions: Sequence[float], z: Tensor
) -> Tensor:
    """log q_mix of z (N, B, L), (N, B); each component has batch (B,)."""
    parts = zip(components, fractions, strict=True)
    return torch.stack(
        [math.log(fraction) + each.log_prob(z) for each, fraction in parts if fraction]
    ).logsumexp(0)


def _at(state: SirState, point: Evaluated) -> HmcState:
    """The state of the local step at another point; x and log_joint wait for its redraw of x."""
    return HmcState(
        state.x,
        point.z,
        point.likelihood,
        state.log_joint,
        point.log_target,
        point.slope,
        state.tuning,
    )
