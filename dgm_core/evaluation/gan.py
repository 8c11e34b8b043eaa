"""Scores for a WGAN's card: distance of its images from real images, by a small classifier.

The Fréchet distance (`metrics.frechet`) uses the features of a `models.classifier` trained on the
same data set. It is *not* the FID of papers, which uses features of the Inception network.

The distance of finitely many images is positive even if they are real. So it is judged by a floor:
equally many training images, set aside, against the others. Both are measured for several seeds of
the latents and of the images set aside; the network is one, so the deviation does not cover the
training.

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
from dgm_core.training.gan_reference import IMAGES, Distances, Quality, Reference, generated_images


@dataclass(frozen=True)
class Config:
    """Data and number of images.

    Args:
        dataset: name of the data set.
        images: random images of the test split, and the same number of generated images; None =
            the whole test split.
        compared: how many of these are compared with their nearest training images.
        seeds: repetitions of the Fréchet distance.
    """

    dataset: str
    images: int | None = None
    compared: int = 200
    seeds: int = 10


class Result(NamedTuple):
    """Scores for the card of a WGAN."""

    distances: Distances  # of as many images as the test split has, half the training at most
    during_training: Distances  # of as many images as the history of the training uses
    made: Quality  # of generated images
    real: Quality  # of the test split
    config: Config
    images: int
    reference: int

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        about = (
            f"Fréchet distance: {self.distances.count} images, or as many training images, from "
            f"the other {self.reference - self.distances.count} training images; features of "
            f"{self.config.dataset}-classifier, not Inception's; mean and standard deviation over "
            f"{self.config.seeds} seeds of the latents and of the images set aside; precision "
            f"and recall: {self.images} images against as many training images, k = 3; nearest: "
            f"median over {self.config.compared} images"
        )
        return {
            "estimator": about,
            "frechet": _card(self.distances),
            "frechet_during_training": _card(self.during_training),
            "made": rounded(self.made._asdict()),
            "real": rounded(self.real._asdict()),
        }


def _card(distances: Distances) -> dict[str, Any]:
    """Means and standard deviations over the seeds."""
    numbers: dict[str, Any] = {"images": distances.count, "seeds": len(distances.floor)}
    for name in ("generated", "floor"):
        values = getattr(distances, name)
        numbers |= {name: values.mean().item(), f"{name}_deviation": values.std().item()}
    return rounded(numbers | {"times_floor": distances.times_floor})


def run(config: Config, model: WGAN, classifier: Classifier) -> Iterator[Frame | Result]:
    """Measure; `Frame`s report progress, the `Result` comes last."""
    yield Frame("features of training images", 0.0)
    reference = Reference(config.dataset, classifier)
    real = data.pixels(config.dataset, "test")
    order = torch.randperm(len(real), generator=generator(1))[: config.images]
    real = real[order].float() / 255
    most = len(reference.features) // 2
    found: list[Distances] = []
    for number, count in enumerate((min(len(real), most), min(IMAGES, most))):
        for item in reference.distances(model, count, config.seeds):
            if isinstance(item, Distances):
                found.append(item)
            else:
                yield Frame(f"Fréchet distance of {count} images", 0.2 + 0.3 * (number + item))
    yield Frame("precision and recall", 0.8)
    made = reference.quality(generated_images(model, len(real)), config.compared)
    known = reference.quality(real, config.compared)
    large, small = found
    yield Result(large, small, made, known, config, len(real), len(reference.features))
