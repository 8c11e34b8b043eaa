"""MIWAE: a deep latent-variable model trained on incomplete data with a bound on log p(x_obs).

    q(z | x_obs) = posterior(encoder(x_obs with 0 where hidden, observed))
    MIWAE_K = E log (1/K) Σ_k p(x_obs|z_k) p(z_k) / q(z_k|x_obs)   ≤   log p(x_obs)

Mattei & Frellsen 2019. The bound assumes that values are missing at random. With everything
observed it is the bound of the importance-weighted autoencoder. The bound and the imputation use
the same log-weights; see `dgm_core.samplers.importance`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.distributions.likelihoods import BernoulliLikelihood, GaussianLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.distributions.variance_floors import IMAGE_SCALE_FLOOR
from dgm_core.models.vae import VAE
from dgm_core.networks import bodies, evaluate
from dgm_core.types import Masked


class MIWAE(VAE):
    """A `VAE` whose encoder reads incomplete data: values and mask as separate channels.

    Args:
        encoder: (B, 2 C, …), x with 0 where hidden, then `observed` as 0 or 1 → features.
        posterior: features → q(z | x_obs).
        decoder: z (B, L) → parameters for `likelihood`.
        likelihood: parameters → p(x|z).
        latent_dim: L.
    """

    def encode_incomplete(self, masked: Masked) -> Distribution:
        """q(z | x_obs) for incomplete data (B, C, …)."""
        observed = masked.observed.to(masked.x.dtype)
        return self.posterior(evaluate(self.encoder, torch.cat([masked.x, observed], 1)))

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) for complete data x (B, C, …)."""
        return self.posterior(evaluate(self.encoder, torch.cat([x, torch.ones_like(x)], 1)))


def fully_connected_miwae(latent_dim: int = 50, hidden: int = 512, dropout: float = 0.0) -> MIWAE:
    """A MIWAE for 28×28 binary images: 2·784 → hidden → hidden → L, and back to 784."""
    posterior = DiagonalGaussian(latent_dim)
    return MIWAE(
        bodies.fully_connected_encoder((2, 28, 28), posterior.features, hidden, dropout),
        posterior,
        bodies.fully_connected_decoder(latent_dim, (1, 28, 28), hidden, dropout),
        BernoulliLikelihood(),
        latent_dim,
    )


def face_miwae(
    latent_dim: int = 64,
    channels: int = 32,
    hidden: int = 384,
    scale_floor: float = IMAGE_SCALE_FLOOR,
) -> MIWAE:
    """A MIWAE for 64×64 colour images: Gaussian likelihood, and the networks of `face_dlvm`."""
    posterior = DiagonalGaussian(latent_dim)
    return MIWAE(
        bodies.face_encoder(posterior.features, channels, hidden, image_channels=6),
        posterior,
        bodies.face_decoder(latent_dim, channels),
        GaussianLikelihood(3, scale_floor),
        latent_dim,
    )
