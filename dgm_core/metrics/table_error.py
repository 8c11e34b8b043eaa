"""Root mean squared error over the hidden entries of a whole table."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.metrics.errors import MeanAndError, pooled_rmse


def rmse_of_table(mean: Tensor, true_values: Tensor, hidden: Tensor) -> MeanAndError:
    """√( Σ (x̂ − x)² / n ) over all n hidden entries, and its standard error over rows.

    Args:
        mean: the filled-in values x̂, (B, D).
        true_values: the true values x, (B, D); only hidden entries are read.
        hidden: bool (B, D), the entries that count.

    Returns:
        Two scalars in the units of x. Both are NaN if nothing is hidden; the error is NaN if only
        one row has hidden entries.
    """
    square = torch.where(hidden, mean - true_values, 0).double().square().sum(1)
    return pooled_rmse(square, hidden.sum(1))
