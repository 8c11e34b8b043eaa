"""The image DLVMs: three Bernoulli models of 28×28 pixels and a Gaussian model of faces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from dgm_core.distributions.likelihoods import BernoulliLikelihood, GaussianLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian, FullGaussian
from dgm_core.distributions.variance_floors import IMAGE_SCALE_FLOOR
from dgm_core.models.vae import VAE
from dgm_core.networks import bodies

IMAGE = (1, 28, 28)


def fully_connected_dlvm(
    latent_dim: int = 50,
    hidden: int = 512,
    dropout: float = 0.0,
    *,
    full_covariance: bool = True,
) -> VAE:
    """784 → hidden → hidden → L and back; `full_covariance` chooses the form of q(z|x)."""
    posterior = _posterior(latent_dim, full_covariance=full_covariance)
    return VAE(
        bodies.fully_connected_encoder(IMAGE, posterior.features, hidden, dropout),
        posterior,
        bodies.fully_connected_decoder(latent_dim, IMAGE, hidden, dropout),
        BernoulliLikelihood(),
        latent_dim,
    )


def mirrored_vae(latent_dim: int = 100, hidden: tuple[int, ...] = (300, 300)) -> VAE:
    """A plain VAE of binary x: 784 → hidden … → L with ELUs, mirrored decoder, diagonal q(z|x).

    With the default sizes it is a published baseline for statically binarised MNIST.
    """
    posterior = DiagonalGaussian(latent_dim)
    down = _layers((784, *hidden, posterior.features))
    up = _layers((latent_dim, *reversed(hidden), 784))
    return VAE(
        nn.Sequential(nn.Flatten(), *down),
        posterior,
        nn.Sequential(*up, nn.Unflatten(1, IMAGE)),
        BernoulliLikelihood(),
        latent_dim,
    )


def _layers(sizes: Sequence[int]) -> list[nn.Module]:
    """Affine layers with ELUs between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ELU()]
    return layers[:-1]


def convolutional_dlvm(
    latent_dim: int = 40,
    channels: int = 32,
    hidden: int = 256,
    *,
    full_covariance: bool = True,
) -> VAE:
    """28 → 14 → 7 pixels → hidden → L and back; `full_covariance` chooses the form of q(z|x)."""
    posterior = _posterior(latent_dim, full_covariance=full_covariance)
    return VAE(
        bodies.convolutional_encoder(posterior.features, channels, hidden),
        posterior,
        bodies.convolutional_decoder(latent_dim, channels, hidden),
        BernoulliLikelihood(),
        latent_dim,
    )


def face_dlvm(
    latent_dim: int = 64,
    channels: int = 32,
    hidden: int = 384,
    scale_floor: float = IMAGE_SCALE_FLOOR,
    *,
    full_covariance: bool = True,
) -> VAE:
    """64×64 colour images with a Gaussian likelihood: one scale per channel, with a floor."""
    posterior = _posterior(latent_dim, full_covariance=full_covariance)
    return VAE(
        bodies.face_encoder(posterior.features, channels, hidden),
        posterior,
        bodies.face_decoder(latent_dim, channels),
        GaussianLikelihood(3, scale_floor),
        latent_dim,
    )


def grow_full_covariance(diagonal: VAE, full: VAE) -> VAE:
    """Start `full` from a trained `diagonal` with the same body.

    The model and q(z|x) stay the same: the new outputs of the last encoder layer, which correlate
    the latents, start at 0.
    """
    weights = diagonal.state_dict()
    with_new_rows = full.state_dict()
    for name, value in weights.items():
        if value.shape == with_new_rows[name].shape:
            with_new_rows[name] = value
        else:
            grown = with_new_rows[name].zero_()
            grown[: len(value)] = value
    full.load_state_dict(with_new_rows)
    return full


def _posterior(latent_dim: int, *, full_covariance: bool) -> FullGaussian | DiagonalGaussian:
    return FullGaussian(latent_dim) if full_covariance else DiagonalGaussian(latent_dim)
