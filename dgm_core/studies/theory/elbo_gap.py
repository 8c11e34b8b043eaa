"""The gap between the ELBO and log p(x), in a model with one latent and one observed number.

    log p(x) = ELBO(q) + KL(q ‖ p(z|x)),   ELBO(q) = E_q[log p(x, z) − log q(z)]

The model is z ~ N(0, 1), x | z ~ N(z + 0.6 z², ½²). Most x have two explanations, so no Gaussian q
equals the posterior. The gap is the sum of two parts (Cremer, Li & Duvenaud 2018):

    approximation gap   of the best Gaussian for this x
    amortisation gap    the rest, because one encoder must serve all x

Here the encoder is q(z|x) = N(a + b x, c²) with the a, b and c that maximise the mean ELBO under
p(x).
IWAE_K of the same q closes the gap as K grows (Burda, Grosse & Salakhutdinov 2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent

from dgm_core.bounds import importance_weighted, quadrature
from dgm_core.distributions import Gaussian
from dgm_core.rng import generator
from dgm_core.studies.theory.normal_nodes import normal_nodes
from dgm_core.types import Masked

NOISE, BEND = 0.5, 0.6
DRAWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""K of the IWAE bounds."""
AXIS = torch.linspace(-16, 16, 6401, dtype=torch.float64)
"""Grid of latents on which posterior and q are evaluated and integrated."""
_NODES, _WEIGHTS = normal_nodes(10, 81)  # log p(x, z) is a polynomial in z


class Curve:
    """z ~ N(0, 1), x | z ~ N(z + 0.6 z², ½²), with q(z|x) = N(mean, sd²) for every x.

    Args:
        mean, sd: of q.
    """

    def __init__(self, mean: float = 0.0, sd: float = 1.0) -> None:
        self.mean, self.sd = mean, sd

    def prior(self) -> Independent:
        """N(0, 1) on (1,)."""
        return _normal(torch.zeros(1, dtype=torch.float64), 1.0)

    def encode(self, x: Tensor) -> Independent:
        """q for each x (B, 1)."""
        return _normal(torch.full_like(x, self.mean), self.sd)

    def decode(self, z: Tensor) -> Independent:
        """p(x|z) for each z (B, 1)."""
        return _normal(z + BEND * z.square(), NOISE)


def _normal(mean: Tensor, sd: float) -> Independent:
    normal = Gaussian(mean, torch.full_like(mean, sd), validate_args=False)
    return Independent(normal, 1, validate_args=False)


