"""The common part of methods that use training images, which may be stored as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgm_core.settings import check
from dgm_core.types import Masked

CHUNK = 2**21
"""Numbers in one chunk of float64 rows: 16 MiB."""


def rows_of(images: Tensor, like: Tensor) -> Iterator[Tensor]:
    """Chunks of flattened images (n, D): float64 in [0, 1], on the device of `like`."""
    size = images[0].numel()
    for part in images.flatten(1).split(max(1, CHUNK // size)):
        yield levels(part, like)


def mean_of(images: Tensor) -> Tensor:
    """Mean of each entry over images (N, \\*event), float64 (D,)."""
    total = torch.zeros(images[0].numel(), dtype=torch.float64, device=images.device)
    for rows in rows_of(images, images):
        total += rows.sum(0)
    return total / len(images)


def levels(images: Tensor, like: Tensor) -> Tensor:
    """Images as float64 levels on the device of `like`; bytes are scaled to [0, 1]."""
    values = images.to(like.device, torch.float64)
    return values / 255 if images.dtype == torch.uint8 else values


@dataclass(frozen=True, eq=False)
class FromTrainingImages:
    """A method whose first field is the training images.

    Args:
        images: (N, \\*event), floats in [0, 1] or bytes; must not be changed in place.
    """

    images: Tensor

    needs: ClassVar[str] = "training images"

    def __post_init__(self) -> None:
        check(self)

    def check_events(self, masked: Masked) -> None:
        """Check that the training images have the shape of the incomplete ones.

        Raises:
            ValueError: the shapes differ, or there are no training images.
        """
        expected, got = ("N", *masked.x.shape[1:]), tuple(self.images.shape)
        if not len(self.images) or expected[1:] != got[1:]:
            raise ValueError(f"expected training images of shape {expected}, got {got}")
