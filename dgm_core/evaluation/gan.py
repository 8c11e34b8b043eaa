"""Scores for a WGAN's card: distance of its images from real images, by a small classifier.

The Fréchet distance (`metrics.frechet`) uses the features of a `models.classifier` trained on the
same data set. It is *not* the FID of papers, which uses features of the Inception network. Its
floor is the distance of the same number of real images of the test split, which the WGAN was not
trained on, from the same training images.

A WGAN that copied its training images would have good scores, too. So the distance in pixels of
each image to the nearest training image is compared with that of real test images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from dgm_core import data
from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded
from dgm_core.training.gan_reference import Quality, Reference, generated_images


@dataclass(frozen=True)
class Config:
    """Data and number of images.

    Args:
        dataset: name of the data set.
        images: random images of the test split, and the same number of generated images; None =
            the whole test split.
        compared: how many of these are compared with their nearest training images.
    """

    dataset: str
    images: int | None = None
    compared: int = 200


class Result(NamedTuple):
    """Scores for the card of a WGAN."""

    made: Quality  # of generated images
    real: Quality  # of the test split: the floor of the distance, and reference scores
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


def run(config: Config, model: WGAN, classifier: Classifier) -> Iterator[Frame | Result]:
    """Measure; `Frame`s report progress, the `Result` comes last."""
    yield Frame("features of training images", 0.0)
    reference = Reference(config.dataset, classifier)
    real = data.pixels(config.dataset, "test")
    order = torch.randperm(len(real), generator=generator(1))[: config.images]
    real = real[order].float() / 255
    yield Frame("real images", 0.4)
    floor = reference.quality(real, config.compared)
    yield Frame("generated images", 0.7)
    found = reference.quality(generated_images(model, len(real)), config.compared)
    yield Result(found, floor, config, len(real), len(reference.features))
