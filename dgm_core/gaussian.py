"""Exact conditionals of a multivariate Gaussian.

With x = (x_obs, x_mis) ~ N(μ, Σ):

    E[x_mis | x_obs]   = μ_mis + Σ_mo Σ_oo⁻¹ (x_obs − μ_obs)
    Cov[x_mis | x_obs] = Σ_mm − Σ_mo Σ_oo⁻¹ Σ_om
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Conditional(NamedTuple):
    """The law of the hidden entries, in their order: mean (M,), covariance (M, M)."""

    mean: Tensor
    covariance: Tensor


def condition(mean: Tensor, covariance: Tensor, x: Tensor, observed: Tensor) -> Conditional:
    """N(mean, covariance) given the observed entries of one row x (D,).

    Example:
        >>> cov = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
        >>> condition(torch.zeros(2), cov, torch.tensor([0.0, 2.0]), torch.tensor([False, True]))
        Conditional(mean=tensor([1.]), covariance=tensor([[1.5000]]))
    """
    hidden = ~observed
    cross = covariance[hidden][:, observed]
    gain = torch.linalg.solve(covariance[observed][:, observed], cross.mT).mT
    return Conditional(
        mean[hidden] + gain @ (x[observed] - mean[observed]),
        covariance[hidden][:, hidden] - gain @ cross.mT,
    )
