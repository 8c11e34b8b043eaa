"""Scores for the card of a VAE with a mixture as its prior, and the history of its training.

The history is that of the run and of its control, from their checkpoints if there are any. The
accuracy on the test split uses the shipped, rounded weights. Clusters are matched with labels on
the training images, so no choice depends on test labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import data
from dgm_core.data.cluster_images import ClusterImages, cluster_images, prepared
from dgm_core.metrics.clustering import UNMATCHED, clustering_scores
from dgm_core.mixtures import Clustering, relabelled
from dgm_core.models.classifier import Classifier
from dgm_core.models.vae_gmm import MixtureVAE
from dgm_core.studies.clusters.history import SHOWN, History, history_of, lay_out
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded
from dgm_core.training import mutual
from dgm_core.training.mutual import Config, Shot

EARLY = (1, 3, 8, 20)
"""Epochs within the warm-up that the history also shows."""


class Measured(NamedTuple):
    """Scores for the card; accuracies are on training images unless stated otherwise."""

    images: int
    epochs: int
    accuracy_before: float
    accuracy: float
    accuracy_control: float
    accuracy_test: float | None  # None if the test images have other classes
    nmi: float
    ari: float
    elbo_before: float  # nats per image, with the mixture as the prior in all three
    elbo: float
    elbo_control: float
    log_evidence_before: float  # of latents and clusters, nats per image
    log_evidence: float

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        return {key: value for key, value in rounded(self._asdict()).items() if value is not None}


class Result(NamedTuple):
    """Scores for the card, and the history for the page."""

    measured: Measured
    history: History


def run(
    config: Config, model: MixtureVAE, folder: Path | None, reader: Classifier | None
) -> Iterator[Frame | Result]:
    """Repeat a run and its control, measure, and lay out the history; the `Result` comes last.

    Args:
        config: settings of the run.
        model: the shipped model.
        folder: has the checkpoints of the run; those of the control are written there.
        reader: classifier of the images whose labels are not shipped.
    """
    images = cluster_images(config.dataset, config.images, deskewed=config.deskewed)
    ends: list[tuple[Shot, ...]] = []
    for which in (config, config.control):
        for item in mutual.run(which, images, folder):
            if isinstance(item, mutual.Frame):
                yield Frame(f"{which.form}: {item.doing}", 0.4 * (len(ends) + item.done))
            else:
                ends.append(item.shots)
    shots, control = ends
    read = None if reader is None else _read(config, reader)
    epochs = [epoch for epoch in EARLY if epoch < config.warmup]
    early = [_early(config, epoch, images, folder, shots[0]) for epoch in epochs]
    history = history_of(config, shots, control, read=read, early=early)
    for item in lay_out(history):
        if isinstance(item, Frame):
            yield Frame(item.doing, 0.8 + 0.2 * item.done)
        else:
            history = item
    first, last, plain = shots[0], shots[-1], control[-1]
    measured = Measured(
        images=len(images),
        epochs=last.epoch,
        accuracy_before=first.scores.accuracy,
        accuracy=last.scores.accuracy,
        accuracy_control=plain.scores.accuracy,
        accuracy_test=_test_accuracy(config, model, last),
        nmi=last.scores.nmi,
        ari=last.scores.ari,
        elbo_before=first.bound.elbo,
        elbo=last.bound.elbo,
        elbo_control=plain.bound.elbo,
        log_evidence_before=first.log_evidence,
        log_evidence=last.log_evidence,
    )
    yield Result(measured, history)


def _early(
    config: Config, epoch: int, images: ClusterImages, folder: Path | None, reference: Shot
) -> Shot:
    """The shot of a warm-up of `epoch` epochs, its clusters numbered like those of `reference`.

    The learning rate is constant, so the networks are those of the longer warm-up at that epoch.
    """
    *_, found = mutual.run(
        dataclasses.replace(config, warmup=epoch, rounds=0, form="one pass"), images, folder
    )
    (shot,) = found.shots
    mixture, assignment = relabelled(
        Clustering(reference.mixture, reference.assignment),
        Clustering(shot.mixture, shot.assignment),
    )
    assert assignment is not None  # both clusterings have one
    scores = clustering_scores(assignment, images.y, config.clusters)
    return shot._replace(mixture=mixture, assignment=assignment, scores=scores)


def _test_accuracy(config: Config, model: MixtureVAE, last: Shot) -> float | None:
    """Accuracy on the test split; None if it has other classes."""
    test = data.load(config.dataset, "test", download_missing=False)
    if not set(test.y.unique().tolist()) & set(last.scores.labels.tolist()):
        return None
    pixels = prepared(test.x, deskewed=config.deskewed)
    latents = mutual.latents_of(model, pixels)
    found = model.mixture.assign(latents.mean, config.plan.variance(latents)).cpu()
    label = last.scores.matched[found]
    return float(((label == test.y) & (label != UNMATCHED)).float().mean())


@torch.no_grad()
def _read(config: Config, reader: Classifier) -> np.ndarray:
    """The classes that a classifier predicts for the images of a history, before preparation."""
    count = min(config.images, SHOWN)
    plain = cluster_images(config.dataset, count, deskewed=False)
    parts: list[Tensor] = []
    for images in plain.x.split(500):
        prediction: Any = reader.predict(images.float() / 255)
        parts.append(prediction.logits.argmax(1))
    return torch.cat(parts).numpy()
