"""The missing process of a model that ignores values: one constant rate per column.

    (1/N) Σ_n Σ_d log Bernoulli(s_nd; r_d) = −Σ_d H(r_d),   r_d = (1/N) Σ_n s_nd

MIWAE bounds log p(x_obs) and not-MIWAE bounds log p(x_obs, s): they describe different data. Added
to MIWAE's bound, the log-likelihood of this process gives a bound on log p(x_obs, s), which can be
compared with not-MIWAE's.
"""

from __future__ import annotations

import torch
from torch import Tensor


def log_prob_at_constant_rates(observed: Tensor, column_of: Tensor | None = None) -> float:
    """Mean over rows of log p(s) at the rates that fit best, nats per row.

    >>> observed = torch.tensor([[True, True], [True, False]])
    >>> round(log_prob_at_constant_rates(observed), 4)  # one column, half of its values missing
    -0.6931

    Args:
        observed: bool (N, D), True = observed; N > 0.
        column_of: (D,), the column 0, 1, … of each entry, in ascending order, if the entries of a
            column go missing together; None = each entry is a column.
    """
    if column_of is not None:
        column_of = torch.as_tensor(column_of)
        observed = observed[:, torch.searchsorted(column_of, column_of.unique())]
    rate = observed.double().mean(0)
    return float(torch.xlogy(rate, rate).sum() + torch.xlogy(1 - rate, 1 - rate).sum())
