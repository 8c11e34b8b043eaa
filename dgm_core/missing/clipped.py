"""Over-exposed images: each entry (pixel × channel) goes missing by its own brightness alone.

    P(missing | x) = σ(W (x − b)),   W = 50, b = .75

The study of SVHN in Ipsen, Mattei & Frellsen 2021, §5.2. A data set is clipped once, so that what
is hidden in it is never seen by anything that learns from it.
"""

from __future__ import annotations

from torch import Tensor

from dgm_core import data
from dgm_core.missing.base import MissingProcess
from dgm_core.missing.processes import Clipping
from dgm_core.rng import Source, generator
from dgm_core.types import Masked

SEEDS = {"train": 10, "valid": 11, "test": 12}
"""Of the one draw of what is missing in each split."""


def clipped(x: Tensor, source: Source, process: MissingProcess | None = None) -> Masked:
    """Images (B, C, H, W) in [0, 1] without what the process takes; None = `Clipping()`."""
    observed = (process or Clipping()).sample(x.flatten(1), source)
    return Masked(x, observed.view_as(x))


def clipped_split(dataset: str, split: str, images: int | None = None) -> Masked:
    """The first `images` of a split (None = all), clipped the same way for everybody.

    Raises:
        ValueError, DataUnavailable, DownloadError: as of `data.load`.
    """
    x = data.load(dataset, split).x[:images]
    return clipped(x, generator(SEEDS[split]))
