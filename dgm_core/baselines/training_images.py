"""What methods share that stand on training images, which a small server holds only as bytes."""

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
    """Chunks of flattened images (n, D), float64, on the device of `like`; bytes become [0, 1]."""
    size = images[0].numel()
    for part in images.flatten(1).split(max(1, CHUNK // size)):
        yield levels(part, like)


def levels(images: Tensor, like: Tensor) -> Tensor:
    """Images or some of them in float64, on the device of `like`; bytes become [0, 1]."""
    values = images.to(like.device, torch.float64)
    return values / 255 if images.dtype == torch.uint8 else values


@dataclass(frozen=True, eq=False)
class FromTrainingImages:
    """A method whose first field is the training images.

    Args:
        images: (N, \\*event), floats in [0, 1] or bytes; not to be changed in place.
    """

    images: Tensor

    needs: ClassVar[str] = "training images"

    def __post_init__(self) -> None:
        check(self)

    def check_events(self, masked: Masked) -> None:
        """Do the training images look like the incomplete ones?

        Raises:
            ValueError: their shapes differ, or there are no training images.
        """
        want, got = ("N", *masked.x.shape[1:]), tuple(self.images.shape)
        if not len(self.images) or want[1:] != got[1:]:
            raise ValueError(f"expected training images of shape {want}, got {got}")
