"""The deep latent variable model (DLVM), trained as a variational autoencoder.

    p(z) = N(0, I),   p(x|z) = likelihood(decoder(z)),   q(z|x) = posterior(encoder(x))

Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014.  The decoder and the prior *are* the
model. The encoder is a proposal, which can be trained again without changing the model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_core.distributions import Gaussian
from dgm_core.networks import evaluate


class VAE(nn.Module):
    """p(z) p(x|z) with a proposal q(z|x).

    Args:
        encoder: x (B, \\*event) → features for `posterior`.
        posterior: features → q(z|x) on (L,); see `dgm_core.distributions.posteriors`.
        decoder: z (B, L) → parameters for `likelihood`.
        likelihood: parameters → p(x|z) on the event; see `dgm_core.distributions.likelihoods`.
        latent_dim: L.
    """

    zeros: Tensor  # (L,)
    ones: Tensor  # (L,)

    def __init__(
        self,
        encoder: nn.Module,
        posterior: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        latent_dim: int,
    ) -> None:
        super().__init__()
        self.encoder, self.posterior = encoder, posterior
        self.decoder, self.likelihood = decoder, likelihood
        self.latent_dim = latent_dim
        self.register_buffer("zeros", torch.zeros(latent_dim), persistent=False)
        self.register_buffer("ones", torch.ones(latent_dim), persistent=False)

    def prior(self) -> Distribution:
        """N(0, I) on (L,)."""
        return Independent(
            Gaussian(self.zeros, self.ones, validate_args=False), 1, validate_args=False
        )

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) for x (B, \\*event)."""
        return self.posterior(evaluate(self.encoder, x))

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) for z (B, L)."""
        return self.likelihood(evaluate(self.decoder, z))
