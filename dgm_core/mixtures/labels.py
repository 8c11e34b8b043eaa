"""Matching the clusters of two fits, because the order of clusters is arbitrary.

Two clusterings of the same points are matched one to one so that the largest number of points lies
in matched clusters (Hungarian method, Kuhn 1955). Without assignments, the sum of squared
distances between matched means is minimised.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture


class Clustering(NamedTuple):
    """A mixture without chains, and the cluster of each point if it is known."""

    mixture: GaussianMixture
    assignment: Tensor | None = None  # (N,) int64


def contingency(rows: Tensor, columns: Tensor, row_count: int, column_count: int) -> Tensor:
    """Number of points (N,) with i in `rows` and j in `columns`: (row_count, column_count)."""
    joint = rows.long() * column_count + columns.long()
    return torch.bincount(joint, minlength=row_count * column_count).view(row_count, column_count)


def matching(reference: Clustering, other: Clustering) -> Tensor:
    """Order (K,): cluster order[j] of `other` is matched with cluster j of `reference`.

    The matching maximises the overlap of the assignments. Ties, and fits without an assignment,
    are decided by the squared Euclidean distances of the means.

    Raises:
        ValueError: another number of clusters, or of points.
    """
    from scipy.optimize import linear_sum_assignment

    k = reference.mixture.clusters
    if other.mixture.clusters != k:
        raise ValueError(f"expected {k} clusters, got {other.mixture.clusters}")
    a, b = (each.mixture.means.detach().double() for each in (reference, other))
    cost = (a[:, None] - b).square().sum(-1)
    if reference.assignment is not None and other.assignment is not None:
        if reference.assignment.shape != other.assignment.shape:
            want, got = tuple(reference.assignment.shape), tuple(other.assignment.shape)
            raise ValueError(f"expected an assignment of shape {want}, got {got}")
        # Overlaps are integers, so K distances of less than 1 / (2K) only decide among ties.
        ties = cost / (2 * k * cost.max().clamp(min=torch.finfo(cost.dtype).tiny))
        cost = ties - contingency(reference.assignment, other.assignment, k, k)
    _, order = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(order, device=a.device)


def relabelled(reference: Clustering, other: Clustering) -> Clustering:
    """`other` with its clusters in the order of the matching clusters of `reference`.

    The distribution does not depend on the order; a figure with fixed colours does.
    """
    order = matching(reference, other)
    assignment = other.assignment
    if assignment is not None:
        assignment = order.argsort()[assignment]
    return Clustering(other.mixture.reordered(order), assignment)
