"""The numbers on the card of a VAE with a mixture as its prior, and the history of its training.

The history is that of the run and of its control, from their checkpoints where there are some. The
accuracy on the test split is of the shipped weights, as rounded: clusters are paired with labels on
the training images, so that test labels choose nothing.
"""  # noqa: E501

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
"""Epochs within the warm-up that a history shows, too."""


class Measured(NamedTuple):
    """What is written on the card; accuracies of training images unless said otherwise."""

    images: int
    epochs: int
    accuracy_before: float
    accuracy: float
    accuracy_control: float
    accuracy_test: float | None  # None where the test images are of other classes
    nmi: float
    ari: float
    elbo_before: float  # nats an image, the mixture as the prior; of all three alike
    elbo: float
    elbo_control: float
    log_evidence_before: float  # of latents and clusters, nats an image
    log_evidence: float

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        return {key: value for key, value in rounded(self._asdict()).items() if value is not None}


class Result(NamedTuple):
    """For the card, and for the page."""

    measured: Measured
    history: History


def run(
    config: Config, model: MixtureVAE, folder: Path | None, reader: Classifier | None
) -> Iterator[Frame | Result]:
    """Repeat a run and its control, measure, and lay the history out; the `Result` comes last.

    Args:
        config: of the run.
        model: as shipped.
        folder: with checkpoints of the run, and for those of the control.
        reader: reads the images whose labels are not shipped.
    """
    images = cluster_images(config.dataset, config.images, set_upright=config.set_upright)
    ends: list[tuple[Shot, ...]] = []
    for which in (config, config.control):
        for item in mutual.run(which, images, folder):
            if isinstance(item, mutual.Frame):
                yield Frame(f"{which.form}: {item.doing}", 0.4 * (len(ends) + item.done))
            else:
                ends.append(item.shots)
    ours, control = ends
    read = None if reader is None else _read(config, reader)
    epochs = [epoch for epoch in EARLY if epoch < config.warmup]
    early = [_early(config, epoch, images, folder, ours[0]) for epoch in epochs]
    history = history_of(config, ours, control, read=read, early=early)
    for item in lay_out(history):
        if isinstance(item, Frame):
            yield Frame(item.doing, 0.8 + 0.2 * item.done)
        else:
            history = item
    first, last, plain = ours[0], ours[-1], control[-1]
    measured = Measured(
        len(images),
        last.epoch,
        first.scores.accuracy,
        last.scores.accuracy,
        plain.scores.accuracy,
        _on_test(config, model, last),
        last.scores.nmi,
        last.scores.ari,
        first.bound.elbo,
        last.bound.elbo,
        plain.bound.elbo,
        first.log_evidence,
        last.log_evidence,
    )
    yield Result(measured, history)


def _early(
    config: Config, epoch: int, images: ClusterImages, folder: Path | None, before: Shot
) -> Shot:
    """The shot of a warm-up that ends after so many epochs, its clusters named as `before`.

    The rate of learning is constant, so the networks are those of the longer warm-up.
    """
    *_, found = mutual.run(
        dataclasses.replace(config, warmup=epoch, rounds=0, form="one pass"), images, folder
    )
    (shot,) = found.shots
    named = relabelled(
        Clustering(before.mixture, before.assignment), Clustering(shot.mixture, shot.assignment)
    )
    scores = clustering_scores(named.assignment, images.y, config.clusters)
    return shot._replace(mixture=named.mixture, assignment=named.assignment, scores=scores)


def _on_test(config: Config, model: MixtureVAE, last: Shot) -> float | None:
    """Accuracy on the test split, its labels unseen; None if it has other classes."""
    test = data.load(config.dataset, "test", download_missing=False)
    if not set(test.y.unique().tolist()) & set(last.scores.labels.tolist()):
        return None
    pixels = prepared(test.x, set_upright=config.set_upright)
    latents = mutual.latents_of(model, pixels)
    found = model.mixture.assign(latents.mean, config.plan.variance(latents)).cpu()
    label = last.scores.matched[found]
    return float(((label == test.y) & (label != UNMATCHED)).float().mean())


@torch.no_grad()
def _read(config: Config, reader: Classifier) -> np.ndarray:
    """The classes that a classifier reads in the images of a history, as they were before."""
    count = min(config.images, SHOWN)
    plain = cluster_images(config.dataset, count, set_upright=False)
    parts: list[Tensor] = [
        reader.predict(part.float() / 255).logits.argmax(1) for part in plain.x.split(500)
    ]
    return torch.cat(parts).numpy()
