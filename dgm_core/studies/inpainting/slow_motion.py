"""One chain of the inpainting study in slow motion: each iteration taken apart.

    z' ~ q(z|x),   log ρ = log p(x, z') − log p(x, z) + log q(z|x) − log q(z'|x),
    z ← z' if log u < log ρ,   x_mis ~ p(x_mis|z)

The run is that of `inpainting.run`, bit for bit: the same seed and kernels, and all of its chains,
of which one is looked at. Pseudo-Gibbs never asks for ρ; it is computed here to show what it would
have been told. The first factor splits further,

    log p(x, z) = log p(x_obs|z) + log p(x_mis|z) + log p(z),

and the middle one is why Metropolis is slow: x_mis was drawn at z and speaks for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.samplers import State, log_prob_observed
from dgm_core.samplers.chains import Iteration
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import SAMPLERS
from dgm_core.types import LatentVariableModel, Masked

MOST = 60
"""Iterations in one window."""
STRIDE = 50
"""Iterations that are passed over between two signs of life."""


@dataclass(frozen=True)
class Config:
    """Which iterations of which chain are looked at.

    Args:
        run: of all chains.
        sampler: a name in `SAMPLERS`.
        chain: counts from 1.
        first: iteration that the window begins with; counts from 1.
        count: of its iterations; the end of the run may cut it short.

    Raises:
        ValueError: an unknown sampler, or a number out of the run's range.
    """

    run: two_samplers.Config
    sampler: str = "Metropolis-within-Gibbs"
    chain: int = 1
    first: int = 1
    count: int = 20

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise ValueError(f"expected a sampler of {SAMPLERS}, got {self.sampler!r}")
        limits = {"chain": self.run.chains, "first": self.run.iterations, "count": MOST}
        for name, high in limits.items():
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"expected {name} from 1 to {high}, got {getattr(self, name)}")

    @property
    def window(self) -> range:
        """Numbers of the iterations that are taken apart."""
        return range(self.first, min(self.first + self.count, self.run.iterations + 1))


Number = TypeVar("Number", float, Tensor)


class Densities(NamedTuple, Generic[Number]):
    """Log-densities of a completed x and a latent z, in nats: floats, or tensors (B,)."""

    seen: Number  # log p(x_obs | z)
    hidden: Number  # log p(x_mis | z), x_mis as it is
    prior: Number  # log p(z)
    proposal: Number  # log q(z | x)
    distance: Number  # of z from the mean of q, in standard deviations of q

    @property
    def joint(self) -> Number:
        """log p(x, z)."""
        return self.seen + self.hidden + self.prior


class Moment(NamedTuple):
    """One iteration of one chain, in full; pixels are those of the image (28, 28)."""

    number: int
    warming_up: bool
    x: np.ndarray  # bool, as completed before the iteration
    z: np.ndarray  # (L,)
    mean: np.ndarray  # E[x | z]
    centre: np.ndarray  # (L,) mean of q(z | x)
    spread: np.ndarray  # (L,) its standard deviations
    z_new: np.ndarray  # (L,) proposed
    mean_new: np.ndarray  # E[x | z']
    now: Densities[float]  # at z
    proposed: Densities[float]  # at z'
    log_ratio: float  # log ρ; as the sampler had it, if it asked
    log_u: float  # what log ρ had to exceed; −∞ where nobody asked
    accepted: bool
    x_new: np.ndarray  # bool, hidden pixels drawn anew

    @property
    def uses_ratio(self) -> bool:
        """Did log ρ decide?"""
        return math.isfinite(self.log_u)

    @property
    def terms(self) -> tuple[float, float, float, float]:
        """The four that sum to log ρ, signs included: of p(x, z'), p(x, z), q(z|x), q(z'|x)."""
        now, new = self.now, self.proposed
        return new.joint, -now.joint, now.proposal, -new.proposal

    @property
    def joint_difference(self) -> float:
        """log p(x, z') − log p(x, z)."""
        return self.proposed.joint - self.now.joint

    @property
    def proposal_difference(self) -> float:
        """log q(z|x) − log q(z'|x)."""
        return self.now.proposal - self.proposed.proposal


class Approaching(NamedTuple):
    """The run has come to this iteration, before the window."""

    number: int


class Result(NamedTuple):
    """The window."""

    config: Config
    moments: list[Moment]


def run(config: Config, model: LatentVariableModel) -> Iterator[Approaching | Moment | Result]:
    """Run up to the window, then yield each of its iterations, and at the end the `Result`."""
    masked, state, steps = two_samplers.started_chains(config.sampler, config.run, model)
    moments: list[Moment] = []
    for step in steps:
        if step.number in config.window:
            moments.append(moment(model, masked, state, step, config.chain - 1))
            yield moments[-1]
        elif step.number % STRIDE == 0:
            yield Approaching(step.number)
        if step.number == config.window[-1]:
            break
        state = step.state
    yield Result(config, moments)


def moment(
    model: LatentVariableModel, masked: Masked, before: State, step: Iteration, row: int
) -> Moment:
    """Take apart what one chain did from `before` to the end of `step`."""
    info = step.info
    with torch.inference_mode():
        law = model.decode(info.z_new)  # all rows, as the sampler had it: the same bits
        now = densities(model, masked, before.x, before.z, before.likelihood, info.proposal)
        new = densities(model, masked, before.x, info.z_new, law, info.proposal)
    log_u = float(info.log_u[row])
    found = Moment(
        number=step.number,
        warming_up=step.warming_up,
        x=_pixels(before.x[row]) > 0.5,
        z=_numbers(before.z[row]),
        mean=_pixels(before.likelihood.mean[row]),
        centre=_numbers(info.proposal.mean[row]),
        spread=_numbers(info.proposal.variance[row].sqrt()),
        z_new=_numbers(info.z_new[row]),
        mean_new=_pixels(law.mean[row]),
        now=Densities(*(float(each[row]) for each in now)),
        proposed=Densities(*(float(each[row]) for each in new)),
        log_ratio=float(info.log_ratio[row]),
        log_u=log_u,
        accepted=bool(info.accepted[row]),
        x_new=_pixels(step.state.x[row]) > 0.5,
    )
    return found if found.uses_ratio else found._replace(log_ratio=sum(found.terms))


def densities(
    model: LatentVariableModel,
    masked: Masked,
    x: Tensor,
    z: Tensor,
    likelihood: Distribution,
    proposal: Distribution,
) -> Densities[Tensor]:
    """The densities of each row, (B,).

    Args:
        masked: what of x is seen.
        x: completed data (B, \\*event).
        z: (B, L).
        likelihood: p(x|z).
        proposal: q(z|x), a Gaussian.
    """
    seen, log_q = log_prob_observed(likelihood, masked), proposal.log_prob(z)
    below_top = (proposal.log_prob(proposal.mean) - log_q).clamp_min(0)
    return Densities(
        seen,
        likelihood.log_prob(x) - seen,
        model.prior().log_prob(z),
        log_q,
        (2 * below_top).sqrt(),
    )


def _numbers(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()


def _pixels(image: Tensor) -> np.ndarray:
    """Of one channel, (1, H, W) → (H, W)."""
    return _numbers(image[0])
