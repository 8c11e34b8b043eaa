"""The chain of the live engine, run by the library's own samplers with the same random stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core.live.stream import CounterStream
from dgm_core.models.vae import VAE
from dgm_core.samplers import metropolis_within_gibbs, pseudo_gibbs
from dgm_core.types import Masked


class Part(NamedTuple):
    """Iterations on one problem."""

    masked: Masked  # one row per chain
    iterations: int
    warmup: int


class Path(NamedTuple):
    """What happened in the iterations of Metropolis-within-Gibbs, (iterations, chains)."""

    log_ratio: Tensor
    log_u: Tensor
    accepted: Tensor
    x: Tensor  # at the end, (chains, *event)
    mean: Tensor  # of E[x|z] over the chains and iterations of the last part, (*event)


def run(model: VAE, parts: Sequence[Part], seed: int, *, stale: bool = False) -> Path:
    """Run all parts one after another with one state.

    Args:
        model: in 64 bits.
        parts: the problems; each warm-up consists of pseudo-Gibbs iterations.
        seed: of the stream.
        stale: keep log p(x, z) from before a change of the problem, which is wrong.
    """
    source = CounterStream(seed, model.latent_dim)
    state: Any = None
    infos, means = [], []
    with torch.inference_mode():
        for masked, iterations, warmup in parts:
            exact, warm = metropolis_within_gibbs(model, masked), pseudo_gibbs(model, masked)
            state = exact.init(source) if state is None else continued(model, masked, state, stale)
            means = []
            for number in range(iterations):
                source.iteration += 1
                kernel = warm if number < warmup else exact
                state, info = kernel.step(state, source)
                if number >= warmup:
                    infos.append(info)
                    means.append(state.likelihood.mean.mean(0))
    traces = (torch.stack([getattr(i, name) for i in infos]) for name in Path._fields[:3])
    return Path(*traces, state.x, torch.stack(means).mean(0))


def continued(model: VAE, masked: Masked, state: Any, stale: bool) -> Any:
    """The state of the same chains after a change of the problem."""
    x = masked.complete(state.x)
    log_joint = state.likelihood.log_prob(x) + model.prior().log_prob(state.z)
    return state._replace(x=x, log_joint=state.log_joint if stale else log_joint)
