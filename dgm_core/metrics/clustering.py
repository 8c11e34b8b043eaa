"""Agreement of clusters with labels that were not used to find the clusters.

Clusters are numbered arbitrarily. The Hungarian method pairs clusters with labels one to one so
that as many points as possible lie in a pair; the fraction of these points is the accuracy. If
there are more clusters than labels, or fewer, some stay unpaired, and all their points count as
errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_core.mixtures.labels import contingency

UNMATCHED = -1
"""The label of a cluster that is not paired."""


@dataclass(frozen=True, eq=False)
class ClusteringScores:
    """Scores of an assignment; `CLUSTERING_DEFINITIONS` defines each."""

    accuracy: float
    nmi: float
    ari: float
    purity: float
    purities: Tensor  # (K,) purity of each cluster; NaN for an empty one
    matched: Tensor  # (K,) int64, the label paired with each cluster, or UNMATCHED
    order: Tensor  # (K,) int64, clusters in the order of their paired labels, unpaired ones last
    labels: Tensor  # (L,) int64, the labels that occur, ascending
    confusion: Tensor  # (L, K) int64, points of each label in each cluster, clusters in `order`


def clustering_scores(assignment: Tensor, labels: Tensor, clusters: int) -> ClusteringScores:
    """Scores of the cluster of each point against its label.

    Args:
        assignment: clusters (N,) in 0 … K − 1.
        labels: (N,) integers; their number may differ from K.
        clusters: K.

    Raises:
        ValueError: not one label per point, no point, or a cluster out of range.

    Example:
        >>> z, y = torch.tensor([1, 1, 0, 0]), torch.tensor([0, 0, 1, 0])
        >>> clustering_scores(z, y, clusters=2).accuracy
        0.75
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if assignment.dim() != 1 or assignment.shape != labels.shape or not len(labels):
        points, given = tuple(assignment.shape), tuple(labels.shape)
        raise ValueError(f"expected one label per point, got shapes {points} and {given}")
    if not ((assignment >= 0) & (assignment < clusters)).all():
        low, high = int(assignment.min()), int(assignment.max())
        raise ValueError(f"expected clusters in 0 … {clusters - 1}, got {low} … {high}")
    z, y = assignment.cpu(), labels.cpu()
    names, index = y.unique(return_inverse=True)
    table = contingency(index, z, len(names), clusters)
    rows, columns = (torch.as_tensor(each) for each in linear_sum_assignment(-table.numpy()))
    matched = torch.full((clusters,), UNMATCHED)
    matched[columns] = names[rows].long()
    rest = [k for k in range(clusters) if k not in set(columns.tolist())]
    order = torch.cat([columns, torch.tensor(rest, dtype=torch.int64)])
    largest, sizes = table.amax(0), table.sum(0)
    return ClusteringScores(
        accuracy=table[rows, columns].sum().item() / len(y),
        nmi=float(normalized_mutual_info_score(y.numpy(), z.numpy())),
        ari=float(adjusted_rand_score(y.numpy(), z.numpy())),
        purity=largest.sum().item() / len(y),
        purities=largest.double() / sizes,
        matched=matched,
        order=order,
        labels=names.long(),
        confusion=table[:, order],
    )
