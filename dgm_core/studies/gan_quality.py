"""The numbers on a WGAN's card: how far its images are from real ones, by a small classifier.

The Fréchet distance is that of `metrics.frechet` in the features of `models.classifier`, trained
on the same data set; it is *not* the FID of papers, whose features are Inception's. Beside it
stands its floor: the distance of as many real images, those of the test split, which the WGAN
never saw, from the same training images.

A WGAN that knew its training images by heart would have good numbers, too. So the distance in
pixels of each image to the nearest training image is held against that of real test images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, metrics
from dgm_core.models.classifier import Classifier, features_of
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.progress import Frame
from dgm_core.studies.tables import rounded

SEEN = ("train", "valid")
"""Splits that a WGAN is trained on, since it has no use for validation: of svhn, [:9000]."""


@dataclass(frozen=True)
class Config:
    """What is measured, and on how much.

    Args:
        dataset: whose splits are used.
        images: at random of the test split, and as many made; None = all.
        compared: of these, for the nearest training images.
    """

    dataset: str
    images: int | None = None
    compared: int = 200


class Quality(NamedTuple):
    """How a set of images compares with the training images."""

    frechet: float  # squared, in features; not Inception's
    precision: float
    recall: float
    nearest: float  # median Euclidean distance to the nearest training image, pixels in [0, 1]


class Result(NamedTuple):
    """What is written on the card of a WGAN."""

    made: Quality
    real: Quality  # of the test split: floor, and what the other numbers can be
    config: Config
    images: int
    reference: int

    @property
    def times_floor(self) -> float:
        """The Fréchet distance in units of that of real images."""
        return self.made.frechet / self.real.frechet

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        about = (
            f"{self.images} images against {self.reference} training images; features of "
            f"{self.config.dataset}-classifier, not Inception's; precision and recall against as "
            f"many training images, k = 3; nearest: median over {self.config.compared} images"
        )
        return {
            "estimator": about,
            "times_floor": round(self.times_floor, 2),
            "made": rounded(self.made._asdict()),
            "real": rounded(self.real._asdict()),
        }


class Reference:
    """Training images and their features, to hold others against.

    Args:
        dataset: whose training images.
        classifier: whose features.
    """

    def __init__(self, dataset: str, classifier: Classifier) -> None:
        self.classifier = classifier
        self.pixels = data.pixels(dataset, *SEEN)
        self.features = features_of(classifier, self.pixels).cpu()

    def frechet(self, images: Tensor) -> float:
        """Fréchet distance of images (N, C, H, W) from all training images."""
        return metrics.frechet_distance(features_of(self.classifier, images).cpu(), self.features)

    def quality(self, images: Tensor, compared: int) -> Quality:
        """All numbers of images (N, C, H, W) in [0, 1]; N at most the number of the training."""
        features = features_of(self.classifier, images).cpu()
        order = torch.randperm(len(self.features), generator=generator(0))[: len(images)]
        found = metrics.precision_recall(self.features[order], features)
        distances = metrics.nearest(images[:compared].cpu(), self.pixels.float() / 255).distances
        return Quality(
            metrics.frechet_distance(features, self.features),
            found.precision,
            found.recall,
            distances.median().item(),
        )


@torch.no_grad()
def made(model: WGAN, count: int, seed: int = 0) -> Tensor:
    """Images of a WGAN, (count, C, H, W) on the CPU, always the same for a seed."""
    z = model.latents(count, generator(seed)).to(next(model.parameters()).device)
    return torch.cat([model.generate(part).cpu() for part in z.split(500)])


def run(config: Config, model: WGAN, classifier: Classifier) -> Iterator[Frame | Result]:
    """Measure; `Frame`s tell how far it is, the `Result` comes last."""
    yield Frame("features of training images", 0.0)
    reference = Reference(config.dataset, classifier)
    real = data.pixels(config.dataset, "test")
    order = torch.randperm(len(real), generator=generator(1))[: config.images]
    real = real[order].float() / 255
    yield Frame("real images", 0.4)
    floor = reference.quality(real, config.compared)
    yield Frame("images made", 0.7)
    found = reference.quality(made(model, len(real)), config.compared)
    yield Result(found, floor, config, len(real), len(reference.features))
