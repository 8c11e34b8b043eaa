"""The splits and how rows are held out: by a fixed seed, the same for everybody."""

from __future__ import annotations

import numpy as np

SPLITS = ("train", "valid", "test")
SPLIT_SEED = 2018


def check_split(split: str) -> None:
    """Raises ValueError with the choices unless `split` is one of `SPLITS`."""
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")


def part_of(count: int, held_out: int, split: str) -> np.ndarray:
    """Which of the `count` official training rows are `valid` (`held_out` of them) or `train`."""
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    return np.sort(order[:held_out] if split == "valid" else order[held_out:])
