"""Importance sampling in closed form: N(0, I) from draws of N(0, s² I), in D dimensions.

    w(x) = N(x; 0, I) / N(x; 0, s² I)
    log w = Σ_d [log s − ½ (s² − 1) g_d²],   x = s g,   g ~ N(0, I)

The normalising constant E w is 1. Every dimension adds a factor, so the weights degenerate
exponentially in D:

    E w² = (s² / √(2s² − 1))^D,  infinite for s² ≤ ½,   effective fraction of draws → 1 / E w²
    log w − D log s = −½ (s² − 1) χ²_D,  mean −½ (s² − 1) D, standard deviation √(D/2) |s² − 1|

For s < 1 the weights have a Pareto tail of shape k = 1 − s² in any dimension. For s > 1 they are
bounded by s^D, which corresponds to k = −2/D. So k alone does not give the number of draws needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Chi2

from dgm_core.distributions import Gaussian
from dgm_core.metrics.diagnostics import importance_ess, pareto_k
from dgm_core.rng import generator, normal

DIMENSIONS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
"""Numbers of dimensions in which the effective fraction is measured."""
MOST_DIMENSIONS = DIMENSIONS[-1]


@dataclass(frozen=True)
class Config:
    """Target, proposal and numbers of draws and runs.

    Attributes:
        dim: D, 1 to 100.
        scale: s > 0, of the proposal.
        draws: K of each run.
        runs: R, independent.
        seed: of the noise, the same for all D and s.

    Raises:
        ValueError: a number is out of range.
    """

    dim: int = 10
    scale: float = 0.8
    draws: int = 2_000
    runs: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= MOST_DIMENSIONS:
            raise ValueError(f"expected 1 to {MOST_DIMENSIONS} dimensions, got {self.dim}")
        if not 0.05 <= self.scale <= 20:
            raise ValueError(f"expected a scale from .05 to 20, got {self.scale}")
        if not (25 <= self.draws <= 100_000 and 1 <= self.runs <= 1_000):
            got = f"{self.draws} and {self.runs}"
            raise ValueError(f"expected 25 to 100,000 draws and 1 to 1,000 runs, got {got}")


class Result(NamedTuple):
    """R runs of K draws, float64."""

    log_w: Tensor  # (K, R) in D dimensions
    effective_fractions: Tensor  # (12, R) ESS / K in each of `DIMENSIONS`
    running: Tensor  # (K, R) mean of the first 1, 2, … weights: estimates of 1
    error: Tensor  # (R,) standard error of the last estimate, from the run itself
    k: Tensor  # (R,) Pareto k̂; NaN without a tail to fit


def log_weights(noise: Tensor, scale: float) -> Tensor:
    """log w of x = s g in 1, 2, …, D dimensions: noise g (…, D) → (…, D)."""
    x, one = scale * noise, noise.new_ones(())
    target = Gaussian(0 * one, one, validate_args=False)
    proposal = Gaussian(0 * one, scale * one, validate_args=False)
    return (target.log_prob(x) - proposal.log_prob(x)).cumsum(-1)


def second_moment(dim: int | Tensor, scale: float) -> Tensor:
    """E w², infinite for s² ≤ ½; float64 of the shape of `dim`."""
    dim = torch.as_tensor(dim, dtype=torch.float64)
    if 2 * scale**2 <= 1:
        return torch.full_like(dim, math.inf)
    return (scale**2 / math.sqrt(2 * scale**2 - 1)) ** dim


def log_weight_density(values: Tensor, dim: int, scale: float) -> Tensor:
    """Density of log w at `values` (n,): that of a shifted and scaled χ²_D.

    Raises:
        ValueError: the proposal is the target, so log w is constant.
    """
    if scale == 1:
        raise ValueError("expected a proposal that is not the target, got a scale of 1")
    slope = -(scale**2 - 1) / 2
    square = (values.double() - dim * math.log(scale)) / slope
    inside = square > 0
    chi_squared = Chi2(torch.tensor(float(dim), dtype=torch.float64))
    density = chi_squared.log_prob(torch.where(inside, square, 1)).exp() / abs(slope)
    return torch.where(inside, density, 0)


def tail_shape(dim: int, scale: float) -> float:
    """Limit of Pareto k for many draws: 1 − s² for s < 1, −2/D for s > 1, NaN for s = 1."""
    return 1 - scale**2 if scale < 1 else -2 / dim if scale > 1 else math.nan


def run(config: Config) -> Result:
    """Draw and weight all runs."""
    noise = normal((config.draws, config.runs, MOST_DIMENSIONS), generator(config.seed))
    every = log_weights(noise, config.scale)
    log_w = every[..., config.dim - 1].double()
    at = torch.tensor(DIMENSIONS) - 1
    weights = log_w.exp()
    count = torch.arange(1, config.draws + 1, dtype=torch.float64)[:, None]
    return Result(
        log_w,
        importance_ess(every[..., at].double()).T / config.draws,
        weights.cumsum(0) / count,
        weights.std(0) / math.sqrt(config.draws),
        pareto_k(log_w),
    )
