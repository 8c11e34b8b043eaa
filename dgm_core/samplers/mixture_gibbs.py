"""Blocked Gibbs sampling of a mixture of Gaussians under a Gaussian–Wishart–Dirichlet prior.

    π, Λ, μ | x, z   the conjugate posterior: Dirichlet, Wishart, Gaussian; all clusters at once
    z_n | x_n, π, Λ, μ   ∝ π_k N(x_n; μ_k, Λ_k⁻¹); all points at once, in logarithms

The parameters are drawn first, so the log-likelihood and the evidence of a sweep belong to the
state after it. An empty cluster draws its parameters from the prior and may get points again.

**On real latents chains do not mix**: moving points one at a time rarely splits or merges a
cluster, and different chains stay in different modes. They are then alternative clusterings, to be
ranked by `log_evidence`. Their average is not a posterior mean, and R-hat shows this.

With `variance`, points are uncertain: q_n = N(m_n, diag v_n), as from an encoder. Each sweep first
draws new points *and assigns them again*. This is multiple imputation by data augmentation: the
parameters come from posteriors p(π, μ, Λ, z | x) with x ~ Π q_n. The mixture does not influence q
(a cut, not a joint model). With one sweep per draw, the average over x is approximate. Chains that
each keep one draw, x (chains, N, D), are exact multiple imputation.

Parameters must not be drawn from new points with the assignment of the old ones. Old and new
points share only m_n, so clusters would merge as v approaches the clusters' own variance.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture, normalised
from dgm_core.mixtures.moments import Moments, moments_of
from dgm_core.mixtures.prior import GaussianWishartDirichlet
from dgm_core.mixtures.seeds import kmeans_plus_plus, nearest_centre
from dgm_core.rng import Source, categorical, normal
from dgm_core.types import Sampler


class MixtureState(NamedTuple):
    """What the next sweep needs; the leading dimension runs over chains."""

    mixture: GaussianMixture  # (C) chains
    assignment: Tensor  # (C, N) int64
    x: Tensor  # (N, D); (C, N, D) if each chain has its own points
    moments: Moments  # of x under the assignment


class MixtureInfo(NamedTuple):
    """What a reader needs, for the state after the sweep; float64."""

    log_likelihood: Tensor  # (C,) Σ_n log p(x_n | π, μ, Λ), nats
    log_evidence: Tensor  # (C,) log p(x, z), parameters integrated out, nats


def mixture_gibbs(
    x: Tensor,
    clusters: int,
    prior: GaussianWishartDirichlet | None = None,
    chains: int = 4,
    variance: Tensor | None = None,
    start: Tensor | GaussianMixture | None = None,
) -> Sampler:
    """The sampler for given points; the first dimension of its states runs over chains.

    Args:
        x: points (N, D), or different points for each chain, (chains, N, D).
        clusters: K, some of which may stay empty.
        prior: None = `GaussianWishartDirichlet(D)`.
        chains: C; with several streams, one per chain.
        variance: variances of the points, as `x`; None = the points are certain.
        start: assignments (N,) or (C, N), or a mixture, with or without chains, whose most
            probable clusters are used; None = the nearest of k-means++ centres drawn per chain.

    Raises:
        ValueError: the points differ from the prior in dimension, or are not for `chains` chains.

    Example:
        >>> sampler = mixture_gibbs(x, clusters=10)         # doctest: +SKIP
        >>> state = sampler.init(generator)                 # doctest: +SKIP
        >>> state, info = sampler.step(state, generator)    # doctest: +SKIP
    """
    belief = prior or GaussianWishartDirichlet(x.shape[-1])
    if x.shape[-1] != belief.dim:
        raise ValueError(f"expected points of {belief.dim} dimensions, got {x.shape[-1]}")
    if x.dim() not in (2, 3) or (x.dim() == 3 and len(x) != chains):
        raise ValueError(f"expected points (N, D) or ({chains}, N, D), got shape {tuple(x.shape)}")
    spread = None if variance is None else variance.expand_as(x).sqrt()

    def drawn(source: Source) -> Tensor:
        if spread is None:
            return x
        return x + spread * normal((chains, *x.shape[-2:]), source, x.dtype)

    def assign(mixture: GaussianMixture, points: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        responsibilities, log_prob = normalised(mixture.log_joint(points))
        return categorical(responsibilities, source), log_prob

    def init(source: Source) -> MixtureState:
        points = drawn(source)
        if start is None:
            centres = kmeans_plus_plus(points, clusters, source, (chains,))
            assignment = nearest_centre(points, centres)
        elif isinstance(start, GaussianMixture):
            assignment = start.assign(points)
        else:
            assignment = start
        assignment = assignment.expand(chains, points.shape[-2])
        moments = moments_of(points, assignment, clusters)
        mixture = belief.posterior(moments).draw(source, x.dtype)
        return MixtureState(mixture, assignment, points, moments)

    def step(state: MixtureState, source: Source) -> tuple[MixtureState, MixtureInfo]:
        points, moments = state.x, state.moments
        if spread is not None:
            points = drawn(source)
            moments = moments_of(points, assign(state.mixture, points, source)[0], clusters)
        mixture = belief.posterior(moments).draw(source, x.dtype)
        assignment, log_prob = assign(mixture, points, source)
        moments = moments_of(points, assignment, clusters)
        info = MixtureInfo(log_prob.sum(-1, dtype=torch.float64), belief.log_evidence(moments))
        return MixtureState(mixture, assignment, points, moments), info

    return Sampler(init, step)
