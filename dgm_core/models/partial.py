"""A partial encoder q(z | x_obs, observed) for a DLVM that stays as it is.

The encoder of a DLVM reads complete images. A partial encoder reads the observed pixels and the
mask. It is trained to *match the posterior* (Strauss & Oliva 2022, arXiv 2201.13366):

    maximise  E log q(z | x_obs, observed)   over complete images x, random masks, z ~ q(z | x)

The best q is the mean of q(z | x) over the completions of x_obs, so it covers p(z | x_obs) as well
as q(z | x) covers p(z | x). Decoder and prior do not change, hence the model does not change
either. The partial encoder is a proposal: for importance sampling by itself, as a component of the
proposals of other samplers, or for the start of a chain.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_core.distributions.posteriors import FullGaussian
from dgm_core.models.vae import VAE
from dgm_core.networks import bodies, evaluate
from dgm_core.types import Masked


class PartialEncoder(nn.Module):
    """q(z | x_obs, observed).

    Args:
        encoder: (B, 2 C, …), x with 0 where hidden, then `observed` as 0 or 1 → features.
        posterior: features → a distribution on (L,).
    """

    def __init__(self, encoder: nn.Module, posterior: nn.Module) -> None:
        super().__init__()
        self.encoder, self.posterior = encoder, posterior

    def forward(self, masked: Masked) -> Distribution:
        """q(z | x_obs, observed) for incomplete images (B, C, …); batch (B,), event (L,)."""
        observed = masked.observed.to(masked.x.dtype)
        return self.posterior(evaluate(self.encoder, torch.cat([masked.x, observed], 1)))


class PartiallyEncoded(nn.Module):
    """A DLVM and its partial encoder: a latent-variable model with `encode_incomplete`.

    Args:
        model: the DLVM.
        partial: trained for this DLVM.
    """

    def __init__(self, model: VAE, partial: PartialEncoder) -> None:
        super().__init__()
        self.model, self.partial = model, partial
        self.latent_dim = model.latent_dim

    def prior(self) -> Distribution:
        """p(z) of the DLVM."""
        return self.model.prior()

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) of the DLVM, for complete x (B, \\*event)."""
        return self.model.encode(x)

    def encode_incomplete(self, masked: Masked) -> Distribution:
        """q(z | x_obs, observed) for B rows."""
        return self.partial(masked)

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) of the DLVM, for z (B, L)."""
        return self.model.decode(z)


def convolutional_partial_encoder(
    latent_dim: int = 40, channels: int = 32, hidden: int = 256
) -> PartialEncoder:
    """For `convolutional_dlvm`: its encoder with the mask as a second channel."""
    posterior = FullGaussian(latent_dim)
    encoder = bodies.convolutional_encoder(posterior.features, channels, hidden, image_channels=2)
    return PartialEncoder(encoder, posterior)


def face_partial_encoder(
    latent_dim: int = 64, channels: int = 32, hidden: int = 384
) -> PartialEncoder:
    """For `face_dlvm`: its encoder with the mask as three more channels."""
    posterior = FullGaussian(latent_dim)
    encoder = bodies.face_encoder(posterior.features, channels, hidden, image_channels=6)
    return PartialEncoder(encoder, posterior)
