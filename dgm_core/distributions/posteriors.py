"""Heads that turn an encoder's features into the proposal q(z|x); chosen once, at construction.

A Metropolis sampler accepts more proposals if q is closer to the true posterior. The latents are
correlated under the posterior, so there is a full-covariance head beside the usual diagonal one.

    >>> head = DiagonalGaussian(3)
    >>> head.features, head(torch.zeros(5, 6)).event_shape
    (6, torch.Size([3]))
"""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_core.distributions.basic import Gaussian, TriangularNormal

LOG_SCALE_RANGE = (-7.0, 3.0)
"""Bounds of log s, so that proposals neither collapse to a point nor overflow for any input."""


class DiagonalGaussian(nn.Module):
    """q(z|x) = N(μ, diag s²); reads 2 L features."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.features = 2 * latent_dim

    def forward(self, features: Tensor) -> Distribution:
        """Features (B, 2 L) → a distribution with batch (B,) and event (L,)."""
        mean, log_scale = features.split(self.latent_dim, dim=-1)
        scale = log_scale.clamp(*LOG_SCALE_RANGE).exp()
        return Independent(Gaussian(mean, scale, validate_args=False), 1, validate_args=False)


class FullGaussian(nn.Module):
    """q(z|x) = N(μ, Σ) with any Σ, from a precision factor; reads L (L + 3) / 2 features."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.features = latent_dim * (latent_dim + 3) // 2

    def forward(self, features: Tensor) -> Distribution:
        """Features (B, L (L + 3) / 2) → a distribution with batch (B,) and event (L,)."""
        size = self.latent_dim
        mean, log_scale, below = features.split([size, size, features.shape[-1] - 2 * size], -1)
        return TriangularNormal(mean, log_scale.clamp(*LOG_SCALE_RANGE), _below_diagonal(below))


def _below_diagonal(entries: Tensor) -> Tensor:
    """L (L − 1) / 2 numbers per row → (B, L, L), zero on and above the diagonal.

    The numbers without the first L − 1, followed by all numbers in reverse order, fill a square of
    side L − 1 whose lower triangle has each number once. This needs no gather and is fast.
    """
    side = int((2 * entries.shape[-1]) ** 0.5)
    square = torch.cat([entries[:, side:], entries.flip(1)], 1).unflatten(1, (side, side))
    return nn.functional.pad(square.tril(), (0, 1, 1, 0))
