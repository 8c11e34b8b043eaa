"""The Markov chains as imputers: several chains an image, means over them, and diagnostics.

The posterior mean is that of E[x | z] over iterations after the warm-up and over chains
(Rao-Blackwell), the variance that of a draw: within plus between latents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgm_core import diagnostics
from dgm_core.imputers.latents import mixture_log_density
from dgm_core.knobs import check, knob
from dgm_core.samplers import (
    CATALOGUE,
    INITIALISATIONS,
    collapsed_metropolis,
    pseudo_gibbs,
)
from dgm_core.samplers.chains import Iteration, run
from dgm_core.types import Imputation, LatentVariableModel, Masked, Sampler

LATENTS_A_CHAIN = 32
"""Latents kept of each chain, evenly spread over its iterations, for draws and densities."""


@dataclass(frozen=True)
class MarkovChains:
    """What the three chains have in common."""

    model: LatentVariableModel
    iterations: int = knob(500, "Iterations", 20, 5000, "Of each chain, warm-up included.")
    warmup: int = knob(
        30, "Warm-up", 0, 1000, "Iterations left out of all means; run as pseudo-Gibbs."
    )
    chains: int = knob(8, "Chains", 1, 32, "Run side by side from independent starts.")
    draws: int = knob(24, "Draws", 1, 64, "Completions to show, spread over the chains.")
    initialisation: str = "uniform noise"
    updates: int = 20  # how often it yields, about

    needs: ClassVar[str] = "dlvm"
    kernel: ClassVar[str]

    def __post_init__(self) -> None:
        check(self)
        if self.warmup >= self.iterations:
            raise ValueError(f"expected fewer than {self.iterations} warm-up iterations")

    def sampler(self, masked: Masked) -> Sampler:
        """The kernel, bound to one row a chain."""
        return CATALOGUE[self.kernel](self.model, masked, INITIALISATIONS[self.initialisation])

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields about `updates` times, the means ever better."""
        rows = masked.repeat(self.chains)
        steps = run(
            self.sampler(rows),
            generator,
            self.iterations,
            self.warmup,
            pseudo_gibbs(self.model, rows),
        )
        record = _Record(self, masked)
        every = max(1, self.iterations // self.updates)
        for step in steps:
            with torch.inference_mode():
                record.add(step)
            last = step.number == self.iterations
            if last or (step.number % every == 0 and not step.warming_up):
                yield record.imputation()


class PseudoGibbs(MarkovChains):
    """Always takes the encoder's proposal: approximate, as good as the encoder."""

    kernel = "pseudo-Gibbs"


class MetropolisWithinGibbs(MarkovChains):
    """Accepts or rejects: exact in the limit, slow where acceptance is low."""

    kernel = "Metropolis-within-Gibbs"


@dataclass(frozen=True)
class CollapsedMetropolis(MarkovChains):
    """Metropolis on p(z | x_obs) alone, proposing from earlier completions or the prior."""

    prior_share: float = knob(
        0.05, "Share of prior proposals", 0.01, 1.0, "ε of AC-MWG; the paper uses 0.05 and 0.3."
    )
    kernel: ClassVar[str] = "collapsed Metropolis"

    def sampler(self, masked: Masked) -> Sampler:
        start = INITIALISATIONS[self.initialisation]
        return collapsed_metropolis(self.model, masked, start, prior_share=self.prior_share)


class _Record:
    """Running moments and traces of all chains of all images."""

    def __init__(self, settings: MarkovChains, masked: Masked) -> None:
        self.settings, self.masked = settings, masked
        after = settings.iterations - settings.warmup
        self.thin = max(1, math.ceil(after / LATENTS_A_CHAIN))
        self.count, self.number = 0, 0
        self.mean: Tensor | None = None  # (B, chains, *event)
        self.second: Tensor | None = None  # (B, *event)
        self.accepted: list[Tensor] = []
        self.log_joint: list[Tensor] = []
        self.z: list[Tensor] = []
        self.x: list[Tensor] = []

    def add(self, step: Iteration) -> None:
        """Take in an iteration; those of the warm-up only count until there are others."""
        self.number = step.number
        if step.warming_up and step.number < self.settings.warmup:
            return
        if step.number == self.settings.warmup + 1:
            self.count = 0
        law, size = step.state.likelihood, (len(self.masked), self.settings.chains)
        mean = law.mean
        self._average(
            mean.unflatten(0, size), (law.variance + mean.square()).unflatten(0, size).mean(1)
        )
        if step.warming_up:
            return
        self.accepted.append(step.info.accepted.unflatten(0, size))
        self.log_joint.append(step.state.log_joint.unflatten(0, size))
        if (self.count - 1) % self.thin == 0:
            self.z.append(step.state.z.unflatten(0, size))
        if (self.count - 1) % self._draw_every() == 0:
            self.x.append(step.state.x.unflatten(0, size).clone())

    def _draw_every(self) -> int:
        rounds = math.ceil(self.settings.draws / self.settings.chains)
        return max(1, (self.settings.iterations - self.settings.warmup) // rounds)

    def _average(self, mean: Tensor, second: Tensor) -> None:
        self.count += 1
        if self.count == 1:
            self.mean, self.second = mean.clone(), second.clone()
            return
        self.mean += (mean - self.mean) / self.count
        self.second += (second - self.second) / self.count

    def imputation(self) -> Imputation:
        """Where the chains stand."""
        masked, settings = self.masked, self.settings
        mean = self.mean.mean(1)
        variance = (self.second - mean.square()).clamp_min(0) * ~masked.observed
        draws = torch.cat([x.transpose(0, 1) for x in self.x])[-settings.draws :]
        z = torch.cat([each.transpose(0, 1) for each in self.z])  # (n, B, L)
        return Imputation(
            masked.complete(mean),
            draws,
            variance,
            mixture_log_density(settings.model, masked, z),
            self._diagnostics(),
            done=self.number / settings.iterations,
            leave_one_out=self._without_each_chain(mean),
        )

    def _without_each_chain(self, mean: Tensor) -> Tensor | None:
        count = self.settings.chains
        if count == 1:
            return None
        others = (mean[:, None] + (mean[:, None] - self.mean) / (count - 1)).transpose(0, 1)
        return torch.stack([self.masked.complete(other) for other in others])

    def _diagnostics(self) -> dict[str, Tensor]:
        accepted = torch.stack(self.accepted, 2)  # (B, chains, T)
        traces = torch.stack(self.log_joint, 2).double()  # (B, chains, T)
        by_chain = traces.permute(1, 2, 0)  # (chains, T, B)
        return {
            "acceptance": accepted.float().mean((1, 2)),
            "stuck chains": diagnostics.stuck(accepted.flatten(0, 1)).unflatten(
                0, accepted.shape[:2]
            ).sum(1),
            "R-hat": diagnostics.rhat(by_chain),
            "ESS": diagnostics.effective_sample_size(by_chain),
        }  # fmt: skip
