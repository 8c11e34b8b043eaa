"""The numbers on a card are those of a run and its control; test labels have no influence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch import Tensor

from dgm_core import data
from dgm_core.data.deskew import deskew
from dgm_core.evaluation import vae_gmm
from dgm_core.evaluation.vae_gmm import Measured, Result
from dgm_core.models.classifier import Classifier, classifier
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.progress import Frame
from dgm_core.training import mutual
from tests.small_clusters import CLUSTERS as K
from tests.small_clusters import CONFIG, images, run


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "EARLY", 25)
    monkeypatch.setattr(embeddings, "LATE", 25)


def measure(reader: Classifier | None = None) -> tuple[list[Frame], Result]:
    *frames, last = vae_gmm.run(CONFIG, run().model, None, reader)
    return frames, last


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "EARLY", 25)
        patch.setattr(embeddings, "LATE", 25)
        yield measure()[1].measured


def best_pairing(found: Tensor, labels: Tensor) -> dict[int, int]:
    """Cluster → label: the one-to-one pairing with the most points."""
    counts = [[int(((found == k) & (labels == y)).sum()) for y in range(10)] for k in range(K)]
    pairings = permutations(range(10), K)
    best = max(pairings, key=lambda pairing: sum(counts[k][y] for k, y in enumerate(pairing)))
    return dict(enumerate(best))


def accuracy(found: Tensor, labels: Tensor, pairing: dict[int, int]) -> float:
    right = [pairing[k] == y for k, y in zip(found.tolist(), labels.tolist(), strict=True)]
    return sum(right) / len(right)


def test_accuracies_of_training_images_are_those_of_the_best_pairing(measured: Measured) -> None:
    y = images().y
    ours, control = run().shots, run(CONFIG.control).shots
    for shot, found in (
        (ours[0], measured.accuracy_before),
        (ours[-1], measured.accuracy),
        (control[-1], measured.accuracy_control),
    ):
        expected = accuracy(shot.assignment, y, best_pairing(shot.assignment, y))
        assert found == pytest.approx(expected)
    last = ours[-1].assignment.numpy()
    assert measured.nmi == pytest.approx(normalized_mutual_info_score(y.numpy(), last))
    assert measured.ari == pytest.approx(adjusted_rand_score(y.numpy(), last))
    assert (measured.images, measured.epochs) == (200, 24)


def test_each_bound_uses_the_mixture_of_its_own_snapshot_as_the_prior(measured: Measured) -> None:
    model, last = run().model, run().shots[-1]
    x, seed = images().x, CONFIG.seed + 1
    again = mutual.bound(model, last.mixture, x, seed)
    assert measured.elbo == pytest.approx(again.elbo)
    with torch.no_grad():  # its message, cluster by cluster
        distribution = model.encode(x.float() / 255)
        weights, means = last.mixture.weights, last.mixture.means
        terms = []
        for k in range(K):
            gap = distribution.mean - means[k]
            precision = torch.linalg.inv(last.mixture.covariances[k])
            quadratic = ((gap @ precision) * gap).sum(
                1
            ) + distribution.variance @ precision.diagonal()
            volume = torch.logdet(2 * torch.pi * last.mixture.covariances[k])
            terms.append(weights[k].log() - 0.5 * (quadratic + volume))
        message = torch.stack(terms, 1).logsumexp(1).mean()
    assert again.message == pytest.approx(float(message), rel=1e-4)
    assert measured.elbo_before == run().shots[0].bound.elbo
    assert measured.elbo_control == run(CONFIG.control).shots[-1].bound.elbo
    assert measured.log_evidence_before == run().shots[0].log_evidence
    assert measured.log_evidence == last.log_evidence


def found_in_test() -> tuple[Tensor, Tensor]:
    """Clusters and labels of the test images, one at a time."""
    model, test = run().model, data.load("digits", "test")
    found = []
    for pixels in test.x:
        x = (deskew(pixels[None]) * 255).round() / 255
        latents = model.latents(x)
        found.append(model.mixture.assign(latents.mean, latents.variance))
    return torch.cat(found), test.y


def test_the_accuracy_on_the_test_split_uses_the_pairing_of_the_training_images(
    measured: Measured,
) -> None:
    pairing = best_pairing(run().shots[-1].assignment, images().y)
    found, labels = found_in_test()
    assert measured.accuracy_test == pytest.approx(accuracy(found, labels, pairing))


def test_labels_of_the_test_split_have_no_influence(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = data.load

    def renamed(name: str, split: str, **more: bool) -> object:
        """Give every class of the test split the name of the next class."""
        loaded = plain(name, split, **more)
        return loaded._replace(y=(loaded.y + 1) % 10) if split == "test" else loaded

    monkeypatch.setattr(data, "load", renamed)
    other = measure()[1].measured
    assert other._replace(accuracy_test=0) == measured._replace(accuracy_test=0)
    # A pairing chosen by test labels would follow them, and would be as accurate as before.
    pairing = best_pairing(run().shots[-1].assignment, images().y)
    found, labels = found_in_test()
    assert other.accuracy_test == pytest.approx(accuracy(found, labels, pairing))
    assert other.accuracy_test < measured.accuracy_test


def test_progress_rises_and_the_classifier_gets_the_original_images() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reader = classifier(28, 1, [str(i) for i in range(10)], (4, 8), 5).eval()
    frames, last = measure(reader)
    done = [frame.done for frame in frames]
    assert done == sorted(done)
    assert done[-1] <= 1
    both = [data.load("digits", split).x for split in ("train", "valid")]
    plain = torch.cat(both)[:200]
    expected = reader.predict((plain * 255).round() / 255).logits.argmax(1)
    np.testing.assert_array_equal(last.history.read, expected)
    history = last.history
    assert [snapshot.epoch for snapshot in history.early] == [1, 3, 8]  # the epochs of the warm-up
    several = (*history.early, *history.snapshots, history.control)
    assert all(snapshot.xy is not None for snapshot in several)
    card = last.measured.as_card()
    assert card["images"] == 200
    assert card["elbo"] == round(last.measured.elbo, 4)
