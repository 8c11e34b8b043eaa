"""The training images nearest to an image: did the generator learn them by heart?

Euclidean distance over all pixels and channels. Training images are read in parts, so that memory
does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import data

PART = 1000
"""Training images held as numbers at a time."""


class Frame(NamedTuple):
    """The nearest so far."""

    done: float
    pictures: np.ndarray  # uint8 (n, C, H, W), the nearest first
    distances: np.ndarray  # (n,), levels in [0, 1]


def run(dataset: str, image: np.ndarray, count: int = 6) -> Iterator[Frame]:
    """Frames until all training images have been looked at; the last one is the answer.

    Args:
        dataset: whose training split.
        image: uint8 (C, H, W).
        count: nearest images kept.

    Raises:
        DataUnavailable: the data set is not here.
    """
    goal = torch.from_numpy(image).float().flatten() / 255
    best, distances = torch.empty(0, *image.shape, dtype=torch.uint8), torch.empty(0)
    for done, part in _parts(dataset):
        found = torch.linalg.vector_norm(part.flatten(1).float() / 255 - goal, dim=1)
        best, distances = torch.cat([best, part]), torch.cat([distances, found])
        distances, order = distances.sort()
        best, distances = best[order[:count]], distances[:count]
        yield Frame(done, best.numpy(), distances.numpy())


def _parts(dataset: str) -> Iterator[tuple[float, Tensor]]:
    """(share done, images uint8) of the training split."""
    if dataset == "celeba":
        total = len(next(iter(data.face_attributes("train").values())))
        for start in range(0, total, PART):
            rows = range(start, min(start + PART, total))
            yield rows.stop / total, data.faces("train", rows)
        return
    x = data.load(dataset, "train", download_missing=False).x
    for start in range(0, len(x), PART):
        part = (x[start : start + PART] * 255).round().to(torch.uint8)
        yield min(start + PART, len(x)) / len(x), part
