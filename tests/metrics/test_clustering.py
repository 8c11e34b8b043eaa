"""Scores of clusters against loops, all permutations and hand-made cases."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from dgm_core.metrics import CLUSTERING_DEFINITIONS, UNMATCHED, ClusteringScores, clustering_scores
from dgm_core.rng import generator


def noisy(clusters: int, labels: int, points: int = 300) -> tuple[Tensor, Tensor]:
    """Labels, and clusters that mostly follow them under other names."""
    source = generator(clusters * 10 + labels)
    y = torch.randint(labels, (points,), generator=source)
    z = (3 * y + 1) % clusters
    other = torch.randint(clusters, (points,), generator=source)
    return torch.where(torch.rand(points, generator=source) < 0.4, other, z), y


def accuracy_by_trial(z: Tensor, y: Tensor, clusters: int, labels: int) -> float:
    """The best accuracy over all one-to-one pairings."""
    few, many = sorted((clusters, labels))
    best = 0
    for chosen in itertools.permutations(range(many), few):
        pairs = enumerate(chosen)
        if clusters > labels:
            pairs = ((k, label) for label, k in enumerate(chosen))
        best = max(best, sum(int(((z == k) & (y == label)).sum()) for k, label in pairs))
    return best / len(y)


def nmi_by_loop(z: Tensor, y: Tensor) -> float:
    def entropy(values: list) -> float:
        fractions = [values.count(v) / len(values) for v in set(values)]
        return -sum(p * math.log(p) for p in fractions)

    a, b = z.tolist(), y.tolist()
    both = entropy(list(zip(a, b, strict=True)))
    return 2 * (entropy(a) + entropy(b) - both) / (entropy(a) + entropy(b))


def ari_by_pairs(z: list[int], y: list[int]) -> float:
    """Count over all pairs of points: together in both, in one, or in the other."""
    pairs = list(itertools.combinations(range(len(z)), 2))
    in_z = sum(int(z[i] == z[j]) for i, j in pairs)
    in_y = sum(int(y[i] == y[j]) for i, j in pairs)
    in_both = sum(int(z[i] == z[j] and y[i] == y[j]) for i, j in pairs)
    chance = in_z * in_y / len(pairs)
    return (in_both - chance) / ((in_z + in_y) / 2 - chance)


@pytest.mark.parametrize(("clusters", "labels"), [(4, 4), (6, 3), (3, 5)])
def test_scores_are_those_of_loops(clusters: int, labels: int) -> None:
    z, y = noisy(clusters, labels)
    found = clustering_scores(z, y, clusters)
    assert found.accuracy == pytest.approx(accuracy_by_trial(z, y, clusters, labels))
    assert found.nmi == pytest.approx(nmi_by_loop(z, y))
    few = slice(0, 60)
    assert clustering_scores(z[few], y[few], clusters).ari == pytest.approx(
        ari_by_pairs(z[few].tolist(), y[few].tolist())
    )
    common = [max(int((y[z == k] == c).sum()) for c in range(labels)) for k in range(clusters)]
    assert found.purity == pytest.approx(sum(common) / len(y))
    assert found.purity >= found.accuracy
    for k in range(clusters):
        assert found.purities[k].item() == pytest.approx(common[k] / int((z == k).sum()))


@pytest.mark.parametrize(("clusters", "labels"), [(4, 4), (6, 3), (3, 5)])
def test_the_confusion_matrix_has_matched_clusters_in_the_order_of_labels(
    clusters: int, labels: int
) -> None:
    z, y = noisy(clusters, labels)
    found = clustering_scores(z, y, clusters)
    for i, j in itertools.product(range(labels), range(clusters)):
        assert found.confusion[i, j] == ((y == found.labels[i]) & (z == found.order[j])).sum()
    assert sorted(found.order.tolist()) == list(range(clusters))
    paired = found.matched[found.order]
    count = min(clusters, labels)
    assert (paired[:count] != UNMATCHED).all()
    assert (paired[:count].diff() > 0).all()
    assert (paired[count:] == UNMATCHED).all()
    right = (found.matched[z] == y).double().mean().item()
    assert right == pytest.approx(found.accuracy)


def test_clusters_under_other_names_are_perfect_whatever_the_labels_are_called() -> None:
    y = torch.tensor([7, 7, 3, 9, 9, 3])
    z = torch.tensor([2, 2, 0, 4, 4, 0])
    found = clustering_scores(z, y, 5)
    assert (found.accuracy, found.nmi, found.ari, found.purity) == pytest.approx((1, 1, 1, 1))
    assert found.matched[[0, 2, 4]].tolist() == [3, 7, 9]
    assert found.purities.isnan().tolist() == [False, True, False, True, False]
    assert found.labels.tolist() == [3, 7, 9]


def test_splitting_a_cluster_keeps_purity_and_lowers_accuracy() -> None:
    y = torch.arange(100) % 2
    split = y + 2 * (torch.arange(100) >= 50)
    found = clustering_scores(split, y, 4)
    assert found.purity == 1
    assert found.accuracy == 0.5


def test_random_clusters_have_no_adjusted_rand_index() -> None:
    source = generator(0)
    y = torch.randint(5, (5000,), generator=source)
    z = torch.randint(5, (5000,), generator=source)
    assert abs(clustering_scores(z, y, 5).ari) < 0.01


def test_every_number_on_the_screen_is_defined() -> None:
    named = {name.lower() for name in CLUSTERING_DEFINITIONS}
    kinds = ClusteringScores.__annotations__
    assert named == {field for field, kind in kinds.items() if kind == "float"}


def test_invalid_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\)"):
        clustering_scores(torch.zeros(3).long(), torch.zeros(2).long(), 1)
    with pytest.raises(ValueError, match="clusters in 0 … 1, got 0 … 2"):
        clustering_scores(torch.tensor([0, 2]), torch.zeros(2).long(), 2)
