"""A pool of weighted latents from all iterations of LAIR.

Given the previous iterations, the mean weight of an iteration is an unbiased estimate of p(x_obs).
So the mean over iterations is unbiased too. Its terms are uncorrelated although the completions
adapt, so their spread gives a valid standard error. Expectations are Σ w f(z) / Σ w over the pool.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_core.bounds import Estimate, iwae_bound
from dgm_core.metrics import diagnostics
from dgm_core.rng import draw
from dgm_core.samplers.importance import MixtureMoments
from dgm_core.samplers.lair import LairInfo
from dgm_core.samplers.resampling import systematic, thin
from dgm_core.types import LatentVariableModel, Masked


class Pool:
    """Latents and log-weights of all added iterations; do not add the warm-up.

    Means and variances use every proposal. The pool stores at most `capacity` latents per image; a
    larger number is thinned to half of it, without bias. It stores all weights.

    Args:
        capacity: latents per image.
        stretch: iterations per group of moments; by default all iterations form one group.

    Example:
        >>> pool = Pool()                                             # doctest: +SKIP
        >>> for step in chains.run(sampler, generator, 300, 30):      # doctest: +SKIP
        ...     if not step.warming_up:
        ...         pool.add(step.info, generator)
    """

    def __init__(self, capacity: int = 8192, stretch: float = math.inf) -> None:
        self.capacity, self.stretch = capacity, stretch
        self.stretches: list[MixtureMoments] = []
        """Weight, mean and variance of each group of iterations, for a Monte-Carlo error."""
        self._log_w: list[Tensor] = []  # (B, K + R + P) each
        self._log_means: list[Tensor] = []  # (B,) each, the log of their mean
        self._stored: list[tuple[Tensor, Tensor]] = []  # log-weights (B, n) and latents (B, n, L)
        self._count = 0  # stored latents per image

    def add(self, info: LairInfo, source: torch.Generator) -> None:
        """Add an iteration; `source` is used if latents must be thinned."""
        if len(self._log_w) % self.stretch == 0:
            self.stretches.append(MixtureMoments())
        log_w = info.log_w.double()
        mean, variance = (
            each.unflatten(0, log_w.shape).transpose(0, 1)
            for each in (info.likelihood.mean, info.likelihood.variance)
        )  # (K + R, B, *event)
        self.stretches[-1].add(log_w.mT, mean, variance)
        self._log_w.append(log_w)
        self._log_means.append(iwae_bound(log_w.mT))
        self._stored.append((log_w, info.z))
        self._count += log_w.shape[1]
        if self._count > self.capacity:
            every = torch.cat([w for w, _ in self._stored], 1)
            chosen, kept = thin(every, self.capacity // 2, source)
            z = torch.cat([z for _, z in self._stored], 1)
            self._count = kept.shape[1]
            self._stored = [(kept, z.gather(1, chosen[..., None].expand(-1, -1, z.shape[2])))]

    @property
    def mean(self) -> Tensor:
        """E[x | x_obs], (B, \\*event)."""
        return self.moments.mean

    @property
    def variance(self) -> Tensor:
        """Var[x | x_obs], (B, \\*event)."""
        return self.moments.variance

    @property
    def moments(self) -> MixtureMoments:
        """Moments of x given x_obs over all groups; for observed entries, those of a new draw.

        The variance is the sum of those within and between latents.
        """
        whole = MixtureMoments()
        for each in self.stretches:
            whole.add(each.log_total[None], each.mean[None], each.variance[None])
        return whole

    @property
    def log_evidence(self) -> Estimate:
        """log p(x_obs) of each image in nats; its standard error is NaN after one iteration."""
        each = torch.stack(self._log_means)
        value, count = iwae_bound(each), len(each)
        square = (torch.exp(each - value) - 1).square().sum(0)  # relative to their mean
        return Estimate(value, torch.sqrt(square / (count * (count - 1))))

    @property
    def ess(self) -> Tensor:
        """Effective sample size of all proposals, (B,)."""
        return diagnostics.importance_ess(torch.cat(self._log_w, 1).mT)

    @property
    def pareto_k(self) -> Tensor:
        """Pareto k of all weights, (B,); above 0.7 the estimates are unreliable."""
        return diagnostics.pareto_k(torch.cat(self._log_w, 1).mT)

    def latents(self) -> tuple[Tensor, Tensor]:
        """The stored latents: normalised log-weights (n, B) and z (n, B, L)."""
        log_w = torch.cat([w for w, _ in self._stored], 1).log_softmax(1)
        return log_w.mT, torch.cat([z for _, z in self._stored], 1).transpose(0, 1)

    def resample(self, draws: int, source: torch.Generator) -> Tensor:
        """Latents by sampling-importance-resampling, systematic: (draws, B, L)."""
        log_w, z = self.latents()
        chosen = systematic(draws * log_w.mT.exp(), draws, source).mT  # (draws, B)
        return z.gather(0, chosen[..., None].expand(-1, -1, z.shape[2]))

    def draw(
        self, model: LatentVariableModel, masked: Masked, draws: int, source: torch.Generator
    ) -> Tensor:
        """Draws from p(x | x_obs), (draws, B, \\*event); decodes the chosen latents only."""
        z = self.resample(draws, source).flatten(0, 1)
        x = draw(model.decode(z), source).unflatten(0, (draws, len(masked)))
        return torch.stack([masked.complete(each) for each in x])
