"""The acceptance ratio of Metropolis–Hastings, and the decision to accept.

ρ = [ π(z') / q(z' | z) ] / [ π(z) / q(z | z') ],   accepted with probability min(1, ρ)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_core.rng import Source, uniform


def log_acceptance_ratio(
    log_target_new: Tensor, log_proposal_new: Tensor, log_target: Tensor, log_proposal: Tensor
) -> Tensor:
    """log ρ, (B,).

    Args:
        log_target_new: log π(z'), up to a constant, (B,).
        log_proposal_new: log density of proposing z' from z, (B,).
        log_target: log π(z), up to the same constant, (B,).
        log_proposal: log density of proposing z from z', (B,).
    """
    return (log_target_new - log_proposal_new) - (log_target - log_proposal)


def acceptance_probability(log_ratio: Tensor) -> Tensor:
    """min(1, ρ), of the shape of log ρ; 0 where it is NaN."""
    return log_ratio.nan_to_num(nan=-math.inf).clamp_max(0).exp()


def accept(log_ratio: Tensor, source: Source) -> tuple[Tensor, Tensor]:
    """Accept with probability min(1, ρ); a ratio of NaN is rejected.

    Args:
        log_ratio: log ρ, of any shape.
        source: of the uniform random numbers u.

    Returns:
        accepted, bool, and log u, which log ρ had to exceed; both of the shape of `log_ratio`.
    """
    # 1 - u is in (0, 1], so the logarithm is finite.
    log_u = torch.log1p(-uniform(tuple(log_ratio.shape), source, log_ratio.dtype))
    return log_u < log_ratio, log_u
