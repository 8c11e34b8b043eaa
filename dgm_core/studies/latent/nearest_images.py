"""The training images nearest to an image, to see whether the generator copied one of them.

The distance is Euclidean, over all pixels and channels. Training images are read in parts, so that
memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import data

PART = 1000
"""Training images in memory at a time."""


class Frame(NamedTuple):
    """The nearest images so far."""

    done: float  # fraction of the training images
    images: np.ndarray  # uint8 (n, C, H, W), the nearest first
    distances: np.ndarray  # (n,), levels in [0, 1]


def run(dataset: str, image: np.ndarray, count: int = 6) -> Iterator[Frame]:
    """A frame after each part of the training images; the last one is the result.

    Args:
        dataset: name of the data set; its training split is searched.
        image: uint8 (C, H, W).
        count: nearest images to find.

    Raises:
        DataUnavailable: the data set is not available.
    """
    target = torch.from_numpy(image).float().flatten() / 255
    nearest, distances = torch.empty(0, *image.shape, dtype=torch.uint8), torch.empty(0)
    for done, part in _parts(dataset):
        new = torch.linalg.vector_norm(part.flatten(1).float() / 255 - target, dim=1)
        nearest, distances = torch.cat([nearest, part]), torch.cat([distances, new])
        distances, order = distances.sort()
        nearest, distances = nearest[order[:count]], distances[:count]
        yield Frame(done, nearest.numpy(), distances.numpy())


def _parts(dataset: str) -> Iterator[tuple[float, Tensor]]:
    """(fraction done, images uint8) of the training split."""
    if dataset == "celeba":
        total = len(next(iter(data.face_attributes("train").values())))
        for start in range(0, total, PART):
            rows = range(start, min(start + PART, total))
            yield rows.stop / total, data.faces("train", rows)
        return
    x = data.load(dataset, "train", download_missing=False).x
    done = 0
    for part in x.split(PART):
        done += len(part)
        yield done / len(x), (part * 255).round().to(torch.uint8)
