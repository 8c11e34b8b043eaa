"""Two correlated numbers of which the second goes missing: what becomes of its mean.

    x ~ N(0, [1 ρ; ρ 1]),    p(s = 1 | x) = Φ(−wᵀx),    w = a (0, 0), a (1, 0) or a (0, 1)

MCAR, MAR and MNAR in turn; s = 1 where x₂ is seen, half of the time whatever the strength a. A
probit is a threshold on u = wᵀx + ε with ε ~ N(0, 1), so that selection is the truncation of a
Gaussian, and all moments of what is seen are known. With t = wᵀΣw and λ = φ(0) / Φ(0) = √(2/π),

    E[x | s = 1]   = −λ Σw / √(1 + t)
    Cov[x | s = 1] = Σ − λ² Σw wᵀΣ / (1 + t)

Two estimates of E x₂: the mean of what is seen, and the mean after missing values were replaced
by their regression on x₁. The latter is the maximum of the likelihood that ignores the mechanism
(Anderson 1957; Little & Rubin 2019, §7.2): right where p(s | x_obs, x_mis) = p(s | x_obs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import generator, normal

MECHANISMS = {"MCAR": (0.0, 0.0), "MAR": (1.0, 0.0), "MNAR": (0.0, 1.0)}
"""Name → the direction of w: on nothing, on x₁, on x₂ itself."""
FEWEST = 3
"""Observed rows that a regression with an error needs."""
TRUTH = 0.0
"""E x₂."""


@dataclass(frozen=True)
class Config:
    """A sample and how it loses values.

    Attributes:
        mechanism: a key of `MECHANISMS`.
        strength: a ≥ 0, length of w; MCAR has none.
        correlation: ρ, between −1 and 1.
        rows: n.
        seed: of the sample and of ε, which do not depend on the other settings.

    Raises:
        ValueError: an unknown name, or a number out of range.
    """

    mechanism: str = "MAR"
    strength: float = 2.0
    correlation: float = 0.7
    rows: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mechanism not in MECHANISMS:
            known = ", ".join(MECHANISMS)
            raise ValueError(f"expected a mechanism among {known}, got {self.mechanism!r}")
        if not (0 <= self.strength <= 100 and -1 < self.correlation < 1):
            got = f"{self.strength} and {self.correlation}"
            raise ValueError(f"expected a strength in 0 … 100 and |ρ| < 1, got {got}")
        if not FEWEST <= self.rows <= 1_000_000:
            raise ValueError(f"expected {FEWEST} to 1,000,000 rows, got {self.rows}")

    @property
    def weights(self) -> Tensor:
        """w, (2,) float64."""
        return self.strength * torch.tensor(MECHANISMS[self.mechanism], dtype=torch.float64)

    @property
    def covariance(self) -> Tensor:
        """Σ, (2, 2) float64."""
        rho = self.correlation
        return torch.tensor([[1.0, rho], [rho, 1.0]], dtype=torch.float64)


class Estimate(NamedTuple):
    """An estimate of E x₂, and its standard error round its own limit."""

    mean: float
    error: float


class Regression(NamedTuple):
    """Of x₂ on x₁ where both are seen, and the mean of x₂ once the rest is filled in by it."""

    slope: float
    intercept: float
    filled: Estimate


class Limits(NamedTuple):
    """What both estimates tend to as n grows; the truth is 0."""

    complete_case: float
    regression: float  # and the intercept of its line: it meets x₁ = 0, the mean of x₁, there
    slope: float


def draw(config: Config) -> tuple[Tensor, Tensor]:
    """x (n, 2) float64 and s (n,) bool, True = x₂ is seen."""
    source = generator(config.seed)
    noise = normal((config.rows, 3), source, torch.float64)
    x = noise[:, :2] @ torch.linalg.cholesky(config.covariance).mT
    return x, x @ config.weights + noise[:, 2] < 0


def probability(x: Tensor, weights: Tensor) -> Tensor:
    """p(s = 1 | x) = Φ(−wᵀx) of x (…, 2): (…)."""
    return torch.special.ndtr(-x @ weights)


def complete_case(x: Tensor, observed: Tensor) -> Estimate:
    """The mean of x₂ where it is seen.

    Args:
        x: (n, 2); x₂ of rows that are not observed is not looked at.
        observed: s, (n,) bool.

    Raises:
        ValueError: fewer than three rows are observed.
    """
    seen = _seen(x, observed)[:, 1]
    return Estimate(seen.mean().item(), seen.std().item() / math.sqrt(len(seen)))


def by_regression(x: Tensor, observed: Tensor) -> Regression:
    """Fill x₂ in by its regression on x₁, then take the mean of all rows.

    Arguments and errors as of `complete_case`.
    """
    mean_1, mean_2 = _seen(x, observed).mean(0)
    off = x[observed] - torch.stack([mean_1, mean_2])
    slope = (off[:, 0] * off[:, 1]).sum() / off[:, 0].square().sum()
    line = mean_2 + slope * (x[:, 0] - mean_1)
    filled = torch.where(observed, x[:, 1], line).mean().item()
    error = _error_of_filled(x, observed, line, slope).item()
    return Regression(slope.item(), (mean_2 - slope * mean_1).item(), Estimate(filled, error))


def selected(covariance: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """E[x | s = 1] (2,) and Cov[x | s = 1] (2, 2) under N(0, Σ) and p(s = 1 | x) = Φ(−wᵀx)."""
    along = covariance @ weights
    total = 1 + weights @ along
    mean = -math.sqrt(2 / math.pi) * along / total.sqrt()
    return mean, covariance - 2 / math.pi * torch.outer(along, along) / total


def limits(config: Config) -> Limits:
    """In closed form."""
    mean, covariance = selected(config.covariance, config.weights)
    slope = covariance[0, 1] / covariance[0, 0]
    return Limits(mean[1].item(), (mean[1] - slope * mean[0]).item(), slope.item())


def _error_of_filled(x: Tensor, observed: Tensor, line: Tensor, slope: Tensor) -> Tensor:
    """√ of σ² (1/r + (x̄₁ − x̄₁ seen)² / S₁₁) + β² var(x₁) / n, for large samples.

    r of n rows are seen, σ² is the variance of residuals, β the slope: how uncertain the line is
    at x̄₁, and how uncertain x̄₁ is.
    """
    seen, count = x[observed, 0], int(observed.sum())
    residual = (x[observed, 1] - line[observed]).square().sum() / (count - 2)
    way = x[:, 0].mean() - seen.mean()
    spread = (seen - seen.mean()).square().sum()
    variance = residual * (1 / count + way**2 / spread) + slope**2 * x[:, 0].var() / len(x)
    return variance.sqrt()


def _seen(x: Tensor, observed: Tensor) -> Tensor:
    seen = x[observed]
    if len(seen) < FEWEST:
        raise ValueError(f"expected at least {FEWEST} observed rows, got {len(seen)}")
    return seen
