"""One chain of the inpainting study in slow motion: all quantities of each iteration.

    z' ~ q(z|x),   log ρ = log p(x, z') − log p(x, z) + log q(z|x) − log q(z'|x),
    z ← z' if log u < log ρ,   x_mis ~ p(x_mis|z)

The run equals that of `two_samplers.run` bit for bit: same seed, kernels and number of chains.
One of the chains is recorded. Pseudo-Gibbs does not use ρ; it is computed here for comparison. The
joint density splits further,

    log p(x, z) = log p(x_obs|z) + log p(x_mis|z) + log p(z).

The term log p(x_mis|z) makes Metropolis slow: x_mis was drawn at z, so it favours the current z.
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
"""Largest number of iterations in one window."""
STRIDE = 50
"""Number of iterations between two reports of progress before the window."""


@dataclass(frozen=True)
class Config:
    """The chain and the window of iterations to record.

    Args:
        run: settings of the whole run.
        sampler: a name in `SAMPLERS`.
        chain: number of the chain, from 1.
        first: first iteration of the window, from 1.
        count: number of iterations in the window; fewer if the run ends before.

    Raises:
        ValueError: unknown sampler, or a number outside the run's range.
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
        """Numbers of the recorded iterations."""
        return range(self.first, min(self.first + self.count, self.run.iterations + 1))


Number = TypeVar("Number", float, Tensor)


class Densities(NamedTuple, Generic[Number]):
    """Log-densities of a completed x and a latent z, in nats: floats, or tensors (B,)."""

    seen: Number  # log p(x_obs | z)
    hidden: Number  # log p(x_mis | z) at the current x_mis
    prior: Number  # log p(z)
    proposal: Number  # log q(z | x)
    distance: Number  # of z from the mean of q, in standard deviations of q

    @property
    def joint(self) -> Number:
        """log p(x, z)."""
        return self.seen + self.hidden + self.prior


class Moment(NamedTuple):
    """All quantities of one iteration of one chain; images have shape (28, 28)."""

    number: int
    warming_up: bool
    x: np.ndarray  # bool, completed image before the iteration
    z: np.ndarray  # (L,)
    mean: np.ndarray  # E[x | z]
    centre: np.ndarray  # (L,) mean of q(z | x)
    spread: np.ndarray  # (L,) its standard deviations
    z_new: np.ndarray  # (L,) proposed
    mean_new: np.ndarray  # E[x | z']
    now: Densities[float]  # at z
    proposed: Densities[float]  # at z'
    log_ratio: float  # log ρ; the sampler's own value if it used one
    log_u: float  # threshold of log ρ; −∞ if the sampler uses no ratio
    accepted: bool
    x_new: np.ndarray  # bool, completed image after the iteration

    @property
    def uses_ratio(self) -> bool:
        """True if log ρ decided whether z' was accepted."""
        return math.isfinite(self.log_u)

    @property
    def terms(self) -> tuple[float, float, float, float]:
        """The four signed terms of log ρ: of p(x, z'), p(x, z), q(z|x) and q(z'|x)."""
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
    """Number of the current iteration, before the window."""

    number: int


class Result(NamedTuple):
    """All iterations of the window."""

    config: Config
    moments: list[Moment]


def run(config: Config, model: LatentVariableModel) -> Iterator[Approaching | Moment | Result]:
    """Yield `Approaching` before the window, each `Moment` in it, and at the end the `Result`."""
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
    """All quantities of one chain's iteration `step`, which started at the state `before`."""
    info = step.info
    with torch.inference_mode():
        # Decode all rows together, as the sampler does: the results are then equal bit for bit.
        likelihood = model.decode(info.z_new)
        now = densities(model, masked, before.x, before.z, before.likelihood, info.proposal)
        new = densities(model, masked, before.x, info.z_new, likelihood, info.proposal)
    log_u = float(info.log_u[row])
    recorded = Moment(
        number=step.number,
        warming_up=step.warming_up,
        x=_pixels(before.x[row]) > 0.5,
        z=_numbers(before.z[row]),
        mean=_pixels(before.likelihood.mean[row]),
        centre=_numbers(info.proposal.mean[row]),
        spread=_numbers(info.proposal.variance[row].sqrt()),
        z_new=_numbers(info.z_new[row]),
        mean_new=_pixels(likelihood.mean[row]),
        now=Densities(*(float(each[row]) for each in now)),
        proposed=Densities(*(float(each[row]) for each in new)),
        log_ratio=float(info.log_ratio[row]),
        log_u=log_u,
        accepted=bool(info.accepted[row]),
        x_new=_pixels(step.state.x[row]) > 0.5,
    )
    return recorded if recorded.uses_ratio else recorded._replace(log_ratio=sum(recorded.terms))


def densities(
    model: LatentVariableModel,
    masked: Masked,
    x: Tensor,
    z: Tensor,
    likelihood: Distribution,
    proposal: Distribution,
) -> Densities[Tensor]:
    """Log-densities of each row, (B,).

    Args:
        masked: the data with their mask.
        x: completed data (B, \\*event).
        z: (B, L).
        likelihood: p(x|z).
        proposal: q(z|x), a Gaussian.
    """
    log_seen, log_q = log_prob_observed(likelihood, masked), proposal.log_prob(z)
    below_mode = (proposal.log_prob(proposal.mean) - log_q).clamp_min(0)
    return Densities(
        log_seen,
        likelihood.log_prob(x) - log_seen,
        model.prior().log_prob(z),
        log_q,
        (2 * below_mode).sqrt(),
    )


def _numbers(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()


def _pixels(image: Tensor) -> np.ndarray:
    """Image of one channel, (1, H, W) → (H, W)."""
    return _numbers(image[0])
