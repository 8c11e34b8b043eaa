"""Training images and features with which the images of a WGAN are compared.

The Fréchet distance (`metrics.frechet`) uses the features of a `models.classifier` trained on the
same data set. It is *not* the FID of papers, which uses features of the Inception network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import data, metrics
from dgm_core.models.classifier import Classifier, features_of
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator

SEEN = ("train", "valid")
"""Splits that a WGAN is trained on, since it does not use validation; [:9000] for svhn."""
SIDE = 5
"""Images per row and column of a sheet."""
IMAGES = 2_000
"""Images for the Fréchet distance during training."""


class Distances(NamedTuple):
    """Fréchet distances of n images from the same training images, for each of several seeds.

    In each, n training images are set aside; the others are the reference of both distances.
    """

    count: int  # n
    generated: Tensor  # (S,) of images from new latents; squared distances in feature space
    floor: Tensor  # (S,) of the training images that were set aside

    @property
    def times_floor(self) -> float:
        """The mean distance of generated images in units of the mean floor."""
        return (self.generated.mean() / self.floor.mean()).item()


class Quality(NamedTuple):
    """Comparison of a set of images with the training images."""

    precision: float
    recall: float
    nearest: float  # median Euclidean distance to the nearest training image, pixels in [0, 1]


class Reference:
    """Training images and their features, for comparison with other images.

    Args:
        dataset: name of the data set.
        classifier: network whose features are used.
    """

    def __init__(self, dataset: str, classifier: Classifier) -> None:
        self.classifier = classifier
        self.pixels = data.pixels(dataset, *SEEN)
        self.features = features_of(classifier, self.pixels).cpu()

    def frechet(self, images: Tensor) -> float:
        """Fréchet distance of images (N, C, H, W) from all training images."""
        return metrics.frechet_distance(features_of(self.classifier, images).cpu(), self.features)

    def distances(self, model: WGAN, count: int, seeds: int) -> Iterator[float | Distances]:
        """Fréchet distances of `count` images: yield the fraction done, and at the end the result.

        Raises:
            ValueError: more than half of the training images would be set aside.
        """
        if not 2 <= count <= len(self.features) // 2:
            raise ValueError(
                f"expected 2 to {len(self.features) // 2} images, half of the training images, "
                f"got {count}"
            )
        generated, floor = [], []
        for seed in range(seeds):
            yield seed / seeds
            order = torch.randperm(len(self.features), generator=generator(seed))
            aside, rest = self.features[order[:count]], self.features[order[count:]]
            images = generated_images(model, count, seed)
            features = features_of(self.classifier, images).cpu()
            generated.append(metrics.frechet_distance(features, rest))
            floor.append(metrics.frechet_distance(aside, rest))
        yield Distances(count, torch.tensor(generated), torch.tensor(floor))

    def quality(self, images: Tensor, compared: int) -> Quality:
        """Precision, recall and nearness of images (N, C, H, W) in [0, 1].

        N is at most the number of training images. The first `compared` of them are compared with
        their nearest training image.
        """
        features = features_of(self.classifier, images).cpu()
        order = torch.randperm(len(self.features), generator=generator(0))[: len(images)]
        found = metrics.precision_recall(self.features[order], features)
        distances = metrics.nearest(images[:compared].cpu(), self.pixels.float() / 255).distances
        return Quality(found.precision, found.recall, distances.median().item())


@torch.no_grad()
def generated_images(model: WGAN, count: int, seed: int = 0) -> Tensor:
    """Images of a WGAN, (count, C, H, W) on the CPU, determined by the seed."""
    z = model.latents(count, generator(seed)).to(next(model.parameters()).device)
    return torch.cat([model.generate(part).cpu() for part in z.split(500)])


def sheet(images: Tensor) -> Tensor:
    """Images (25, C, H, W) in [0, 1] → one image of five rows and columns, bytes (5 H, 5 W, C)."""
    rows = images.unflatten(0, (SIDE, SIDE)).permute(0, 3, 1, 4, 2)
    return (rows.flatten(2, 3).flatten(0, 1) * 255).round().to(torch.uint8)
