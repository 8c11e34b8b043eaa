"""The state of samplers of (z, x_mis), its initial value, and the redraw of x_mis."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.distributions import Distribution

from dgm_core.rng import Source, draw
from dgm_core.samplers.initial import Initialisation
from dgm_core.types import LatentVariableModel, Masked


class State(NamedTuple):
    """What the next step needs; the first dimension of every tensor runs over chains."""

    x: Tensor  # (B, *event) completed data; observed entries never change
    z: Tensor  # (B, L)
    likelihood: Distribution  # p(x | z) at this z, so that the decoder runs once per proposal
    log_joint: Tensor  # (B,) log p(x, z) at this x and z


class Info(NamedTuple):
    """What a reader needs, and the next step does not."""

    accepted: Tensor  # (B,) bool: did z move to the proposal?
    log_ratio: Tensor  # (B,) log of the Metropolis ratio; 0 if a sampler does not compute it
    z_new: Tensor  # (B, L) the proposal
    proposal: Distribution  # q(z | completed x), the distribution of the proposal, batch (B,)
    log_u: Tensor  # (B,) accepted if log_ratio is above it; −∞ if a sampler always accepts


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
    """x_mis ~ p(x_mis | z), a draw and not a threshold, with log p(x, z) computed again."""
    x = masked.complete(draw(likelihood, source))
    return State(x, z, likelihood, likelihood.log_prob(x) + model.prior().log_prob(z))