def log_joint(x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z) in nats, in the broadcast shape of x and z."""
    model = Curve()
    x, z = (each.double()[..., None] for each in torch.broadcast_tensors(x, z))
    return model.prior().log_prob(z) + model.decode(z).log_prob(x)


def elbo(x: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
    """E_q[log p(x, z) − log q(z)] with q = N(mean, sd²), by the trapezoidal rule; all (B,)."""
    z = mean[:, None] + log_sd.exp()[:, None] * _NODES
    log_q = -0.5 * _NODES.square() - log_sd[:, None] - 0.5 * math.log(2 * math.pi)
    return (log_joint(x[:, None], z) - log_q) @ _WEIGHTS


def divergence(log_q: Tensor, log_p: Tensor, spacing: float) -> Tensor:
    """KL(q ‖ p) in nats, from log-densities on a grid of the latent."""
    return (log_q.exp() * (log_q - log_p)).sum() * spacing


def log_evidence(x: float) -> float:
    """log p(x) by `dgm_core.bounds.quadrature`."""
    row = torch.tensor([[x]], dtype=torch.float64)
    observed = Masked(row, torch.ones_like(row, dtype=torch.bool))
    return float(quadrature.log_evidence(Curve(), observed, tolerance=1e-10, reach=8.0).value)


@lru_cache(maxsize=512)
def best_gaussian(x: float) -> tuple[float, float]:
    """Mean and standard deviation of the Gaussian with the largest ELBO for this x.

    There may be a local maximum at each explanation, so several starting points are tried.
    """
    data = torch.tensor([x], dtype=torch.float64)
    starts = [(mean, math.log(0.4)) for mean in (-2.5, -1.5, -0.8, 0.0, 1.0, 2.0)]
    mean, log_sd = _maximiser(lambda q: elbo(data, q[:1], q[1:])[0], starts)
    return mean, math.exp(log_sd)


@lru_cache(maxsize=1)
def encoder() -> tuple[float, float, float]:
    """a, b, c of q(z|x) = N(a + b x, c²) with the largest mean ELBO under p(x)."""
    x = torch.linspace(-3, 9, 121, dtype=torch.float64)
    probability = log_joint(x[:, None], AXIS).logsumexp(1).softmax(0)  # of p(x) on this grid

    def mean_elbo(parameters: Tensor) -> Tensor:
        a, b, log_c = parameters
        return probability @ elbo(x, a + b * x, log_c.expand_as(x))

    a, b, log_c = _maximiser(mean_elbo, [(0.0, 0.0, 0.0)])
    return a, b, math.exp(log_c)


def _maximiser(
    score: Callable[[Tensor], Tensor], starts: Sequence[Sequence[float]]
) -> list[float]:
    """Argument of the largest `score`, by gradient ascent from each starting point."""
    from scipy.optimize import minimize

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = torch.tensor(point, requires_grad=True)
        value = -score(parameters)
        (gradient,) = torch.autograd.grad(value, parameters)
        return value.item(), gradient.numpy()

    found = [minimize(loss, start, jac=True) for start in starts]
    return min(found, key=lambda each: each.fun).x.tolist()


@dataclass(frozen=True)
class Config:
    """One x and a Gaussian q for its latent.

    Args:
        x: the observed number.
        mean, sd: of q; None = those of the encoder.
        draws: number of importance samples for all IWAE bounds.
        seed: of these samples.

    Raises:
        ValueError: x or q is out of the range of the grid.
    """

    x: float = 1.0
    mean: float | None = None
    sd: float | None = None
    draws: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not -3 <= self.x <= 9:
            raise ValueError(f"expected x in −3 … 9, got {self.x}")
        if (self.mean is None) != (self.sd is None):
            raise ValueError("expected both the mean and the standard deviation of q, or neither")
        if self.mean is None or self.sd is None:
            return
        if not (-3 <= self.mean <= 3 and 0.05 <= self.sd <= 2):
            raise ValueError(
                "expected q with a mean in −3 … 3 and a standard deviation in 0.05 … 2, "
                f"got {self.mean} and {self.sd}"
            )

    @property
    def q(self) -> tuple[float, float]:
        """Mean and standard deviation of q."""
        if self.mean is None or self.sd is None:
            a, b, c = encoder()
            return a + b * self.x, c
        return self.mean, self.sd


class Result(NamedTuple):
    """Values in nats; log p(x) = elbo + divergence = best_elbo + approximation."""

    log_p: float  # by quadrature, independent of q
    elbo: float
    divergence: float  # KL(q ‖ p(z|x)), the whole gap
    best_elbo: float  # of the best Gaussian
    q: tuple[float, float]  # mean and standard deviation
    best: tuple[float, float]
    posterior: Tensor  # p(z|x) on AXIS
    density: Tensor  # q(z) on AXIS
    iwae: importance_weighted.Estimate  # (len(DRAWS),) each

    @property
    def approximation(self) -> float:
        """The approximation gap."""
        return self.log_p - self.best_elbo

    @property
    def amortisation(self) -> float:
        """The amortisation gap."""
        return self.best_elbo - self.elbo


def run(config: Config) -> Result:
    """All bounds for one x."""
    q, best = config.q, best_gaussian(config.x)
    x = torch.full((2,), config.x, dtype=torch.float64)
    both = torch.tensor([q, best], dtype=torch.float64)
    own, largest = elbo(x, both[:, 0], both[:, 1].log()).tolist()
    log_p = log_evidence(config.x)
    model = Curve(*q)
    log_posterior = log_joint(x[:1], AXIS) - log_p
    log_q = model.encode(x[:1, None]).log_prob(AXIS[:, None])
    log_w = importance_weighted.log_weights(
        model, x[:1, None], config.draws, generator(config.seed)
    )
    curve = importance_weighted.iwae_curve(log_w, DRAWS)
    return Result(
        log_p,
        own,
        float(divergence(log_q, log_posterior, float(AXIS[1] - AXIS[0]))),
        largest,
        q,
        best,
        log_posterior.exp(),
        log_q.exp(),
        importance_weighted.Estimate(curve.value[:, 0], curve.standard_error[:, 0]),
    )
