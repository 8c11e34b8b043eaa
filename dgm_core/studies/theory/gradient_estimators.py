"""Two unbiased estimators of ∂/∂μ E f(z), z ~ N(μ, σ²), and their variances.

    pathwise         f'(μ + σ ε)                    ε ~ N(0, 1); f must be smooth
    score function   (f(μ + σ ε) − b) ε / σ         any f; b is a baseline

The first is the reparameterisation trick (Kingma & Welling 2014; Rezende, Mohamed & Wierstra
2014), the second REINFORCE (Williams 1992). Their variances are integrals over ε, computed by the
trapezoidal rule to machine precision. E ε = 0, so the second is unbiased for every b. The constant

    b* = E[f(z) ε²]

minimises its variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import generator, normal
from dgm_core.studies.theory.normal_nodes import normal_nodes

Function = Callable[[Tensor], Tensor]
STEEPNESS = 20.0
"""k in the step Φ(k z)."""
_NODES, _WEIGHTS = normal_nodes(12, 9601)


class Integrand(NamedTuple):
    """A function f and the gradient of E f(z) in closed form."""

    f: Function
    gradient: Callable[[float, float], float]  # (μ, σ) → ∂/∂μ E f(z)


def _of_step(mean: float, sd: float) -> float:
    """E Φ(k z) = Φ(k μ / √(1 + k² σ²))."""
    slope = STEEPNESS / math.sqrt(1 + (STEEPNESS * sd) ** 2)
    return slope * math.exp(-0.5 * (slope * mean) ** 2) / math.sqrt(2 * math.pi)


INTEGRANDS = {
    "square": Integrand(torch.square, lambda mean, _: 2 * mean),
    "sine": Integrand(
        lambda z: torch.sin(3 * z),
        lambda mean, sd: 3 * math.cos(3 * mean) * math.exp(-4.5 * sd**2),
    ),
    "step": Integrand(lambda z: torch.special.ndtr(STEEPNESS * z), _of_step),
}
"""Name → f: z², sin 3z, and Φ(20 z), a smooth approximation of a step."""


def pathwise(f: Function, mean: float, sd: float, noise: Tensor) -> Tensor:
    """∂ f(μ + σ ε) / ∂μ for each draw ε, in the shape of `noise`."""
    mu = torch.full_like(noise, mean, requires_grad=True)
    (gradient,) = torch.autograd.grad(f(mu + sd * noise).sum(), mu)
    return gradient


def score_function(
    f: Function, mean: float, sd: float, noise: Tensor, baseline: float = 0.0
) -> Tensor:
    """(f(z) − b) ∂ log N(z; μ, σ²) / ∂μ for each draw, in the shape of `noise`."""
    z = mean + sd * noise
    return (f(z) - baseline) * (z - mean) / sd**2


def best_baseline(f: Function, mean: float, sd: float) -> float:
    """b* = E[f(z) ε²], the baseline of smallest variance."""
    return float(_WEIGHTS @ (f(mean + sd * _NODES) * _NODES.square()))


def variance(values: Tensor) -> float:
    """Variance over ε ~ N(0, 1) of an estimator, from its values at all nodes."""
    return float(_WEIGHTS @ values.square() - (_WEIGHTS @ values).square())


def variances(
    integrand: str, mean: float, sd: float, *, with_baseline: bool = False
) -> tuple[float, float]:
    """Variances of one draw of the pathwise and of the score-function estimator."""
    f = INTEGRANDS[integrand].f
    baseline = best_baseline(f, mean, sd) if with_baseline else 0.0
    path, score = pathwise(f, mean, sd, _NODES), score_function(f, mean, sd, _NODES, baseline)
    return variance(path), variance(score)


@dataclass(frozen=True)
class Config:
    """Everything that determines the estimates.

    Args:
        integrand: a key of `INTEGRANDS`.
        mean, sd: μ and σ of z.
        draws: number of draws averaged in each estimate.
        repeats: number of estimates of each kind.
        baseline: does the score function use its best baseline?
        seed: of the noise, the same for both estimators.

    Raises:
        ValueError: the integrand is unknown, σ is not above 0, or a count is below 1.
    """

    integrand: str = "square"
    mean: float = 1.0
    sd: float = 1.0
    draws: int = 10
    repeats: int = 2000
    baseline: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.integrand not in INTEGRANDS:
            known = ", ".join(INTEGRANDS)
            raise ValueError(f"expected an integrand among {known}, got {self.integrand!r}")
        if not self.sd > 0 or self.draws < 1 or self.repeats < 1:
            got = f"{self.sd}, {self.draws} and {self.repeats}"
            raise ValueError(f"expected sd > 0, draws ≥ 1 and repeats ≥ 1, got {got}")


class Result(NamedTuple):
    """Estimates of both kinds, and the true gradient."""

    gradient: float  # in closed form
    pathwise: Tensor  # (repeats,) float64
    score_function: Tensor  # (repeats,)
    variances: tuple[float, float]  # of one estimate of each kind, by quadrature


def run(config: Config) -> Result:
    """Repeat both estimates."""
    f, gradient = INTEGRANDS[config.integrand]
    shape = (config.repeats, config.draws)
    noise = normal(shape, generator(config.seed), torch.float64)
    at = (f, config.mean, config.sd)
    baseline = best_baseline(*at) if config.baseline else 0.0
    path, score = variances(
        config.integrand, config.mean, config.sd, with_baseline=config.baseline
    )
    return Result(
        gradient(config.mean, config.sd),
        pathwise(*at, noise).mean(1),
        score_function(*at, noise, baseline).mean(1),
        (path / config.draws, score / config.draws),
    )
