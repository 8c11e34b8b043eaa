"""Ways to fill in the hidden entries before the first iteration.

Six work for every model; for a model with a partial encoder there is `partial_draw`. The effect of
the start disappears as a chain converges; the lab shows how quickly.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.rng import Source, draw, uniform
from dgm_core.samplers.importance import IncompleteEncoder, proposal_for
from dgm_core.types import LatentVariableModel, Masked

Initialisation = Callable[[LatentVariableModel, Masked, Source], Tensor]
"""(model, masked, source) → values (B, \\*event); only the hidden ones are used."""


def uniform_noise(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """U[0, 1) in each hidden entry."""
    return uniform(tuple(masked.x.shape), source, masked.x.dtype)


def zeros(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """0 (black) in each hidden entry."""
    return torch.zeros_like(masked.x)


def ones(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """1 (full ink) in each hidden entry."""
    return torch.ones_like(masked.x)


def fair_coin(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """0 or 1 with probability ½ each."""
    return (uniform(tuple(masked.x.shape), source, masked.x.dtype) < 0.5).to(masked.x.dtype)


def observed_mean(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """The mean of the row's observed entries; ½ if none is observed."""
    flat, seen = masked.x.flatten(1), masked.observed.flatten(1)
    count = seen.sum(1)
    mean = torch.where(count > 0, flat.sum(1) / count.clamp_min(1), 0.5)
    return mean.reshape((-1,) + (1,) * (masked.x.dim() - 1)).expand_as(masked.x)


def prior_draw(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """A draw from the model: z ~ p(z), x ~ p(x|z)."""
    rows = model.prior().expand((len(masked),))
    return draw(model.decode(draw(rows, source)), source)


def partial_draw(model: LatentVariableModel, masked: Masked, source: Source) -> Tensor:
    """A draw that knows the observed entries: z ~ q(z | x_obs, observed), x ~ p(x|z).

    Raises:
        ValueError: the model has no encoder of incomplete data.
    """
    return draw(model.decode(draw(proposal_for(model, masked), source)), source)


def start_of(model: LatentVariableModel, name: str) -> Initialisation:
    """`partial_draw` if the model can do it, else the named one of `INITIALISATIONS`."""
    return partial_draw if isinstance(model, IncompleteEncoder) else INITIALISATIONS[name]


INITIALISATIONS: dict[str, Initialisation] = {
    "uniform noise": uniform_noise,
    "zeros": zeros,
    "ones": ones,
    "fair coin": fair_coin,
    "observed mean": observed_mean,
    "prior draw": prior_draw,
}
