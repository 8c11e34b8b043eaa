"""Latent-adaptive importance resampling, LAIR (Simkus & Gutmann 2023, arXiv 2308.09078).

Each image has K completions, which make proposals together. One iteration:

    z_k ~ q(z | completion k), k = 1 … K, and R more from the prior
    w   = p(x_obs | z) p(z) / q_mix(z),   q_mix(z) = [ Σ_k q(z | completion k) + R p(z) ] / (K + R)
    K of the latents, resampled in proportion to w; x_mis ~ p(x_mis | z) makes the new completions

All K + R proposals are weighted with the density of the whole mixture (the *deterministic
mixture*, Owen & Zhou 2000). So the mean of w is unbiased for p(x_obs) for any completions, and a
latent that is unlikely under its own proposal does not get a huge weight. With a proposal
r(z | x_obs) that knows the mask, such as a partial encoder, P more come from r, and the sum in
q_mix has P r(z) more. `Pool` collects the proposals of all iterations, so its estimates have no
bias from a small K. `adaptive` weighs them against the proposals of all iterations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.rng import draw
from dgm_core.samplers.initial import Initialisation, uniform_noise
from dgm_core.samplers.observed import log_prob_observed, take
from dgm_core.samplers.pairs import log_prob_of_pairs
from dgm_core.samplers.resampling import systematic
from dgm_core.samplers.state import State, redraw_missing, start
from dgm_core.types import LatentVariableModel, Masked, Sampler


class FixedProposals(NamedTuple):
    """The proposals that do not depend on the completions: R from p(z), P from r(z | x_obs)."""

    prior: Distribution
    prior_count: int
    partial: Distribution | None = None  # r, batch (B,)
    partial_count: int = 0

    @property
    def count(self) -> int:
        """R + P."""
        return self.prior_count + self.partial_count

    def draw(self, images: int, source: torch.Generator) -> Tensor:
        """Latents (B, R + P, L)."""
        z = draw(self.prior.expand((images, self.prior_count)), source)
        if self.partial is None:
            return z
        return torch.cat([z, draw(self.partial, source, self.partial_count).transpose(0, 1)], 1)

    def log_total(self, z: Tensor) -> Tensor:
        """log [ R p(z) + P r(z | x_obs) ] of latents (B, J, L), (B, J)."""
        total = self.prior.log_prob(z) + _log(self.prior_count)
        if self.partial is None:
            return total
        log_r = self.partial.log_prob(z.transpose(0, 1)).T
        return torch.logaddexp(total, log_r + _log(self.partial_count))


class LairInfo(NamedTuple):
    """The proposals of an iteration, before they are resampled."""

    log_w: Tensor  # (B, K + R + P) log w; the mean of w estimates p(x_obs)
    log_target: Tensor  # (B, K + R + P) log p(x_obs, z)
    z: Tensor  # (B, K + R + P, L): from the completions, from the prior, from r
    likelihood: Distribution  # p(x | z), batch (B · (K + R + P),)
    ess: Tensor  # (B,) effective sample size of these K + R + P
    proposal: Distribution  # q(z | completion) for each completion, batch (B · K,)
    fixed: FixedProposals


def _fixed_proposals(
    model: LatentVariableModel,
    masked: Masked,
    prior_count: int,
    partial: Callable[[Masked], Distribution] | None = None,
    partial_count: int = 0,
) -> FixedProposals:
    """Those of a model and B incomplete images; without r, P is 0."""
    if partial is None or partial_count == 0:
        return FixedProposals(model.prior(), prior_count)
    return FixedProposals(model.prior(), prior_count, partial(masked), partial_count)


def lair(
    model: LatentVariableModel,
    masked: Masked,
    initialisation: Initialisation = uniform_noise,
    *,
    completions: int = 16,
    prior_proposals: int = 4,
    partial: Callable[[Masked], Distribution] | None = None,
    partial_proposals: int = 4,
) -> Sampler:
    """The sampler for a model and B incomplete images, with K completions of each.

    Its `State` is that of the chain samplers on `masked.repeat(completions)`: B · K rows, with the
    completions of an image in succession. So pseudo-Gibbs on those rows can be the warm-up.
    Resampling is systematic. The source must be one generator, not streams.

    Args:
        model: its p(x|z) needs rules in `log_prob_observed` and `take`.
        masked: the problem, one row per image.
        initialisation: first values of the hidden entries of each completion.
        completions: K.
        prior_proposals: R; with R > 0 the weights are bounded if p(x_obs | z) is.
        partial: r, from a problem of B rows to a distribution with batch (B,); None = none.
        partial_proposals: P, of no effect without r.

    Raises:
        ValueError: `completions` is not positive, or `prior_proposals` or `partial_proposals` is
            negative.
    """
    if completions < 1 or min(prior_proposals, partial_proposals) < 0:
        raise ValueError(
            "expected completions of at least 1, and prior_proposals and partial_proposals of at "
            f"least 0, got {completions}, {prior_proposals} and {partial_proposals}"
        )
    images = len(masked)
    fixed = _fixed_proposals(model, masked, prior_proposals, partial, partial_proposals)
    proposals = completions + fixed.count
    completed, proposed = masked.repeat(completions), masked.repeat(proposals)
    prior = model.prior()
    first = proposals * torch.arange(images, device=masked.x.device)[:, None]

    def init(source: torch.Generator) -> State:
        return start(model, completed, initialisation, source)

    def step(state: State, source: torch.Generator) -> tuple[State, LairInfo]:
        encoder = model.encode(state.x)
        own = draw(encoder, source).unflatten(0, (images, completions))
        z = torch.cat([own, fixed.draw(images, source)], 1)
        log_q = log_mixture(log_prob_of_pairs(encoder, z), fixed.log_total(z), fixed.count)
        latents = z.flatten(0, 1)
        likelihood = model.decode(latents)
        log_likelihood = log_prob_observed(likelihood, proposed).unflatten(0, (images, proposals))
        log_target = log_likelihood + prior.log_prob(z)
        log_w = log_target - log_q
        expected = completions * log_w.double().softmax(1)
        rows = (first + systematic(expected, completions, source)).flatten()
        moved = redraw_missing(model, completed, latents[rows], take(likelihood, rows), source)
        ess = importance_ess(log_w.mT)
        return moved, LairInfo(log_w, log_target, z, likelihood, ess, encoder, fixed)

    return Sampler(init, step)


def log_mixture(log_q: Tensor, log_fixed: Tensor, fixed_count: int) -> Tensor:
    """log q_mix for log q (B, J, K) and `FixedProposals.log_total` (B, J): (B, J)."""
    total = torch.logaddexp(log_q.logsumexp(2), log_fixed)
    return total - math.log(log_q.shape[2] + fixed_count)


def _log(count: int) -> float:
    return math.log(count) if count else -math.inf
