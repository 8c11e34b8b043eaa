"""Initial mixtures: k-means++ (Arthur & Vassilvitskii 2007), then Lloyd's algorithm.

The first centre is a point drawn uniformly. Each next one is drawn with probability proportional
to the squared distance from the nearest centre. The expected cost is O(log K) times the minimum.
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
    """k-means++ centres among points x (N, D) or (\\*chains, N, D): (\\*chains, K, D).

    Raises:
        ValueError: fewer points than clusters.
    """
    points, dim = x.shape[-2:]
    if points < clusters:
        raise ValueError(f"expected at least {clusters} points, got {points}")
    each = x.expand(*chains, points, dim)
    weight = torch.ones((*chains, points), dtype=torch.float64, device=x.device)
    nearest = torch.full_like(weight, torch.inf)
    centres = []
    for _ in range(clusters):
        index = categorical(weight, source)[..., None, None].expand(*chains, 1, dim)
        centres.append(each.gather(-2, index))
        nearest = nearest.minimum((each - centres[-1]).double().square().sum(-1))
        # If there are fewer distinct points than clusters, all distances become 0.
        all_zero = (nearest == 0).all(-1, keepdim=True)
        weight = torch.where(all_zero, 1, nearest)
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

    For uncertain points these moments must include the variance. Otherwise clusters would be as
    narrow as the means alone and E log N off by v / σ² ≫ 1 nats, most in directions in which the
    means hardly differ, and the broadest cluster would get every point.

    Args:
        x: (N, D), or (\\*chains, N, D).
        clusters: K.
        source: of randomness; several streams: one per chain.
        chains: leading dimensions of the result; each has its own seeds.
        floor: variance added in every direction.
        steps: of Lloyd's algorithm: centres ← means of the nearest points.
        variance: of each point, shaped as x; None: the points are certain.
    """
    dim = x.shape[-1]
    centres = kmeans_plus_plus(x, clusters, source, chains)
    moments = moments_of(x, nearest_centre(x, centres), clusters, variance)
    for _ in range(steps):
        means = moments.means.to(x.dtype)
        centres = torch.where((moments.counts > 0)[..., None], means, centres)
        moments = moments_of(x, nearest_centre(x, centres), clusters, variance)
    counts = moments.counts
    empty = (counts == 0)[..., None]
    means = torch.where(empty, centres.double(), moments.means)
    # Adding D + 1 points' worth of the pooled scatter keeps small clusters from being flat.
    pooled = moments.scatters.sum(-3) / counts.sum(-1)[..., None, None]
    added = dim + 1.0
    scatters = moments.scatters + added * pooled[..., None, :, :]
    eye = torch.eye(dim, dtype=torch.float64, device=x.device)
    covariances = scatters / (counts + added)[..., None, None] + floor * eye
    weights = (counts + 1) / (counts + 1).sum(-1, keepdim=True)
    return GaussianMixture.of_covariances(
        weights.to(x.dtype), means.to(x.dtype), covariances.to(x.dtype)
    )
