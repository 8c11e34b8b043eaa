"""Which cluster of one fit is which of another: clusters have no names, and chains swap them.

Two clusterings of the same points are matched one to one so that as many points as possible lie
in matched clusters (Kuhn 1955, the Hungarian method); without assignments, so that the squared
distances of matched means add up to the least.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture


class Clustering(NamedTuple):
    """A mixture without chains, and where known the cluster of each point."""

    mixture: GaussianMixture
    assignment: Tensor | None = None  # (N,) int64


def contingency(rows: Tensor, columns: Tensor, row_count: int, column_count: int) -> Tensor:
    """How many points (N,) have i in `rows` and j in `columns`: (row_count, column_count)."""
    joint = rows.long() * column_count + columns.long()
    return torch.bincount(joint, minlength=row_count * column_count).view(row_count, column_count)


def matching(reference: Clustering, other: Clustering) -> Tensor:
    """Order (K,): cluster order[j] of `other` is what cluster j of `reference` is.

    By the overlap of the assignments; among equal ones, and where an assignment is missing, by the
    squared Euclidean distance of the means.

    Raises:
        ValueError: not as many clusters, or not the same points.
    """
    k = reference.mixture.clusters
    if other.mixture.clusters != k:
        raise ValueError(f"expected {k} clusters, got {other.mixture.clusters}")
    a, b = (each.mixture.means.detach().double() for each in (reference, other))
    cost = (a[:, None] - b).square().sum(-1)
    if reference.assignment is not None and other.assignment is not None:
        if reference.assignment.shape != other.assignment.shape:
            want, got = tuple(reference.assignment.shape), tuple(other.assignment.shape)
            raise ValueError(f"expected an assignment of shape {want}, got {got}")
        # Overlaps are whole numbers: K distances of less than 1 / (2K) only decide among ties.
        ties = cost / (2 * k * cost.max().clamp(min=torch.finfo(cost.dtype).tiny))
        cost = ties - contingency(reference.assignment, other.assignment, k, k)
    _, order = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(order, device=a.device)


def relabelled(reference: Clustering, other: Clustering) -> Clustering:
    """`other` with its clusters named as those of `reference` that they match.

    Label switching is harmless to the law, and only undone for display: colours then stay.
    """
    order = matching(reference, other)
    assignment = other.assignment
    if assignment is not None:
        assignment = order.argsort()[assignment]
    return Clustering(other.mixture.reordered(order), assignment)
