"""What the images of a WGAN are compared with while it is trained and when it is measured.

The Fréchet distance is that of `metrics.frechet` in the features of `models.classifier`, trained
on the same data set; it is *not* the FID of papers, whose features are Inception's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import data, metrics
from dgm_core.models.classifier import Classifier, features_of
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator

SEEN = ("train", "valid")
"""Splits that a WGAN is trained on, since it has no use for validation: of svhn, [:9000]."""
SIDE = 5
IMAGES = 2_000


class Quality(NamedTuple):
    """How a set of images compares with the training images."""

    frechet: float  # squared, in features; not Inception's
    precision: float
    recall: float
    nearest: float  # median Euclidean distance to the nearest training image, pixels in [0, 1]


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


def sheet(images: Tensor) -> Tensor:
    """Images (25, C, H, W) in [0, 1], five by five → one of bytes, (5 H, 5 W, C)."""
    rows = images.unflatten(0, (SIDE, SIDE)).permute(0, 3, 1, 4, 2)
    return (rows.flatten(2, 3).flatten(0, 1) * 255).round().to(torch.uint8)
