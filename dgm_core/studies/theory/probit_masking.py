"""Estimates of the mean of a number that goes missing, with a correlated number observed.

    x ~ N(0, [1 ρ; ρ 1]),    p(s = 1 | x) = Φ(−wᵀx),    w = a (0, 0), a (1, 0) or a (0, 1)

for MCAR, MAR and MNAR; s = 1 where x₂ is observed, which has probability ½ for every strength a. A
probit is a threshold on u = wᵀx + ε with ε ~ N(0, 1). Selection therefore truncates a Gaussian,
and the moments of the observed rows are known. With t = wᵀΣw and λ = φ(0) / Φ(0) = √(2/π),

    E[x | s = 1]   = −λ Σw / √(1 + t)
    Cov[x | s = 1] = Σ − λ² Σw wᵀΣ / (1 + t)

Two estimates of E x₂: the mean of the observed values, and the mean after missing values are
imputed by their regression on x₁. The latter maximises the likelihood that ignores the mechanism
(Anderson 1957; Little & Rubin 2019, §7.2). It is consistent if p(s | x_obs, x_mis) = p(s | x_obs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import generator, normal

MECHANISMS = {"MCAR": (0.0, 0.0), "MAR": (1.0, 0.0), "MNAR": (0.0, 1.0)}
"""Name → direction of w: missingness depends on nothing, on x₁, or on x₂ itself."""
FEWEST = 3
"""Minimal number of observed rows for a regression with a standard error."""
TRUTH = 0.0
"""E x₂."""


@dataclass(frozen=True)
class Config:
    """A sample and its missing mechanism.

    Attributes:
        mechanism: a key of `MECHANISMS`.
        strength: a ≥ 0, length of w; ignored for MCAR.
        correlation: ρ, between −1 and 1.
        rows: n.
        seed: of the sample and of ε, which do not depend on the other settings.

    Raises:
        ValueError: the mechanism is unknown, or a number is out of range.
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
    """An estimate of E x₂, and its standard error around its own limit."""

    mean: float
    error: float


class Regression(NamedTuple):
    """Regression of x₂ on x₁ in the observed rows, and the mean of x₂ after imputation by it."""

    slope: float
    intercept: float
    filled: Estimate


class Limits(NamedTuple):
    """Limits of both estimates as n grows; the true value is 0."""

    complete_case: float
    regression: float  # also the intercept of its line, because x₁ has mean 0
    slope: float


def draw(config: Config) -> tuple[Tensor, Tensor]:
    """x (n, 2) float64 and s (n,) bool, True = x₂ is observed."""
    source = generator(config.seed)
    noise = normal((config.rows, 3), source, torch.float64)
    x = noise[:, :2] @ torch.linalg.cholesky(config.covariance).mT
    return x, x @ config.weights + noise[:, 2] < 0


def probability(x: Tensor, weights: Tensor) -> Tensor:
    """p(s = 1 | x) = Φ(−wᵀx) for x (…, 2): (…)."""
    return torch.special.ndtr(-x @ weights)


def complete_case(x: Tensor, observed: Tensor) -> Estimate:
    """The mean of the observed x₂.

    Args:
        x: (n, 2); x₂ is not used where it is not observed.
        observed: s, (n,) bool.

    Raises:
        ValueError: fewer than three rows are observed.
    """
    values = _observed_rows(x, observed)[:, 1]
    return Estimate(values.mean().item(), values.std().item() / math.sqrt(len(values)))


def by_regression(x: Tensor, observed: Tensor) -> Regression:
    """Impute x₂ by its regression on x₁, then take the mean of all rows.

    Arguments and errors as in `complete_case`.
    """
    rows = _observed_rows(x, observed)
    mean_1, mean_2 = rows.mean(0)
    centred = rows - torch.stack([mean_1, mean_2])
    slope = (centred[:, 0] * centred[:, 1]).sum() / centred[:, 0].square().sum()
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
    """Limits of both estimates, in closed form."""
    mean, covariance = selected(config.covariance, config.weights)
    slope = covariance[0, 1] / covariance[0, 0]
    return Limits(mean[1].item(), (mean[1] - slope * mean[0]).item(), slope.item())


def _error_of_filled(x: Tensor, observed: Tensor, line: Tensor, slope: Tensor) -> Tensor:
    """√ of σ² (1/r + (x̄₁ − x̄₁ of observed rows)² / S₁₁) + β² var(x₁) / n, for large samples.

    r of n rows are observed, σ² is the residual variance, β the slope. The first term is the
    variance of the line at x̄₁, the second that of x̄₁.
    """
    x1, count = x[observed, 0], int(observed.sum())
    residual = (x[observed, 1] - line[observed]).square().sum() / (count - 2)
    shift = x[:, 0].mean() - x1.mean()
    spread = (x1 - x1.mean()).square().sum()
    variance = residual * (1 / count + shift**2 / spread) + slope**2 * x[:, 0].var() / len(x)
    return variance.sqrt()


def _observed_rows(x: Tensor, observed: Tensor) -> Tensor:
    rows = x[observed]
    if len(rows) < FEWEST:
        raise ValueError(f"expected at least {FEWEST} observed rows, got {len(rows)}")
    return rows
