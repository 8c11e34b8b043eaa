"""Names of the splits, and the choice of validation rows by a fixed seed."""

from __future__ import annotations

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
