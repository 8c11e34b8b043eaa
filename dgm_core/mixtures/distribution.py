"""A mixture of Gaussians as a `torch.distributions` object, which can be the prior of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from dgm_core.mixtures.gaussian_mixture import GaussianMixture
from dgm_core.rng import Source, draw


class MixtureDistribution(Distribution):
    """p(z) = Σ_k π_k N(z; μ_k, Σ_k) on (D,).

    Args:
        mixture: a single mixture, without chains.

    Raises:
        ValueError: the mixture has chains.

    Example:
        >>> mixture = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.ones(1, 2))
        >>> MixtureDistribution(mixture).log_prob(torch.zeros(3, 2))
        tensor([-1.8379, -1.8379, -1.8379])
    """

    arg_constraints: ClassVar[dict] = {}  # pyright: ignore[reportIncompatibleMethodOverride]
    support = constraints.real_vector  # pyright: ignore

    def __init__(self, mixture: GaussianMixture, batch_shape: tuple[int, ...] = ()) -> None:
        if mixture.chains:
            raise ValueError(f"expected a single mixture, got chains {tuple(mixture.chains)}")
        self.mixture = mixture
        super().__init__(torch.Size(batch_shape), mixture.means.shape[1:], validate_args=False)

    def expand(
        self, batch_shape: Sequence[int], _instance: Distribution | None = None
    ) -> MixtureDistribution:
        return MixtureDistribution(self.mixture, tuple(batch_shape))

    @property
    def mean(self) -> Tensor:
        return self.mixture.mean.expand(self.batch_shape + self.event_shape)

    @property
    def variance(self) -> Tensor:
        return self.mixture.variance.expand(self.batch_shape + self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """(…, D) → (…) nats."""
        shape = torch.broadcast_shapes(value.shape, self.batch_shape + self.event_shape)
        flat = value.expand(shape).reshape(-1, self.mixture.dim)
        return self.mixture.log_prob(flat).reshape(shape[:-1])


@draw.register
def _(distribution: MixtureDistribution, source: Source, draws: int | None = None) -> Tensor:
    batch = distribution.batch_shape
    rows, rest = (batch[0], batch[1:]) if batch else (1, batch)
    each = rest.numel() * (1 if draws is None else draws)
    mixture = distribution.mixture
    # Rows are chains of the same mixture, so each of several streams fills its own row.
    repeated = GaussianMixture(
        *(t.expand(rows, *t.shape) for t in (mixture.weights, mixture.means, mixture.scales))
    )
    x = repeated.sample(each, source).x.reshape(rows, draws or 1, *rest, mixture.dim).movedim(1, 0)
    x = x.reshape(draws or 1, *batch, mixture.dim)
    return x[0] if draws is None else x
