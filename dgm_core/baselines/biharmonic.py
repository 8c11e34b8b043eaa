"""Diffusion from the observed pixels into the hidden ones, without training or model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from dgm_core.types import Imputation, Masked


@dataclass(frozen=True)
class Biharmonic:
    """The smoothest surface through the observed pixels: Δ² u = 0 on the hidden ones.

    Each image and channel is solved separately in float64, by scikit-image, and clipped to the
    range of the levels observed in the channel (Damelin & Hoang 2018). A channel without observed
    pixels becomes grey, ½. The method gives a point estimate: no draws, no density.
    """

    needs: ClassVar[None] = None

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once, for images (B, C, H, W).

        Raises:
            ValueError: the data are not images.
        """
        if masked.x.ndim != 4:
            raise ValueError(f"expected images (B, C, H, W), got {tuple(masked.x.shape)}")
        x, hidden = masked.x.double().cpu().numpy(), (~masked.observed).cpu().numpy()
        filled = np.stack([_image(*each) for each in zip(x, hidden, strict=True)])
        yield Imputation(masked.complete(torch.from_numpy(filled).to(masked.x)))


def _image(x: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """One image (C, H, W); channels with the same mask share a factorisation."""
    if (hidden == hidden[:1]).all():
        return _fill(x, hidden[0])
    return np.concatenate([_fill(*each) for each in zip(x[:, None], hidden, strict=True)])


def _fill(x: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Channels (C, H, W) with one mask (H, W)."""
    from skimage.restoration import inpaint_biharmonic  # costs a second of start-up

    if not hidden.any():
        return x
    if hidden.all():
        return np.full_like(x, 0.5)
    return inpaint_biharmonic(x, hidden, channel_axis=0)
