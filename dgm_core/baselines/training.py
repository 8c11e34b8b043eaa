"""Training images as rows of numbers, a few at a time: a small server holds them only as bytes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

CHUNK = 2**21
"""Numbers in one chunk of float64 rows: 16 MiB."""

NOISE_FLOOR = 1e-4
"""Least variance of a density over levels in [0, 1], as in MFA and DMFA."""


def rows_of(images: Tensor, like: Tensor) -> Iterator[Tensor]:
    """Chunks of flattened images (n, D), float64, on the device of `like`; bytes become [0, 1]."""
    size = images[0].numel()
    for part in images.flatten(1).split(max(1, CHUNK // size)):
        yield levels(part, like)


def levels(images: Tensor, like: Tensor) -> Tensor:
    """Images or some of them in float64, on the device of `like`; bytes become [0, 1]."""
    values = images.to(like.device, torch.float64)
    return values / 255 if images.dtype == torch.uint8 else values


def check_events(images: Tensor, x: Tensor) -> None:
    """Do the training images look like the incomplete ones?

    Raises:
        ValueError: their shapes differ, or there are no training images.
    """
    if not len(images) or images.shape[1:] != x.shape[1:]:
        want, got = ("N", *x.shape[1:]), tuple(images.shape)
        raise ValueError(f"expected training images of shape {want}, got {got}")
