"""Names of the splits, and the choice of validation rows by a fixed seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SPLITS = ("train", "valid", "test")
SPLIT_SEED = 2018


def check_split(split: str) -> None:
    """Raise ValueError, with the choices, unless `split` is one of `SPLITS`."""
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")


def part_of(count: int, held_out: int, split: str) -> np.ndarray:
    """Sorted indices: `held_out` of the `count` rows are `valid`, the others `train`."""
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    return np.sort(order[:held_out] if split == "valid" else order[held_out:])


def training_rows(
    stored: Mapping[str, np.ndarray], count: int, most: int, split: str
) -> np.ndarray:
    """Sorted indices of the stored training images that belong to `train` or to `valid`.

    A row is in the same split in a part of a data set as in the whole set.

    Args:
        stored: fields of the file; those of a part have `part` and `train_rows`.
        count: number of stored training images.
        most: number of validation images of a large set; a small one has a tenth.
        split: `train` or `valid`.
    """
    if "train_rows" not in stored:
        return part_of(count, min(most, count // 10), split)
    whole = int(stored["part"][1])
    return np.flatnonzero(
        np.isin(stored["train_rows"], part_of(whole, min(most, whole // 10), split))
    )
