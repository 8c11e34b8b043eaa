"""Blocked Gibbs sampling of a mixture of Gaussians under a Gaussian–Wishart–Dirichlet prior.

    π, Λ, μ | x, z   the conjugate posterior: Dirichlet, Wishart, Gaussian; all clusters at once
    z_n | x_n, π, Λ, μ   ∝ π_k N(x_n; μ_k, Λ_k⁻¹); all points at once, in logarithms

The parameters come first, so that the log-likelihood and the evidence of a sweep are those of the
state it leaves. An empty cluster draws its parameters from the prior, and may fill again.

**On real latents chains do not mix**: a cluster is hardly ever split or merged by moving points
one at a time, and chains settle in modes of their own. They are then rival clusterings, to be
ranked by `log_evidence`; their average is no posterior mean, and R-hat says so.

With `variance`, points are uncertain, q_n = N(m_n, diag v_n) as an encoder gives it, and each
sweep first draws them anew *and assigns them anew*. That is multiple imputation in the form of a
data augmentation: the parameters come from posteriors p(π, μ, Λ, z | x) over x ~ Π q_n. The
mixture does not feed back into q (a cut, not a joint model), and with one sweep a draw the average
over x is approximate; chains that each keep one draw, x (chains, N, D), are exact multiple
imputation.

Parameters drawn from new points under the assignment of the old ones would be badly off: the two
only share m_n, and clusters merge as v nears their own variance.
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
    """What the next sweep needs; leading dimensions are chains."""

    mixture: GaussianMixture  # (C) chains
    assignment: Tensor  # (C, N) int64
    x: Tensor  # (N, D); (C, N, D) where chains have points of their own
    moments: Moments  # of x under the assignment


class MixtureInfo(NamedTuple):
    """What only a reader needs, of the state that the sweep leaves; float64."""

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
    """Bind the sampler to points; `MixtureState` and `MixtureInfo` lead with the chains.

    Args:
        x: (N, D), or for each chain its own, (chains, N, D).
        clusters: K, some of which may stay empty.
        prior: None = `GaussianWishartDirichlet(D)`.
        chains: C; several streams are one a chain.
        variance: of each point, as `x`; None = the points are certain.
        start: assignments (N,) or (C, N), or a mixture with or without chains, whose likeliest
            clusters they are; None = the nearest of k-means++ centres, another draw a chain.

    Raises:
        ValueError: points of another dimension than the prior's, or not of `chains` chains.

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
