"""Points of a known mixture, float64."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.mixtures import GaussianMixture, GaussianWishartDirichlet
from dgm_core.rng import generator, normal


def three_clusters(points: int = 600, dim: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points (N, D) of three overlapping clusters of different shapes, and their clusters (N,)."""
    source = generator(seed)
    means = torch.zeros(3, dim, dtype=torch.float64)
    means[0, 0], means[1, 0], means[2, 1] = -2.0, 2.0, 2.5
    factor = 0.4 * normal((3, dim, dim), source, torch.float64)
    covariances = factor @ factor.mT + 0.3 * torch.eye(dim, dtype=torch.float64)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    mixture = GaussianMixture.of_covariances(weights, means, covariances)
    return mixture.sample(points, source)


def proper_prior(dim: int) -> GaussianWishartDirichlet:
    """A prior without default values, so that a test sees every parameter; all moments exist."""
    return GaussianWishartDirichlet(dim, alpha=0.7, beta=0.6, mean=0.4, scale=0.3, dof=dim + 4.5)
