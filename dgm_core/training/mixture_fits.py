"""Three ways to fit a mixture to the latents of images: EM, Gibbs sampling, variational Bayes.

Each is a generator of `Fitted`, the last of which is the result. The mixture of an earlier round,
if there is one, is among the starts of EM and Gibbs sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.metrics.diagnostics import rhat
from dgm_core.mixtures import (
    GaussianMixture,
    GaussianWishartDirichlet,
    Moments,
    em_steps,
    moments_of,
    seeded_mixture,
    variational_mixture,
)
from dgm_core.models.vae_gmm import Latents
from dgm_core.rng import generator
from dgm_core.samplers import chains
from dgm_core.samplers.mixture_gibbs import mixture_gibbs

ITERATIONS = 100
"""Iterations of Gibbs sampling; the largest number of iterations of EM."""

CHAINS = 4
"""Parallel chains of the Gibbs sampler."""

RESTARTS, RESTARTS_LATER = 16, 4
"""Parallel restarts of EM; the second number if there is a mixture from an earlier round. On the
latents of MNIST one restart in eight finds the likeliest mixture, whose clusters are digits."""

GAIN = 1e-4
"""Increase per iteration, in nats per point, below which EM has converged."""


@dataclass(frozen=True)
class Plan:
    """The form of the mixture and of the latents that it is fitted to.

    Attributes:
        clusters: K.
        diagonal: covariances without correlations.
        spread: fit to q(z|x) with its variance, not only to its mean.
        blur: variance added to every cluster in every direction after the fit, so that the
            networks learn from a broader mixture.
        floor: least variance of a cluster in any direction.
    """

    clusters: int
    diagonal: bool = False
    spread: bool = True
    blur: float = 0.0
    floor: float = 1e-3

    def variance(self, latents: Latents) -> Tensor | None:
        """Variance of each point (N, L) for the fit; None = the means alone."""
        return latents.variance if self.spread else None

    def blurred(self, mixture: GaussianMixture) -> GaussianMixture:
        """A fitted mixture with the blur and the form of covariance that the networks use."""
        if self.diagonal:
            variances = mixture.variances + self.blur
            return GaussianMixture(mixture.weights, mixture.means, variances.sqrt())
        eye = torch.eye(mixture.dim, device=mixture.means.device)
        covariances = mixture.covariances + self.blur * eye
        return GaussianMixture.of_covariances(mixture.weights, mixture.means, covariances)


class Fitted(NamedTuple):
    """A mixture, and the trace of its fit."""

    mixture: GaussianMixture
    trace: Tensor  # (chains or restarts, iterations) log-likelihood, nats per point, float64
    rhat: float | None  # of the log-likelihood over chains; None without chains
    log_evidence: float  # log p(latents, clusters), parameters integrated out, nats per point


Fit = Callable[[Latents, Plan, GaussianMixture | None, int], Iterator[Fitted]]
"""(latents, plan, mixture of an earlier round, seed) → fits in progress, the result last."""


def by_em(
    latents: Latents, plan: Plan, previous: GaussianMixture | None, seed: int
) -> Iterator[Fitted]:
    """Maximum likelihood: the best of several restarts."""
    x, variance = latents.mean, plan.variance(latents)
    restarts = RESTARTS if previous is None else RESTARTS_LATER
    start = seeded_mixture(
        x, plan.clusters, generator(seed, x.device), chains=(restarts,), variance=variance
    )
    if previous is not None:
        start = _with_another(start, previous)
    trace: list[Tensor] = []
    steps = em_steps(x, start, floor=plan.floor, variance=variance, diagonal=plan.diagonal)
    for mixtures, log_likelihood in steps:
        converged = bool(trace) and bool((log_likelihood / len(x) - trace[-1] < GAIN).all())
        trace.append(log_likelihood / len(x))
        last = converged or len(trace) > ITERATIONS
        if last or len(trace) % 10 == 0:
            best = mixtures[int(log_likelihood.argmax())]
            yield _fitted(latents, plan, best, torch.stack(trace, 1))
        if last:
            return


def by_gibbs(
    latents: Latents, plan: Plan, previous: GaussianMixture | None, seed: int
) -> Iterator[Fitted]:
    """The chain of the largest evidence, with the centre of the posterior given its last clusters.

    Covariances are full; `Plan.blurred` takes their diagonals if the plan is diagonal.
    """
    x, variance = latents.mean, plan.variance(latents)
    prior = GaussianWishartDirichlet(x.shape[1])
    sampler = mixture_gibbs(x, plan.clusters, prior, CHAINS, variance, start=previous)
    log_likelihoods: list[Tensor] = []
    for iteration in chains.run(sampler, generator(seed, x.device), ITERATIONS):
        log_likelihoods.append(iteration.info.log_likelihood.double() / len(x))
        if iteration.number % 5 == 0:
            best = int(iteration.info.log_evidence.argmax())
            moments = Moments(*(each[best] for each in iteration.state.moments))
            mixture = prior.posterior(moments).centre(x.dtype)
            trace = torch.stack(log_likelihoods, 1)
            evidence = float(iteration.info.log_evidence[best]) / len(x)
            half = trace[:, trace.shape[1] // 2 :]
            yield Fitted(mixture, trace, float(rhat(half)), evidence)


def by_variational(
    latents: Latents, plan: Plan, previous: GaussianMixture | None, seed: int
) -> Iterator[Fitted]:
    """scikit-learn's variational posterior, from the means alone and without `previous`."""
    mixture = variational_mixture(latents.mean, plan.clusters, seed)
    log_likelihood = mixture.log_prob(latents.mean).double().mean()
    yield _fitted(latents, plan, mixture, log_likelihood.view(1, 1))


FITS: dict[str, Fit] = {"EM": by_em, "Gibbs": by_gibbs, "variational": by_variational}


def log_evidence(latents: Latents, plan: Plan, assignment: Tensor) -> float:
    """log p(latents, clusters) under the Gibbs sampler's prior, nats per point."""
    x, variance = latents.mean, plan.variance(latents)
    moments = moments_of(x, assignment, plan.clusters, variance)
    return float(GaussianWishartDirichlet(x.shape[1]).log_evidence(moments)) / len(x)


def _fitted(latents: Latents, plan: Plan, mixture: GaussianMixture, trace: Tensor) -> Fitted:
    assignment = mixture.assign(latents.mean, plan.variance(latents))
    return Fitted(mixture, trace, None, log_evidence(latents, plan, assignment))


def _with_another(many: GaussianMixture, one: GaussianMixture) -> GaussianMixture:
    """The starts `many`, and one more."""
    scales = one.scales if not one.diagonal else torch.diag_embed(one.scales)
    return GaussianMixture(
        torch.cat([many.weights, one.weights[None]]),
        torch.cat([many.means, one.means[None]]),
        torch.cat([many.scales, scales[None]]),
    )
