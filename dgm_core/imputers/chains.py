"""The Markov chains as imputers: several chains per image, their means, and diagnostics.

The posterior mean averages E[x | z] over the iterations after the warm-up and over the chains
(Rao-Blackwell). The variance is that of a draw: within plus between latents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgm_core.imputers.latents import mixture_log_density
from dgm_core.metrics import diagnostics
from dgm_core.samplers import (
    CATALOGUE,
    collapsed_metropolis,
    hmc,
    iterated_sir,
    pseudo_gibbs,
    start_of,
)
from dgm_core.samplers.chains import Iteration, RunningMean, run
from dgm_core.samplers.importance import IncompleteEncoder
from dgm_core.settings import check, setting
from dgm_core.types import Imputation, LatentVariableModel, Masked, Sampler

LATENTS_PER_CHAIN = 32
"""Latents kept from each chain, evenly spread over its iterations, for draws and densities."""


def check_warmup(warmup: int, iterations: int) -> None:
    """Check that iterations follow the warm-up.

    Raises:
        ValueError: no iteration follows the warm-up.
    """
    if warmup >= iterations:
        raise ValueError(f"expected fewer than {iterations} warm-up iterations, got {warmup}")


@dataclass(frozen=True)
class MarkovChains:
    """The part that all chain samplers share.

    If the model has a partial encoder, every chain starts from a draw of it.
    """

    model: LatentVariableModel
    iterations: int = setting(500, "Iterations", 20, 5000, "Per chain, warm-up included.")
    warmup: int = setting(
        30, "Warm-up", 0, 1000, "First iterations, left out of all means; run as pseudo-Gibbs."
    )
    chains: int = setting(8, "Chains", 1, 32, "Run in parallel from independent starts.")
    draws: int = setting(24, "Draws", 1, 64, "Completions to show, spread over the chains.")
    initialisation: str = "uniform noise"
    updates: int = 20  # approximate number of times that it yields

    needs: ClassVar[str] = "dlvm"
    kernel: ClassVar[str]

    def __post_init__(self) -> None:
        check(self)
        check_warmup(self.warmup, self.iterations)

    def sampler(self, masked: Masked) -> Sampler:
        """The kernel, bound to `masked`, which has one row per chain."""
        return CATALOGUE[self.kernel](
            self.model, masked, start_of(self.model, self.initialisation)
        )

    def warmup_sampler(self, masked: Masked) -> Sampler | None:
        """The kernel of the warm-up; None = the same."""
        return pseudo_gibbs(self.model, masked)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields about `updates` times; the means improve."""
        rows = masked.repeat(self.chains)
        steps = run(
            self.sampler(rows),
            generator,
            self.iterations,
            self.warmup,
            self.warmup_sampler(rows),
        )
        record = _Record(self, masked)
        every = max(1, self.iterations // self.updates)
        for step in steps:
            if step.warming_up:
                continue
            with torch.inference_mode():
                record.add(step)
            if step.number == self.iterations or step.number % every == 0:
                yield record.imputation(done=step.number / self.iterations)


class PseudoGibbs(MarkovChains):
    """Always accepts the encoder's proposal: approximate, as good as the encoder."""

    kernel = "pseudo-Gibbs"


class MetropolisWithinGibbs(MarkovChains):
    """Accepts or rejects the encoder's proposal: exact in the limit, slow if acceptance is low."""

    kernel = "Metropolis-within-Gibbs"


@dataclass(frozen=True)
class CollapsedMetropolis(MarkovChains):
    """Metropolis on p(z | x_obs) alone, proposing from earlier completions or the prior."""

    prior_fraction: float = setting(
        0.05, "Fraction from the prior", 0.01, 1.0, "ε of AC-MWG; the paper uses 0.05 and 0.3."
    )
    kernel: ClassVar[str] = "collapsed Metropolis"

    def sampler(self, masked: Masked) -> Sampler:
        start = start_of(self.model, self.initialisation)
        return collapsed_metropolis(self.model, masked, start, prior_fraction=self.prior_fraction)


@dataclass(frozen=True)
class HamiltonianMonteCarlo(MarkovChains):
    """Follows the gradient of log p(x_obs, z), and needs the encoder only to start."""

    iterations: int = setting(150, "Iterations", 20, 5000, "Per chain, warm-up included.")
    warmup: int = setting(
        60, "Warm-up", 0, 1000, "First iterations, left out of all means; they adapt the steps."
    )
    chains: int = setting(4, "Chains", 1, 32, "Run in parallel from independent starts.")
    leapfrogs: int = setting(
        10,
        "Leapfrog steps",
        1,
        50,
        "Per iteration; each costs about 3 decoder passes.",
    )
    kernel: ClassVar[str] = "HMC"

    def sampler(self, masked: Masked) -> Sampler:
        start = start_of(self.model, self.initialisation)
        return hmc(self.model, masked, start, warmup=self.warmup, leapfrogs=self.leapfrogs)

    def warmup_sampler(self, masked: Masked) -> None:
        return None


@dataclass(frozen=True)
class IteratedSIR(HamiltonianMonteCarlo):
    """Hamiltonian steps, and between them a choice among proposals from elsewhere.

    The proposals come from the encoder, the prior and, if the model has one, a partial encoder.
    """

    candidates: int = setting(
        16, "Candidates N", 2, 128, "Per iteration, the current latents included."
    )
    prior_fraction: float = setting(
        0.2, "Fraction from the prior", 0.01, 1.0, "The other candidates come from the encoders."
    )
    kernel: ClassVar[str] = "iterated SIR"

    def sampler(self, masked: Masked) -> Sampler:
        model = self.model
        partial = model.encode_incomplete if isinstance(model, IncompleteEncoder) else None
        return iterated_sir(
            self.model,
            masked,
            start_of(self.model, self.initialisation),
            candidates=self.candidates,
            prior_fraction=self.prior_fraction,
            proposal=partial,
            warmup=self.warmup,
            leapfrogs=self.leapfrogs,
        )


class _Record:
    """Running moments and traces of all chains of all images."""

    def __init__(self, settings: MarkovChains, masked: Masked) -> None:
        self.settings, self.masked = settings, masked
        after = settings.iterations - settings.warmup
        self.thin = max(1, math.ceil(after / LATENTS_PER_CHAIN))
        rounds = math.ceil(settings.draws / settings.chains)
        self.draw_every = max(1, after // rounds)
        self.mean = RunningMean()  # (B, chains, *event)
        self.second = RunningMean()  # (B, *event)
        self.accepted: list[Tensor] = []  # (B, chains) each
        self.log_joint: list[Tensor] = []  # (B, chains)
        self.z: list[Tensor] = []  # (B, chains, L)
        self.x: list[Tensor] = []  # (B, chains, *event)

    def add(self, step: Iteration) -> None:
        """Add an iteration after the warm-up."""
        likelihood, size = step.state.likelihood, (len(self.masked), self.settings.chains)
        mean, before = likelihood.mean, self.mean.count
        self.mean.add(mean.unflatten(0, size))
        self.second.add((likelihood.variance + mean.square()).unflatten(0, size).mean(1))
        self.accepted.append(step.info.accepted.unflatten(0, size))
        self.log_joint.append(step.state.log_joint.unflatten(0, size))
        if before % self.thin == 0:
            self.z.append(step.state.z.unflatten(0, size))
        if before % self.draw_every == 0:
            self.x.append(step.state.x.unflatten(0, size).clone())

    def imputation(self, done: float) -> Imputation:
        """The imputation from all iterations so far."""
        masked, settings = self.masked, self.settings
        by_chain, second = self.mean.mean, self.second.mean
        assert by_chain is not None  # `add` was called before
        assert second is not None
        mean = by_chain.mean(1)
        variance = (second - mean.square()).clamp_min(0) * ~masked.observed
        draws = torch.cat([x.transpose(0, 1) for x in self.x])[-settings.draws :]
        z = torch.cat([each.transpose(0, 1) for each in self.z])  # (n, B, L)
        return Imputation(
            masked.complete(mean),
            draws,
            variance,
            mixture_log_density(settings.model, masked, z),
            self._diagnostics(),
            done=done,
            leave_one_out=self._without_each_chain(mean, by_chain),
        )

    def _without_each_chain(self, mean: Tensor, by_chain: Tensor) -> Tensor | None:
        count = self.settings.chains
        if count == 1:
            return None
        others = mean[:, None] + (mean[:, None] - by_chain) / (count - 1)
        return self.masked.complete(others.transpose(0, 1))

    def _diagnostics(self) -> dict[str, Tensor]:
        accepted = torch.stack(self.accepted, 2)  # (B, chains, T)
        traces = torch.stack(self.log_joint, 2).double()  # (B, chains, T)
        by_chain = traces.permute(1, 2, 0)  # (chains, T, B)
        stuck = diagnostics.stuck(accepted.flatten(0, 1)).unflatten(0, accepted.shape[:2])
        return {
            "acceptance": accepted.float().mean((1, 2)),
            "stuck chains": stuck.sum(1),
            "R-hat": diagnostics.rhat(by_chain),
            "ESS": diagnostics.effective_sample_size(by_chain),
        }
