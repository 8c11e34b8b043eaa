"""Alignment of cluster names: a permutation is undone."""

from __future__ import annotations

import itertools

import pytest
import torch

from dgm_core.mixtures import (
    Clustering,
    GaussianMixture,
    contingency,
    matching,
    relabelled,
    seeded_mixture,
)
from dgm_core.rng import generator
from tests.mixtures.toys import three_clusters

ORDER = torch.tensor([3, 0, 4, 1, 2])


def clustering() -> Clustering:
    x, _ = three_clusters()
    mixture = seeded_mixture(x, 5, generator(0))
    return Clustering(mixture, mixture.assign(x))


def shuffled(one: Clustering) -> Clustering:
    """Rename the clusters: cluster j was cluster ORDER[j]."""
    assert one.assignment is not None
    return Clustering(one.mixture.reordered(ORDER), ORDER.argsort()[one.assignment])


@pytest.mark.parametrize("by", ["assignments", "means"])
def test_relabelling_undoes_a_permutation(by: str) -> None:
    one = clustering()
    other = shuffled(one)
    assert not torch.equal(other.assignment, one.assignment)
    reference = one if by == "assignments" else Clustering(one.mixture)
    found = relabelled(reference, other)
    assert torch.equal(found.mixture.means, one.mixture.means)
    assert torch.equal(found.mixture.weights, one.mixture.weights)
    assert torch.equal(found.assignment, one.assignment)


def test_the_matching_has_the_largest_possible_overlap() -> None:
    one = clustering()
    source = generator(1)
    noisy = torch.where(
        torch.rand(600, generator=source) < 0.6,
        torch.randint(5, (600,), generator=source),
        shuffled(one).assignment,
    )
    order = matching(one, Clustering(one.mixture, noisy))
    shared = contingency(one.assignment, noisy, 5, 5)
    best = max(
        sum(shared[j, k].item() for j, k in enumerate(each))
        for each in itertools.permutations(range(5))
    )
    assert shared[torch.arange(5), order].sum().item() == best


def test_empty_clusters_are_matched_by_their_means() -> None:
    """No point decides between clusters 1 and 2 of the other clustering."""
    means = torch.tensor([[0.0], [5.0], [9.0]])
    reference = Clustering(
        GaussianMixture(torch.ones(3) / 3, means, torch.ones(3, 1)), torch.zeros(4).long()
    )
    other = relabelled(
        reference, Clustering(reference.mixture.reordered([2, 0, 1]), torch.ones(4).long())
    )
    assert torch.equal(other.mixture.means, means)


def test_the_contingency_table_is_that_of_a_loop() -> None:
    a, b = torch.tensor([0, 1, 1, 2, 1]), torch.tensor([3, 0, 0, 1, 3])
    found = contingency(a, b, 3, 4)
    for i, j in itertools.product(range(3), range(4)):
        assert found[i, j] == ((a == i) & (b == j)).sum()


def test_clusterings_that_cannot_be_matched_are_named() -> None:
    one = clustering()
    with pytest.raises(ValueError, match="expected 5 clusters, got 3"):
        matching(one, Clustering(one.mixture.reordered([0, 1, 2])))
    with pytest.raises(ValueError, match=r"shape \(600,\), got \(7,\)"):
        matching(one, Clustering(one.mixture, torch.zeros(7).long()))
