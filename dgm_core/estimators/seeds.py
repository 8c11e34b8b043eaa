"""scikit-learn's `random_state` as the seed of a `torch.Generator`."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils import check_random_state

RandomState = int | np.random.RandomState | None
"""A seed, a state that a seed is drawn from, or None for another seed each time."""


def seed_from(random_state: RandomState) -> int:
    """A seed in 0 … 2³¹ − 2; numpy's global generator is not used."""
    if random_state is None:  # check_random_state would take numpy's global generator
        return torch.Generator().seed() % (2**31 - 1)
    return int(check_random_state(random_state).randint(2**31 - 1))
