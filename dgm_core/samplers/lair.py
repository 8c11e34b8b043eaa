"""Latent-adaptive importance resampling, LAIR (Simkus & Gutmann 2023, arXiv 2308.09078).

Each image has K completions, which make proposals together. One iteration:

    z_k ~ q(z | completion k), k = 1 … K, and R more from the prior
    w   = p(x_obs | z) p(z) / q_mix(z),   q_mix(z) = [ Σ_k q(z | completion k) + R p(z) ] / (K + R)
    K of the latents, resampled in proportion to w; x_mis ~ p(x_mis | z) makes the new completions

All K + R proposals are weighted with the density of the whole mixture (the *deterministic
mixture*, Owen & Zhou 2000). So the mean of w is unbiased for p(x_obs) for any completions, and a
latent that is unlikely under its own proposal does not get a huge weight. `Pool` collects the
proposals of all iterations, so its estimates have no bias from a small K. `adaptive` weighs them
against the proposals of all iterations.
"""

from __future__ import annotations

import math
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


class LairInfo(NamedTuple):
    """The proposals of an iteration, before they are resampled."""

    log_w: Tensor  # (B, K + R) log w; the mean of w estimates p(x_obs)
    log_target: Tensor  # (B, K + R) log p(x_obs, z)
    z: Tensor  # (B, K + R, L), proposals from the prior last
    likelihood: Distribution  # p(x | z), batch (B · (K + R),)
    ess: Tensor  # (B,) effective sample size of these K + R
    proposal: Distribution  # q(z | completion) for each completion, batch (B · K,)


def lair(
    model: LatentVariableModel,
    masked: Masked,
    initialisation: Initialisation = uniform_noise,
    *,
    completions: int = 16,
    prior_proposals: int = 4,
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

    Raises:
        ValueError: `completions` is not positive, or `prior_proposals` negative.
    """
    if completions < 1 or prior_proposals < 0:
        raise ValueError(
            "expected completions of at least 1 and prior_proposals of at least 0, "
            f"got {completions} and {prior_proposals}"
        )
    images, proposals = len(masked), completions + prior_proposals
    completed, proposed = masked.repeat(completions), masked.repeat(proposals)
    prior = model.prior()
    first = proposals * torch.arange(images, device=masked.x.device)[:, None]

    def init(source: torch.Generator) -> State:
        return start(model, completed, initialisation, source)

    def step(state: State, source: torch.Generator) -> tuple[State, LairInfo]:
        encoder = model.encode(state.x)
        own = draw(encoder, source).unflatten(0, (images, completions))
        z = torch.cat([own, draw(prior.expand((images, prior_proposals)), source)], 1)
        log_prior = prior.log_prob(z)
        log_q = log_mixture(log_prob_of_pairs(encoder, z), log_prior, prior_proposals)
        latents = z.flatten(0, 1)
        likelihood = model.decode(latents)
        log_likelihood = log_prob_observed(likelihood, proposed).unflatten(0, (images, proposals))
        log_target = log_likelihood + log_prior
        log_w = log_target - log_q
        expected = completions * log_w.double().softmax(1)
        rows = (first + systematic(expected, completions, source)).flatten()
        moved = redraw_missing(model, completed, latents[rows], take(likelihood, rows), source)
        ess = importance_ess(log_w.mT)
        return moved, LairInfo(log_w, log_target, z, likelihood, ess, encoder)

    return Sampler(init, step)


def log_mixture(log_q: Tensor, log_prior: Tensor, prior_proposals: int) -> Tensor:
    """log of [ Σ_k q + R p ] / (K + R) for log q (B, J, K) and log p (B, J): (B, J)."""
    log_count = math.log(prior_proposals) if prior_proposals else -math.inf
    total = torch.logaddexp(log_q.logsumexp(2), log_prior + log_count)
    return total - math.log(log_q.shape[2] + prior_proposals)
