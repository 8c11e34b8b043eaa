"""Means and sums over hidden entries; observed entries may have any value, even NaN."""

from __future__ import annotations

import torch
from torch import Tensor


def hidden_sum(values: Tensor, observed: Tensor) -> Tensor:
    """Sum over the hidden entries of each row, (B, \\*event) → (B,)."""
    return torch.where(observed, 0, values).flatten(1).sum(1)


def hidden_mean(values: Tensor, observed: Tensor) -> Tensor:
    """Mean over the hidden entries of each row, (B, \\*event) → (B,); NaN where none is hidden."""
    count = (~observed).expand_as(values).flatten(1).sum(1)
    return hidden_sum(values, observed) / count
