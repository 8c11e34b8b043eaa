"""What the samplers of (z, x_mis) share: their state, its start, and the redraw of x_mis."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.distributions import Distribution

from dgm_core.rng import Source, draw
from dgm_core.samplers.initial import Initialisation
from dgm_core.types import LatentVariableModel, Masked


class State(NamedTuple):
    """What the next step needs; every tensor leads with the chains."""

    x: Tensor  # (B, *event) completed data; observed entries never change
    z: Tensor  # (B, L)
    likelihood: Distribution  # p(x | z) at this z: the decoder runs once a proposal, not twice
    log_joint: Tensor  # (B,) log p(x, z) at this x and z


class Info(NamedTuple):
    """What only a reader needs."""

    accepted: Tensor  # (B,) bool: did z move to the proposal?
    log_ratio: Tensor  # (B,) log of the Metropolis ratio; 0 where a sampler does not compute it
    z_new: Tensor  # (B, L) what was proposed
    proposal: Distribution  # q(z | completed x) that proposed it, batch (B,)
    log_u: Tensor  # (B,) what log_ratio had to exceed; −∞ where a sampler always accepts


def start(
    model: LatentVariableModel, masked: Masked, initialisation: Initialisation, source: Source
) -> State:
    """x_mis from `initialisation`, z from the encoder on the completed data."""
    fill = initialisation(model, masked, source)
    x = masked.complete(fill)
    z = draw(model.encode(x), source)
    likelihood = model.decode(z)
    return State(x, z, likelihood, likelihood.log_prob(x) + model.prior().log_prob(z))


def redraw_missing(
    model: LatentVariableModel, masked: Masked, z: Tensor, likelihood: Distribution, source: Source
) -> State:
    """x_mis ~ p(x_mis | z): a draw, never a threshold, with log p(x, z) brought up to date."""
    x = masked.complete(draw(likelihood, source))
    return State(x, z, likelihood, likelihood.log_prob(x) + model.prior().log_prob(z))
