"""The images of the clustering lab, with their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dgm_core import data
from dgm_core.data.deskew import deskew
from dgm_core.data.folder import files_of, opened
from dgm_core.rng import generator

DATASETS = ("mnist", "digits", "omniglot")
"""The data sets whose images are 28×28 with one channel."""


@dataclass(frozen=True, eq=False)
class ClusterImages:
    """Images (N, 1, 28, 28) uint8 with their labels (N,), which only the scores use."""

    x: Tensor
    y: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> ClusterImages:
        """The same images on another device."""
        return ClusterImages(self.x.to(device), self.y.to(device), self.classes)


def cluster_images(dataset: str, count: int | None, *, deskewed: bool) -> ClusterImages:
    """The first `count` images outside the test split; None = all of them.

    MNIST images are in the order of their file: the first 10,000 are those of the VAE + GMM study.
    Omniglot's file is sorted by alphabet, so its images are shuffled.

    Raises:
        ValueError: `dataset` is not one of `DATASETS`.
        DataUnavailable: the data set is not on this machine, or only a part without these images.
    """
    if dataset not in DATASETS:
        raise ValueError(f"expected a data set among {', '.join(DATASETS)}, got {dataset!r}")
    if data.is_available(dataset) and not are_available(dataset, count):
        raise data.DataUnavailable(
            f"only a part of {dataset} is in {data.data_folder()}, without these images. "
            f"Run `dgm data fetch {dataset}`, which replaces the part."
        )
    found = _mnist(count) if dataset == "mnist" else _of_both_splits(dataset, count)
    return replace(found, x=_deskewed(found.x)) if deskewed else found


def _mnist(count: int | None) -> ClusterImages:
    """Straight from the file: all images as floats would take 190 MB."""
    if not data.is_available("mnist"):
        data.load("mnist", "train", download_missing=False)  # raises what is missing
    with opened("mnist", files_of("mnist")[0]) as file:
        x, y = file["x_train"][:count], file["y_train"][:count].astype(np.int64)
    return ClusterImages(torch.from_numpy(x)[:, None], torch.from_numpy(y), tuple("0123456789"))


def _of_both_splits(dataset: str, count: int | None) -> ClusterImages:
    both = [data.load(dataset, split, download_missing=False) for split in ("train", "valid")]
    x, y = (torch.cat([getattr(each, name) for each in both]) for name in ("x", "y"))
    if dataset == "omniglot":
        order = torch.randperm(len(x), generator=generator(0))[:count]
    else:
        order = torch.arange(len(x))[:count]
    return ClusterImages((x[order] * 255).round().to(torch.uint8), y[order], both[0].classes)


def are_available(dataset: str, count: int | None) -> bool:
    """Whether `cluster_images` finds these images.

    A part of MNIST has the first images. A part of Omniglot does not, because its images are
    shuffled.
    """
    if dataset == "digits":
        return True
    if not data.is_available(dataset):
        return False
    try:
        counts = data.part_counts(dataset)
    except data.DataUnavailable:
        return True  # loading it says what to do
    return counts is None or (dataset == "mnist" and count is not None and count <= counts.train)


def prepared(x: Tensor, *, deskewed: bool) -> Tensor:
    """Images in [0, 1] as the networks read them: uint8, without slant if `deskewed`."""
    x = torch.cat([deskew(part) for part in x.split(5000)]) if deskewed else x
    return (x * 255).round().to(torch.uint8)


def _deskewed(x: Tensor) -> Tensor:
    """Images (N, 1, 28, 28) uint8 without slant."""
    return torch.cat([prepared(part.float() / 255, deskewed=True) for part in x.split(5000)])
