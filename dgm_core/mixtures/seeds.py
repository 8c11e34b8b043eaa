"""Where fits of mixtures begin: k-means++ (Arthur & Vassilvitskii 2007), then Lloyd's steps.

The first centre is a point drawn uniformly, each next one a point drawn in proportion to its
squared distance from the nearest centre so far: the expected cost is O(log K) times the least.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture
from dgm_core.mixtures.moments import moments_of
from dgm_core.rng import Source, categorical


def kmeans_plus_plus(
    x: Tensor, clusters: int, source: Source, chains: tuple[int, ...] = ()
) -> Tensor:
    """Centres that lie apart, points of x (N, D) or (\\*chains, N, D): (\\*chains, K, D).

    Raises:
        ValueError: fewer points than clusters.
    """
    points, dim = x.shape[-2:]
    if points < clusters:
        raise ValueError(f"expected at least {clusters} points, got {points}")
    each = x.expand(*chains, points, dim)
    chance = torch.ones((*chains, points), dtype=torch.float64, device=x.device)
    nearest = torch.full_like(chance, torch.inf)
    centres = []
    for _ in range(clusters):
        at = categorical(chance, source)[..., None, None].expand(*chains, 1, dim)
        centres.append(each.gather(-2, at))
        nearest = nearest.minimum((each - centres[-1]).double().square().sum(-1))
        # All points may lie on centres, where there are fewer distinct ones than clusters.
        spent = (nearest == 0).all(-1, keepdim=True)
        chance = torch.where(spent, 1, nearest)
    return torch.cat(centres, -2)


def nearest_centre(x: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest of centres (…, K, D) to each of x (…, N, D): (…, N) int64."""
    ones = torch.ones_like(centres)
    return GaussianMixture(ones[..., 0], centres, ones).assign(x)


def seeded_mixture(
    x: Tensor,
    clusters: int,
    source: Source,
    *,
    chains: tuple[int, ...] = (),
    floor: float = 1e-3,
    steps: int = 5,
    variance: Tensor | None = None,
) -> GaussianMixture:
    """A mixture with the moments of clusters around k-means++ centres.

    Of uncertain points the variance has to be among these moments: clusters as narrow as the means
    alone would be off by v / σ² ≫ 1 nats in E log N, most in directions in which the means hardly
    differ, and the broadest of them would take every point.

    Args:
        x: (N, D), or (\\*chains, N, D).
        clusters: K.
        source: randomness; several streams are one a chain.
        chains: leading dimensions of the result, each with seeds of its own.
        floor: variance added in every direction.
        steps: of Lloyd's algorithm, centres ← means of the points nearest to them.
        variance: of each point, as x; None = they are certain.
    """
    centres = kmeans_plus_plus(x, clusters, source, chains)
    for turn in range(steps + 1):
        moments = moments_of(x, nearest_centre(x, centres), clusters, variance)
        if turn < steps:
            means = moments.means.to(x.dtype)
            centres = torch.where((moments.counts > 0)[..., None], means, centres)
    counts = moments.counts
    empty = (counts == 0)[..., None]
    means = torch.where(empty, centres.double(), moments.means)
    # A share of the pooled scatter keeps clusters of few points from being flat.
    total = counts.sum(-1)[..., None, None]
    pooled = moments.scatters.sum(-3) / total
    share = x.shape[-1] + 1.0
    covariances = (moments.scatters + share * pooled[..., None, :, :]) / (counts + share)[
        ..., None, None
    ] + floor * torch.eye(x.shape[-1], dtype=torch.float64, device=x.device)
    weights = (counts + 1) / (counts + 1).sum(-1, keepdim=True)
    return GaussianMixture.of_covariances(
        weights.to(x.dtype), means.to(x.dtype), covariances.to(x.dtype)
    )
