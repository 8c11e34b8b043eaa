"""Adaptive multiple importance sampling, AMIS, for the proposals of LAIR.

A pool weighs the proposals of iteration t by q_mix,t, the mixture of that iteration. AMIS weighs
every proposal by the mixture of the mixtures of all T iterations (Cornuet, Marin, Mira & Robert
2012):

    w(z) = p(x_obs, z) / q(z),   q(z) = (1/T) Σ_t q_mix,t(z)

A latent that is unlikely under its own iteration but likely under others then has no huge weight.
This needs T (K + R + P) · T K densities of proposals for each image, and no pass of a network.

The completions depend on earlier proposals, so the mean of w has a bias, which goes to 0 as T
grows (Marin, Pudlo & Sedki 2019). The mean weight of a `Pool` has none, so log p(x_obs) and its
error come from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.metrics import diagnostics
from dgm_core.samplers.lair import FixedProposals, LairInfo, log_mixture
from dgm_core.samplers.pairs import log_prob_of_pairs
from dgm_core.samplers.resampling import systematic


class Proposed(NamedTuple):
    """What AMIS needs of an iteration of LAIR: a `LairInfo` without its pixels."""

    log_target: Tensor  # (B, K + R + P) log p(x_obs, z)
    z: Tensor  # (B, K + R + P, L)
    proposal: Distribution  # q(z | completion), batch (B · K,)
    fixed: FixedProposals  # the same in all iterations

    @classmethod
    def of(cls, info: LairInfo) -> Proposed:
        """The part of an iteration that is needed."""
        return cls(info.log_target, info.z, info.proposal, info.fixed)


class Reweighed(NamedTuple):
    """All proposals of T iterations, in their order, with their weights."""

    log_w: Tensor  # (n, B), n = T (K + R + P)
    z: Tensor  # (n, B, L)

    @property
    def ess(self) -> Tensor:
        """Effective sample size, (B,), from 1 to n."""
        return diagnostics.importance_ess(self.log_w)

    @property
    def pareto_k(self) -> Tensor:
        """Shape of the weights' tail, (B,); above 0.7 the estimates are unreliable."""
        return diagnostics.pareto_k(self.log_w)

    def choose(self, draws: int, source: torch.Generator) -> Tensor:
        """Numbers of proposals, chosen in proportion to their weights, systematic: (draws, B)."""
        expected = draws * self.log_w.mT.softmax(1)
        return systematic(expected, draws, source).mT

    def latents(self, chosen: Tensor) -> Tensor:
        """The latents of these numbers, (draws, B, L)."""
        return self.z.gather(0, chosen[..., None].expand(-1, -1, self.z.shape[2]))


@torch.no_grad()
def reweighed(iterations: Sequence[Proposed]) -> Reweighed:
    """The proposals of all iterations after the warm-up, weighed by AMIS.

    Args:
        iterations: of one sampler.
    """
    z = torch.cat([each.z for each in iterations], 1)  # (B, n, L)
    log_target = torch.cat([each.log_target for each in iterations], 1).double()
    fixed = iterations[0].fixed
    log_fixed = fixed.log_total(z)
    log_q = torch.full_like(log_target, -torch.inf)
    for each in iterations:
        log_each = log_prob_of_pairs(each.proposal, z)
        mixture = log_mixture(log_each, log_fixed, fixed.count)
        log_q = torch.logaddexp(log_q, mixture.double())
    log_w = log_target - (log_q - torch.tensor(len(iterations)).double().log())
    return Reweighed(log_w.mT, z.transpose(0, 1))
