"""What all iterations of LAIR say together: a pool of weighted latents.

Given the past, an iteration's mean weight is an unbiased estimate of p(x_obs). So is the mean over
iterations, and its terms are uncorrelated though the completions adapt: their spread gives an
honest standard error. Expectations are Σ w f(z) / Σ w over the pool.
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
    """Latents and log-weights of the iterations added to it; leave the warm-up out.

    Means and variances count every proposal. Of the latents at most `capacity` an image are held:
    when there are more they are thinned to half of it, without bias. Of the weights all are held,
    one number each.

    Args:
        capacity: latents an image.
        stretch: iterations that share their moments; at first all do.

    Example:
        >>> pool = Pool()                                             # doctest: +SKIP
        >>> for step in chains.run(sampler, generator, 300, 30):      # doctest: +SKIP
        ...     if not step.warming_up:
        ...         pool.add(step.info, generator)
    """

    def __init__(self, capacity: int = 8192, stretch: float = math.inf) -> None:
        self.capacity, self.stretch = capacity, stretch
        self.stretches: list[MixtureMoments] = []
        """Weight, mean and variance of each `stretch` iterations, for a Monte-Carlo error."""
        self._log_w: list[Tensor] = []  # (B, K + R) each
        self._log_means: list[Tensor] = []  # (B,) each, the log of their mean
        self._held: list[tuple[Tensor, Tensor]] = []  # log-weights (B, n) and latents (B, n, L)
        self._count = 0  # of the latents held, an image

    def add(self, info: LairInfo, source: torch.Generator) -> None:
        """Take in an iteration; `source` chooses what is thinned out, if anything is."""
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
        self._held.append((log_w, info.z))
        self._count += log_w.shape[1]
        if self._count > self.capacity:
            chosen, kept = thin(
                torch.cat([w for w, _ in self._held], 1), self.capacity // 2, source
            )
            z = torch.cat([z for _, z in self._held], 1)
            self._count = kept.shape[1]
            self._held = [(kept, z.gather(1, chosen[..., None].expand(-1, -1, z.shape[2])))]

    @property
    def mean(self) -> Tensor:
        """E[x | x_obs], (B, \\*event)."""
        return self.moments.mean

    @property
    def variance(self) -> Tensor:
        """Of a draw of x given x_obs, (B, \\*event)."""
        return self.moments.variance

    @property
    def moments(self) -> MixtureMoments:
        """Of x given x_obs, all stretches together; of observed entries those of a new draw.

        The variance is that of a draw: within plus between latents.
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
        """Effective number of all proposals, (B,)."""
        return diagnostics.importance_ess(torch.cat(self._log_w, 1).mT)

    @property
    def pareto_k(self) -> Tensor:
        """Pareto k of all weights, (B,); above 0.7 the estimates are not to be trusted."""
        return diagnostics.pareto_k(torch.cat(self._log_w, 1).mT)

    def latents(self) -> tuple[Tensor, Tensor]:
        """The latents held: normalised log-weights (n, B) and z (n, B, L)."""
        log_w = torch.cat([w for w, _ in self._held], 1).log_softmax(1)
        return log_w.mT, torch.cat([z for _, z in self._held], 1).transpose(0, 1)

    def resample(self, draws: int, source: torch.Generator) -> Tensor:
        """Latents by sampling-importance-resampling, systematic: (draws, B, L)."""
        log_w, z = self.latents()
        chosen = systematic(draws * log_w.mT.exp(), draws, source).mT  # (draws, B)
        return z.gather(0, chosen[..., None].expand(-1, -1, z.shape[2]))

    def draw(
        self, model: LatentVariableModel, masked: Masked, draws: int, source: torch.Generator
    ) -> Tensor:
        """Draws of p(x | x_obs), (draws, B, \\*event); decodes the chosen latents only."""
        z = self.resample(draws, source).flatten(0, 1)
        x = draw(model.decode(z), source).unflatten(0, (draws, len(masked)))
        return torch.stack([masked.complete(each) for each in x])
