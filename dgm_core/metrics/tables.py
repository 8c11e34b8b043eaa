"""Root mean squared error over the hidden entries of a whole table."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.metrics.errors import MeanAndError


def rmse_of_table(mean: Tensor, truth: Tensor, hidden: Tensor) -> MeanAndError:
    """√( Σ (x̂ − x)² / n ) over all n hidden entries, and its standard error over rows.

    Rows are taken as independent, entries of one row not: by the delta method

        se² = B / (B − 1) · Σ_rows (S_b − n_b · MSE)² / (2 n RMSE)²,

    S_b the sum of squared errors of row b and n_b its hidden entries.

    Args:
        mean: what was filled in, (B, D).
        truth: (B, D), anything where not hidden.
        hidden: bool (B, D), the entries that count.

    Returns:
        Two scalars in the units of x; NaN where nothing is hidden, or no error to be known.
    """
    square = torch.where(hidden, mean - truth, 0).double().square().flatten(1).sum(1)
    count = hidden.flatten(1).sum(1).double()
    rows = int((count > 0).sum())
    mse = square.sum() / count.sum()
    if rows < 2 or mse == 0:
        return MeanAndError(mse.sqrt(), torch.full_like(mse, torch.nan))
    spread = (square - count * mse).square().sum() * rows / (rows - 1)
    return MeanAndError(mse.sqrt(), spread.sqrt() / (2 * count.sum() * mse.sqrt()))
