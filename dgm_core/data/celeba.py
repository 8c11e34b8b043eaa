"""Faces of CelebA at 64×64, with their forty attributes.

A sample of the aligned faces of Liu, Luo, Wang & Tang (2015): the centre 148×148 of each 178×218
original, reduced to 64×64. The files store concatenated JPEGs, so that only requested images are
decoded. The licence allows non-commercial research and forbids redistribution.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.npyio import NpzFile
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from dgm_core.data.folder import files_of, is_available, missing, opened
from dgm_core.data.splits import check_split, part_of

SIDE = 64
HELD_OUT = 1_000
"""Number of rows of the official training partition that form `valid`."""


def faces(split: str, rows: Sequence[int] | np.ndarray | None = None) -> Tensor:
    """Faces (N, 3, 64, 64) uint8 of a split; only the requested rows are decoded.

    Args:
        split: `train`, `valid` or `test`.
        rows: indices into the split, in the order of the result; None = all.

    Raises:
        ValueError: there is no such split or row.
        DataUnavailable: the files are missing or broken; the message says what to do.
    """
    chosen = _chosen(split, rows)
    pictures = np.empty((len(chosen), 3, SIDE, SIDE), np.uint8)
    start = 0
    for file in _shards(split):
        with opened("celeba", file) as arrays:
            count = len(arrays["image_id"])
            here = np.flatnonzero((start <= chosen) & (chosen < start + count))
            if len(here):
                pictures[here] = _decoded(arrays, chosen[here] - start)
        start += count
    return torch.from_numpy(pictures)


def face_attributes(split: str) -> dict[str, np.ndarray]:
    """Attributes of the faces of a split: name → bool (N,), such as `"smiling"`, `"wearing hat"`.

    No image is decoded. Raises as `faces`.
    """
    chosen = _chosen(split, None)
    names, bits = [], []
    for file in _shards(split):
        with opened("celeba", file) as arrays:
            names = [str(name).replace("_", " ").lower() for name in arrays["attr_names"]]
            packed = arrays["attr_bits"][np.arange(len(arrays["image_id"]))]
            bits.append(np.unpackbits(packed, axis=1, count=len(names)))
    table = np.concatenate(bits)[chosen].astype(bool)
    return {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(names)}


def source_window(x: Tensor) -> Tensor:
    """The 32×32 window of the face that the DMFA paper uses, from faces of 64×64.

    The code of Przewięźlikowski et al. (2021) squashes the 178×218 original to 50×50 and takes
    the centre 32×32: the middle 64 % of its width and of its height. In our 64×64 (the centre
    148×148 of the original, times 64/148) that is columns 7.4–56.6 and rows 1.8–62.2. Defined
    here as the whole pixels [2:62, 7:57], averaged down by antialiased bilinear interpolation.

    Args:
        x: (N, 3, 64, 64), floating point.

    Returns:
        (N, 3, 32, 32), within the range of `x`.
    """
    if x.ndim != 4 or x.shape[-2:] != (SIDE, SIDE) or not x.is_floating_point():
        raise ValueError(
            f"expected floats of shape (N, 3, 64, 64), got {tuple(x.shape)} {x.dtype}"
        )
    window = x[..., 2:62, 7:57]
    return interpolate(window, (32, 32), mode="bilinear", align_corners=False, antialias=True)


def _shards(split: str) -> tuple[Path, ...]:
    *train, valid = files_of("celeba")
    return (valid,) if split == "test" else tuple(train)


def _chosen(split: str, rows: Sequence[int] | np.ndarray | None) -> np.ndarray:
    """Rows of a split as rows of its concatenated shards."""
    check_split(split)
    if not is_available("celeba"):
        raise missing("celeba")
    part = _part(split)
    if rows is None:
        return part
    requested = np.asarray(rows, np.int64)
    if np.any((requested < 0) | (requested >= len(part))):
        raise ValueError(f"expected rows from 0 to {len(part) - 1} of {split}, got {requested}")
    return part[requested]


def _part(split: str) -> np.ndarray:
    count = 0
    for file in _shards(split):
        with opened("celeba", file) as arrays:
            count += len(arrays["image_id"])
    if split == "test":
        return np.arange(count)
    return part_of(count, min(HELD_OUT, count // 10), split)


def _decoded(arrays: NpzFile, rows: np.ndarray) -> np.ndarray:
    jpeg, offsets = arrays["jpeg"], arrays["offsets"]
    decoded = np.empty((len(rows), 3, SIDE, SIDE), np.uint8)
    for number, row in enumerate(rows):
        content = io.BytesIO(jpeg[offsets[row] : offsets[row + 1]].tobytes())
        with Image.open(content, formats=["JPEG"]) as image:
            decoded[number] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return decoded
