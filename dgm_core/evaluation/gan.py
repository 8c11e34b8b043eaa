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

from dgm_core import data
from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded
from dgm_core.training.gan_reference import Quality, Reference, made


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
