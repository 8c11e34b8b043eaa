"""Root mean squared error over the hidden entries of a whole table."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.metrics.errors import MeanAndError, pooled_rmse


def rmse_of_table(mean: Tensor, truth: Tensor, hidden: Tensor) -> MeanAndError:
    """√( Σ (x̂ − x)² / n ) over all n hidden entries, and its standard error over rows.

    Args:
        mean: what was filled in, (B, D).
        truth: (B, D), anything where not hidden.
        hidden: bool (B, D), the entries that count.

    Returns:
        Two scalars in the units of x; NaN where nothing is hidden, or no error is to be known.
    """
    square = torch.where(hidden, mean - truth, 0).double().square().sum(1)
    return pooled_rmse(square, hidden.sum(1))
