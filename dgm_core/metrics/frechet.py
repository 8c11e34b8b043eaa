"""Distances between sets of features: how far generated images are from real ones.

The features (N, F) of each set are assumed to be Gaussian. The Wasserstein distance between two
Gaussians is known in closed form (Dowson & Landau 1982; Heusel et al. 2017):

    W2²(N(m₁, C₁), N(m₂, C₂)) = ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½)

A small sample of a distribution has a positive distance even to that distribution. So compare the
distance with that of equally many *real* images.

Precision and recall (Kynkäänniemi et al. 2019) separate two faults: generated images that look
wrong, and real images that are never generated. A feature lies on the manifold of a set if its
distance to some member is at most that member's distance to its k-th neighbour:

    precision = fraction of generated features on the manifold of the real ones
    recall    = fraction of real features on the manifold of the generated ones
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

ROWS_AT_ONCE = 1000
"""Rows whose distances to all others are in memory at a time."""


class PrecisionRecall(NamedTuple):
    """Fractions in [0, 1]."""

    precision: float
    recall: float


class Neighbours(NamedTuple):
    """The nearest member of a set for each row."""

    rows: Tensor  # (N,) int64, indices into the set
    distances: Tensor  # (N,) Euclidean, over all features


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """W2² between Gaussians with the means and covariances of two sets of features.

    Args:
        a: (N, F), N ≥ 2.
        b: (M, F), M ≥ 2.

    Raises:
        ValueError: a set has fewer than two rows, or the numbers of features differ.
    """
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"expected features (N, F) and (M, F), N and M at least 2, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    one, two = (each.double().cpu().numpy() for each in (a, b))
    shift = one.mean(0) - two.mean(0)
    covariances = [np.atleast_2d(np.cov(each, rowvar=False)) for each in (one, two)]
    total = sum(np.trace(covariance) for covariance in covariances)
    return float(max(shift @ shift + total - 2 * _trace_of_root(*covariances), 0.0))


def _trace_of_root(c1: np.ndarray, c2: np.ndarray) -> float:
    """tr (C₁ C₂)^½, by the symmetric C₁^½ C₂ C₁^½, which has the same eigenvalues."""
    from scipy.linalg import eigh

    values, vectors = eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return np.sqrt(eigh(root @ c2 @ root, eigvals_only=True).clip(0)).sum()


def precision_recall(real: Tensor, generated: Tensor, neighbours: int = 3) -> PrecisionRecall:
    """Precision and recall of `generated` (M, F) for `real` (N, F), with k = `neighbours`.

    Both depend on N and M. Use N = M, and the same N for all models that are compared.

    Raises:
        ValueError: a set has at most `neighbours` rows.
    """
    counts = len(real), len(generated)
    if min(counts) <= neighbours:
        raise ValueError(
            f"expected more than {neighbours} rows in each set, got {counts[0]} and {counts[1]}"
        )
    return PrecisionRecall(
        _on_manifold(generated, real, neighbours).mean().item(),
        _on_manifold(real, generated, neighbours).mean().item(),
    )


def _on_manifold(points: Tensor, members: Tensor, neighbours: int) -> Tensor:
    """1 where a point is no farther from some member than that member's k-th neighbour, (N,)."""
    radii = torch.cat(
        [
            # The nearest member is the member itself, so k + 1.
            torch.cdist(part, members, compute_mode=EXACT).kthvalue(neighbours + 1, 1).values
            for part in members.split(ROWS_AT_ONCE)
        ]
    )
    inside = [
        (torch.cdist(part, members, compute_mode=EXACT) <= radii).any(1)
        for part in points.split(ROWS_AT_ONCE)
    ]
    return torch.cat(inside).to(radii.dtype)


EXACT = "donot_use_mm_for_euclid_dist"
"""Distances from differences; distances from products round near neighbours away."""


def nearest(points: Tensor, among: Tensor) -> Neighbours:
    """The row of `among` (M, \\*event) with the least Euclidean distance to each of `points`."""
    flat, others = points.flatten(1), among.flatten(1)
    # Products only choose the row; their rounding is far below the distances between images.
    norms = others.square().sum(1)
    rows = torch.cat([(norms - 2 * part @ others.T).argmin(1) for part in flat.split(100)])
    return Neighbours(rows, torch.linalg.vector_norm(flat - others[rows], dim=1))
