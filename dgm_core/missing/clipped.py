"""Over-exposed images: each entry (pixel × channel) goes missing because of its own brightness.

    P(missing | x) = σ(W (x − b)),   W = 50, b = .75

As in the study of SVHN in Ipsen, Mattei & Frellsen 2021, §5.2. A data set is clipped once, so that
no training ever uses its hidden values.
"""

from __future__ import annotations

from torch import Tensor

from dgm_core import data
from dgm_core.missing.base import MissingProcess
from dgm_core.missing.processes import Clipping
from dgm_core.rng import Source, generator
from dgm_core.types import Masked

SEEDS = {"train": 10, "valid": 11, "test": 12}
"""Seed of the mask of each split."""


def clipped(x: Tensor, source: Source, process: MissingProcess | None = None) -> Masked:
    """Images (B, C, H, W) in [0, 1] masked by a process; None = `Clipping()`."""
    observed = (process or Clipping()).sample(x.flatten(1), source)
    return Masked(x, observed.view_as(x))


def clipped_split(dataset: str, split: str, images: int | None = None) -> Masked:
    """`images` of a split at random (None = all), with a fixed mask.

    Raises:
        ValueError, DataUnavailable, DownloadError: as `data.load`.
    """
    x = data.load(dataset, split).sample(images).x
    return clipped(x, generator(SEEDS[split]))
