"""How far a set of made images is from real ones: distances between sets of features.

Features (N, F) of images are taken for Gaussian, and compared by the Wasserstein distance between
two Gaussians, which is known in closed form (Dowson & Landau 1982; Heusel et al. 2017):

    W2²(N(m₁, C₁), N(m₂, C₂)) = ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½)

A small set has a distance to its own law, too: compare with the distance of as many *real* images.

Precision and recall (Kynkäänniemi et al. 2019) tell poor images from missing ones. A feature lies
on the manifold of a set if it is no farther from some member than that member's k-th neighbour:

    precision = share of made on the manifold of real,   recall = share of real on that of made
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor

ROWS_AT_ONCE = 1000
"""Rows whose distances to all others are held at a time."""


class PrecisionRecall(NamedTuple):
    """Shares, 0 … 1."""

    precision: float
    recall: float


class Neighbours(NamedTuple):
    """The nearest of a set to each row."""

    rows: Tensor  # (N,) int64, into the set
    distances: Tensor  # (N,) Euclidean, over all features


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """W2² between Gaussians with the means and covariances of two sets of features.

    Args:
        a: (N, F), N ≥ 2.
        b: (M, F), M ≥ 2.

    Raises:
        ValueError: not two sets of at least two rows with as many features each.
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
    values, vectors = eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return np.sqrt(eigh(root @ c2 @ root, eigvals_only=True).clip(0)).sum()


def precision_recall(real: Tensor, made: Tensor, neighbours: int = 3) -> PrecisionRecall:
    """Precision and recall of `made` (M, F) against `real` (N, F), with k = `neighbours`.

    Both depend on N and M; use as many of each, and the same numbers when comparing.

    Raises:
        ValueError: a set has no `neighbours` others to a row.
    """
    if min(len(real), len(made)) <= neighbours:
        raise ValueError(
            f"expected more than {neighbours} rows in each set, got {len(real)} and {len(made)}"
        )
    return PrecisionRecall(
        _on_manifold(made, real, neighbours).mean().item(),
        _on_manifold(real, made, neighbours).mean().item(),
    )


def _on_manifold(points: Tensor, of: Tensor, neighbours: int) -> Tensor:
    """1 where a point lies within a member's distance to its k-th other, (N,)."""
    radii = torch.cat(
        [
            # The nearest member of all is the member itself.
            torch.cdist(part, of, compute_mode=EXACT).kthvalue(neighbours + 1, 1).values
            for part in of.split(ROWS_AT_ONCE)
        ]
    )
    inside = [
        (torch.cdist(part, of, compute_mode=EXACT) <= radii).any(1)
        for part in points.split(ROWS_AT_ONCE)
    ]
    return torch.cat(inside).to(radii.dtype)


EXACT = "donot_use_mm_for_euclid_dist"
"""By differences: by products, near neighbours are lost to rounding."""


def nearest(points: Tensor, among: Tensor) -> Neighbours:
    """The row of `among` (M, \\*event) nearest to each of `points` (N, \\*event), over entries."""
    flat, others = points.flatten(1), among.flatten(1)
    # Only the choice goes by products; rounding there is far below what images differ by.
    norms = others.square().sum(1)
    rows = torch.cat([(norms - 2 * part @ others.T).argmin(1) for part in flat.split(100)])
    return Neighbours(rows, torch.linalg.vector_norm(flat - others[rows], dim=1))
