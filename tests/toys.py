"""Latent-variable models whose conditionals are known exactly."""

from __future__ import annotations

import itertools
from dataclasses import replace

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from dgm_core import data
from dgm_core.distributions import BernoulliPixels
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.recipes import RECIPES, Recipe
from dgm_core.recipes.dlvm import validation_by_elbo
from dgm_core.rng import generator
from dgm_core.training import Schedule, fit
from dgm_core.training.losses import binarised, negative_elbo


class LinearGaussian:
    """z ~ N(0, I), x | z ~ N(W z + b, σ² I); the encoder is the true posterior, or made wrong.

    Args:
        shift: added to the mean of q(z|x).
        stretch: multiplies the standard deviations of q(z|x).
    """

    def __init__(self, shift: float = 0.0, stretch: float = 1.0) -> None:
        source = torch.Generator().manual_seed(3)
        self.weights = torch.randn(5, 2, generator=source, dtype=torch.float64)
        self.offset = torch.linspace(-1, 1, 5, dtype=torch.float64)
        self.noise = 0.6
        precision = torch.eye(2) + self.weights.T @ self.weights / self.noise**2
        covariance = torch.linalg.inv(precision)
        self.gain = covariance @ self.weights.T / self.noise**2
        # Diagonal, as encoders are: exact only up to the correlation of the latents.
        self.scale = covariance.diagonal().sqrt() * stretch
        self.shift = shift

    def prior(self) -> Distribution:
        zero = torch.zeros(2, dtype=torch.float64)
        return Independent(Normal(zero, torch.ones_like(zero)), 1)

    def encode(self, x: Tensor) -> Distribution:
        mean = (x - self.offset) @ self.gain.T + self.shift
        return Independent(Normal(mean, self.scale.expand_as(mean)), 1)

    def decode(self, z: Tensor) -> Distribution:
        mean = z @ self.weights.T + self.offset
        return Independent(Normal(mean, torch.full_like(mean, self.noise)), 1)

    @property
    def covariance(self) -> Tensor:
        """Covariance of x, (5, 5)."""
        return self.weights @ self.weights.T + self.noise**2 * torch.eye(5, dtype=torch.float64)


class SmallBernoulli:
    """Two latents, six binary pixels, a curved decoder; p(x_mis | x_obs) by enumeration.

    The integral over z is a sum over a fine grid; the encoder is crude on purpose.
    """

    def __init__(self) -> None:
        source = torch.Generator().manual_seed(8)
        self.first = torch.randn(2, 8, generator=source, dtype=torch.float64)
        self.second = 2 * torch.randn(8, 6, generator=source, dtype=torch.float64)
        self.guess = 0.6 * torch.randn(6, 2, generator=source, dtype=torch.float64)

    def prior(self) -> Distribution:
        zero = torch.zeros(2, dtype=torch.float64)
        return Independent(Normal(zero, torch.ones_like(zero)), 1)

    def encode(self, x: Tensor) -> Distribution:
        mean = (x - 0.5) @ self.guess
        return Independent(Normal(mean, torch.full_like(mean, 0.9)), 1)

    def decode(self, z: Tensor) -> Distribution:
        return BernoulliPixels(torch.tanh(z @ self.first) @ self.second)

    def pixel_marginals(self, x: Tensor, observed: Tensor) -> Tensor:
        """p(x_i = 1 | x_obs) of each hidden pixel i of one row x (6,), by quadrature."""
        axis = torch.linspace(-5, 5, 201, dtype=torch.float64)
        z = torch.cartesian_prod(axis, axis)
        log_prior = self.prior().log_prob(z)
        hidden = int((~observed).sum())
        patterns = torch.tensor(list(itertools.product([0.0, 1.0], repeat=hidden))).double()
        mass = []
        for pattern in patterns:
            full = x.clone()
            full[~observed] = pattern
            mass.append(
                torch.logsumexp(log_prior + self.decode(z).log_prob(full.expand(len(z), 6)), 0)
            )
        return torch.softmax(torch.stack(mass), 0) @ patterns


def tiny_recipe(name: str, schedule: Schedule) -> Recipe:
    """A recipe on scikit-learn's digits that trains in seconds."""
    return replace(
        RECIPES["digits-dlvm"],
        name=name,
        architecture="fully-connected-dlvm",
        arguments={"latent_dim": 3, "hidden": 8},
        warm_start=None,
        model=schedule,
        proposal=schedule,
    )


def bounds_of_tiny_vaes(
    seeds: int = 8, epochs: int = 4, *, bfloat16: bool = False
) -> tuple[Tensor, Tensor]:
    """Validation bounds (seeds,) of VAEs trained on some digits, nats, and a weight of each."""
    x = data.load("digits", "train").x[:402]
    validation = data.binarize(data.load("digits", "valid").x, generator(1))
    found, weights = [], []
    for seed in range(seeds):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = fully_connected_dlvm(latent_dim=3, hidden=16, full_covariance=False)
        schedule = Schedule(epochs, 25, learning_rate=3e-3, seed=seed, bfloat16=bfloat16)
        score = validation_by_elbo(validation)
        *_, last = fit(model, binarised(negative_elbo), x, score, schedule)
        found.append(last.best)
        weights.append(next(model.parameters()).detach().flatten()[0])
    return torch.tensor(found), torch.stack(weights)
