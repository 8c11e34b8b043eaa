"""LAIR as an imputer: all estimates use the pool of proposals from all iterations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgm_core.imputers.chains import check_warmup
from dgm_core.imputers.latents import mixture_log_density, without_each
from dgm_core.samplers import INITIALISATIONS, Pool, lair
from dgm_core.samplers.chains import run
from dgm_core.settings import check, setting
from dgm_core.types import Imputation, LatentVariableModel, Masked

LATENTS = 256
"""Latents resampled from the pool for the predictive density."""
PARTS = 8
"""Stretches of iterations, for the Monte-Carlo error of the estimates."""


@dataclass(frozen=True)
class LAIR:
    """K completions per image propose jointly; all proposals are used, with their weights."""

    model: LatentVariableModel
    iterations: int = setting(300, "Iterations", 20, 5000, "Warm-up included.")
    warmup: int = setting(30, "Warm-up", 1, 1000, "Iterations whose proposals are left out.")
    completions: int = setting(8, "Completions K", 1, 64, "Per image; they propose jointly.")
    prior_proposals: int = setting(
        1, "Prior proposals R", 1, 32, "Per iteration, from the prior; they bound the weights."
    )
    draws: int = setting(24, "Draws", 1, 64, "Completions to show, resampled from the pool.")
    initialisation: str = "uniform noise"
    updates: int = 8  # approximate number of times that it yields

    needs: ClassVar[str] = "dlvm"

    def __post_init__(self) -> None:
        check(self)
        check_warmup(self.warmup, self.iterations)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields about `updates` times; the pool grows."""
        sampler = lair(
            self.model,
            masked,
            INITIALISATIONS[self.initialisation],
            completions=self.completions,
            prior_proposals=self.prior_proposals,
        )
        every = max(1, self.iterations // self.updates)
        pool = Pool(stretch=max(1, (self.iterations - self.warmup) // PARTS))
        for step in run(sampler, generator, self.iterations, self.warmup):
            if step.warming_up:
                continue
            with torch.inference_mode():
                pool.add(step.info, generator)
            if step.number == self.iterations or step.number % every == 0:
                yield self._imputation(pool, masked, generator, step.number)

    @torch.no_grad()
    def _imputation(
        self, pool: Pool, masked: Masked, generator: torch.Generator, number: int
    ) -> Imputation:
        evidence, moments = pool.log_evidence, pool.moments
        log_totals: list[Tensor] = []
        for stretch in pool.stretches:
            assert stretch.log_total is not None  # every stretch has at least one iteration
            log_totals.append(stretch.log_total)
        return Imputation(
            masked.complete(moments.mean),
            pool.draw(self.model, masked, self.draws, generator),
            moments.variance * ~masked.observed,
            mixture_log_density(self.model, masked, pool.resample(LATENTS, generator)),
            {
                "ESS": pool.ess,
                "Pareto k": pool.pareto_k,
                "log p(x_obs)": evidence.value,
                "± log p(x_obs)": evidence.standard_error,
            },
            done=number / self.iterations,
            leave_one_out=without_each(
                masked,
                torch.stack(log_totals),
                torch.stack([each.mean for each in pool.stretches]),
            ),
        )
