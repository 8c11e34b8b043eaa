"""The annealed SMC sampler as an imputer: several populations, weighted by their evidence.

Each population has an unbiased estimate of p(x_obs), so populations weighted in proportion to
their estimates give consistent expectations; how they differ shows the Monte-Carlo error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from dgm_core.bounds import log_likelihood
from dgm_core.imputers.latents import mixture_log_density, without_each
from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.rng import draw
from dgm_core.samplers.annealed_smc import Particles, Plan, annealed_smc, pilot
from dgm_core.samplers.importance import MixtureMoments, resample
from dgm_core.samplers.paths import path_from_prior
from dgm_core.settings import check, setting
from dgm_core.types import Imputation, LatentVariableModel, Masked

LATENTS = 256
"""Latents chosen for the predictive density."""


@dataclass(frozen=True)
class AnnealedSMC:
    """Particles go from the prior to p(z | x_obs) as the observed pixels count more and more."""

    model: LatentVariableModel
    particles: int = setting(32, "Particles", 4, 256, "In each population.")
    populations: int = setting(4, "Populations", 2, 16, "Independent, from the same plan.")
    moves: int = setting(2, "Moves", 1, 20, "Hamiltonian moves at each temperature.")
    leapfrogs: int = setting(
        5, "Leapfrog steps", 1, 50, "Per move; each costs a gradient, about 3 decoder passes."
    )
    draws: int = setting(24, "Draws", 1, 64, "Completions to show, chosen from the particles.")
    updates: int = 8  # approximate number of times that it yields

    needs: ClassVar[str] = "dlvm"

    def __post_init__(self) -> None:
        check(self)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields about `updates` times; before the last time, the observed pixels count less."""
        work = {"particles": self.particles, "moves": self.moves, "leapfrogs": self.leapfrogs}
        plan = pilot(path_from_prior(self.model, masked), generator, **work)
        rows = masked.repeat(self.populations)
        every = max(1, len(plan.lengths) // self.updates)
        path = path_from_prior(self.model, rows)
        for now in annealed_smc(path, self._repeated(plan), generator, **work):
            if now.number == len(plan.lengths) or now.number % every == 0:
                yield self._imputation(now, masked, generator, now.number / len(plan.lengths))

    def _repeated(self, plan: Plan) -> Plan:
        """The plan of each image for all of its populations."""
        return Plan(*(each.repeat_interleave(self.populations, 1) for each in plan))

    @torch.no_grad()
    def _imputation(
        self, now: Particles, masked: Masked, generator: torch.Generator, done: float
    ) -> Imputation:
        size = (self.particles, len(masked), self.populations)
        z = now.z.unflatten(1, size[1:])  # (C, B, P, L)
        log_evidence = now.log_evidence.view(size[1:]).T  # (P, B)
        moments, means = MixtureMoments(), []
        for number, log_w in enumerate(log_evidence):
            distribution = self.model.decode(z[:, :, number].flatten(0, 1))
            part = MixtureMoments()
            mean, variance = (
                each.unflatten(0, size[:2]) for each in (distribution.mean, distribution.variance)
            )
            part.add(log_w.expand(size[:2]), mean, variance)
            moments.add(part.log_total[None], part.mean[None], part.variance[None])
            means.append(part.mean)
        every = z.transpose(1, 2).flatten(0, 1)  # (C · P, B, L)
        log_w = log_evidence.repeat(self.particles, 1)
        images = torch.arange(len(masked), device=z.device)
        shown, kept = (
            every[resample(log_w, count, generator), images] for count in (self.draws, LATENTS)
        )
        x = draw(self.model.decode(shown.flatten(0, 1)), generator).unflatten(0, shown.shape[:2])
        evidence = log_likelihood(log_evidence)
        return Imputation(
            masked.complete(moments.mean),
            torch.stack([masked.complete(each) for each in x]),
            moments.variance * ~masked.observed,
            mixture_log_density(self.model, masked, kept),
            {
                "ESS": importance_ess(log_evidence) * self.particles,
                "acceptance": now.acceptance.view(size[1:]).mean(1),
                "log p(x_obs)": evidence.value,
                "± log p(x_obs)": evidence.standard_error,
            },
            done=done,
            leave_one_out=without_each(masked, log_evidence, torch.stack(means)),
        )
