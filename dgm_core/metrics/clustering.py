"""How well clusters agree with labels that were not used to find them.

A cluster has no name. The Hungarian method pairs clusters with labels one to one so that as many
points as possible lie in a pair; their share is the accuracy. Clusters beyond the labels, or
labels beyond the clusters, stay without a partner, and all their points count as errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from dgm_core.mixtures.labels import contingency

UNMATCHED = -1
"""Label of a cluster without a partner."""


@dataclass(frozen=True, eq=False)
class ClusteringScores:
    """Scores of an assignment; `CLUSTERING_DEFINITIONS` says what each is."""

    accuracy: float
    nmi: float
    ari: float
    purity: float
    purities: Tensor  # (K,) of each cluster; NaN where it is empty
    matched: Tensor  # (K,) int64, the label paired with each cluster, or UNMATCHED
    order: Tensor  # (K,) int64, clusters by the label they are paired with, the unmatched last
    labels: Tensor  # (L,) int64, the labels there are, ascending
    confusion: Tensor  # (L, K) int64, points by label and by cluster in `order`


def clustering_scores(assignment: Tensor, labels: Tensor, clusters: int) -> ClusteringScores:
    """Scores of a cluster for each point against a label for each point.

    Args:
        assignment: (N,) in 0 … K − 1.
        labels: (N,) whole numbers; K need not be how many there are.
        clusters: K.

    Raises:
        ValueError: not one label a point, no point, or a cluster out of range.

    Example:
        >>> z, y = torch.tensor([1, 1, 0, 0]), torch.tensor([0, 0, 1, 0])
        >>> clustering_scores(z, y, clusters=2).accuracy
        0.75
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if assignment.dim() != 1 or assignment.shape != labels.shape or not len(labels):
        want, got = tuple(assignment.shape), tuple(labels.shape)
        raise ValueError(f"expected points and as many labels, got shapes {want} and {got}")
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
