"""LAIR as an imputer: all estimates use the proposals of all iterations.

While it runs, every proposal has the weight of its own iteration. At the end all are weighed again
by AMIS (`samplers.adaptive`), which gives many more effective draws. log p(x_obs) and its error
always come from the weights of single iterations, which have no bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgm_core.imputers.chains import check_warmup
from dgm_core.imputers.latents import mixture_log_density, without_each
from dgm_core.rng import draw
from dgm_core.samplers import Pool, lair, start_of
from dgm_core.samplers.adaptive import Proposed, Reweighed, reweighed
from dgm_core.samplers.chains import run
from dgm_core.samplers.importance import IncompleteEncoder, MixtureMoments
from dgm_core.settings import check, setting
from dgm_core.types import Imputation, LatentVariableModel, Masked

LATENTS = 256
"""Latents chosen from all proposals for the predictive density, and at the end for the moments."""
DECODED = 500
"""Latents of all images that are decoded at once."""
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
    partial_proposals: int = setting(
        0,
        "Partial-encoder proposals P",
        0,
        32,
        "Per iteration, from the partial encoder, if the model has one.",
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
        model = self.model
        partial = model.encode_incomplete if isinstance(model, IncompleteEncoder) else None
        sampler = lair(
            model,
            masked,
            start_of(model, self.initialisation),
            completions=self.completions,
            prior_proposals=self.prior_proposals,
            partial=partial,
            partial_proposals=self.partial_proposals,
        )
        every = max(1, self.iterations // self.updates)
        pool = Pool(stretch=max(1, (self.iterations - self.warmup) // PARTS))
        proposed: list[Proposed] = []
        for step in run(sampler, generator, self.iterations, self.warmup):
            if step.warming_up:
                continue
            with torch.inference_mode():
                pool.add(step.info, generator)
                proposed.append(Proposed.of(step.info))
            if step.number == self.iterations:
                yield self._last(reweighed(proposed), pool, masked, generator)
            elif step.number % every == 0:
                yield self._imputation(pool, masked, generator, step.number)

    @torch.no_grad()
    def _last(
        self, proposals: Reweighed, pool: Pool, masked: Masked, generator: torch.Generator
    ) -> Imputation:
        """The imputation from all proposals, after they were weighed again."""
        chosen = proposals.choose(LATENTS, generator)  # (n, B)
        z = proposals.latents(chosen)
        part = chosen * PARTS // len(proposals.z)  # part of the run in which it was proposed
        in_part = (torch.arange(PARTS, device=part.device)[:, None, None] == part).to(z.dtype)
        moments = MixtureMoments()
        means = torch.zeros(PARTS, *masked.x.shape, dtype=z.dtype, device=z.device)
        at_once = max(1, DECODED // len(masked))
        for start in range(0, LATENTS, at_once):
            some = z[start : start + at_once]
            distribution = self.model.decode(some.flatten(0, 1))
            mean, variance = (
                each.unflatten(0, some.shape[:2])
                for each in (distribution.mean, distribution.variance)
            )
            moments.add(torch.zeros_like(some[..., 0], dtype=torch.float64), mean, variance)
            means += torch.einsum("pkb,kb...->pb...", in_part[:, start : start + at_once], mean)
        counts = in_part.sum(1)  # (PARTS, B)
        means /= counts.clamp_min(1).view(*counts.shape, *(1,) * (masked.x.dim() - 1))
        shown = proposals.latents(proposals.choose(self.draws, generator)).flatten(0, 1)
        x = draw(self.model.decode(shown), generator).unflatten(0, (self.draws, len(masked)))
        return Imputation(
            masked.complete(moments.mean),
            torch.stack([masked.complete(each) for each in x]),
            moments.variance * ~masked.observed,
            mixture_log_density(self.model, masked, z),
            _diagnostics(proposals, pool),
            done=1.0,
            leave_one_out=without_each(masked, counts.log(), means),
        )

    @torch.no_grad()
    def _imputation(
        self, pool: Pool, masked: Masked, generator: torch.Generator, number: int
    ) -> Imputation:
        moments = pool.moments
        log_totals: list[Tensor] = []
        for stretch in pool.stretches:
            assert stretch.log_total is not None  # every stretch has at least one iteration
            log_totals.append(stretch.log_total)
        return Imputation(
            masked.complete(moments.mean),
            pool.draw(self.model, masked, self.draws, generator),
            moments.variance * ~masked.observed,
            mixture_log_density(self.model, masked, pool.resample(LATENTS, generator)),
            _diagnostics(pool, pool),
            done=number / self.iterations,
            leave_one_out=without_each(
                masked,
                torch.stack(log_totals),
                torch.stack([each.mean for each in pool.stretches]),
            ),
        )


def _diagnostics(weighed: Pool | Reweighed, pool: Pool) -> dict[str, Tensor]:
    """Quality of the weights, and log p(x_obs) from the weights of single iterations."""
    evidence = pool.log_evidence
    return {
        "ESS": weighed.ess,
        "Pareto k": weighed.pareto_k,
        "log p(x_obs)": evidence.value,
        "± log p(x_obs)": evidence.standard_error,
    }
