"""The toy models as networks that the live engine runs, and a trained model with known weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_core import zoo
from dgm_core.distributions.likelihoods import BernoulliLikelihood, GaussianLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.live import weights
from dgm_core.models.dlvm import convolutional_dlvm
from dgm_core.models.vae import VAE
from dgm_core.networks.bodies import Centre
from tests.toys import LinearGaussian, SmallBernoulli


class Live(NamedTuple):
    """A model, and the weight file with the same weights."""

    model: VAE
    content: bytes


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """x → W x + b."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return layer


def linear_gaussian(toy: LinearGaussian) -> bytes:
    """The weight file of the toy."""
    encoder = linear(
        torch.cat([toy.gain, torch.zeros_like(toy.gain)]),
        torch.cat([toy.shift - toy.gain @ toy.offset, toy.scale.log()]),
    )
    decoder = linear(toy.weights, toy.offset)
    pixels = GaussianLikelihood(5, 1e-3, nn.Identity(), initial_scale=toy.noise)
    model = VAE(nn.Sequential(encoder), DiagonalGaussian(2), nn.Sequential(decoder), pixels, 2)
    return weights.write(model, (5,), {})


def small_bernoulli(toy: SmallBernoulli) -> bytes:
    """The weight file of the toy."""
    mean, scale = toy.guess.T, torch.full((2,), 0.9).double().log()
    encoder = linear(
        torch.cat([mean, torch.zeros_like(mean)]), torch.cat([-0.5 * mean.sum(1), scale])
    )
    decoder = nn.Sequential(
        linear(toy.first.T, torch.zeros(8)), nn.Tanh(), linear(toy.second.T, torch.zeros(6))
    )
    model = VAE(nn.Sequential(encoder), DiagonalGaussian(2), decoder, BernoulliLikelihood(), 2)
    return weights.write(model, (6,), {})


def shipped(name: str) -> Live:
    """A model of the zoo with the rounded weights of its weight file, in 64 bits."""
    content = weights.packed(name)
    model = zoo.load(name)
    model.load_state_dict(weights.tensors(content))
    return Live(model.double(), content)


def small_convolutional() -> VAE:
    """Odd sizes: 3 channels in, 12 × 8 pixels, rows that are no multiple of 4."""
    encoder = nn.Sequential(
        Centre(),
        nn.Conv2d(4, 6, 3, 1, 1),
        nn.Tanh(),
        nn.Conv2d(6, 8, 2, 2, 0),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(8 * 6 * 4, 6),
    )
    decoder = nn.Sequential(
        nn.Linear(3, 10),
        nn.SiLU(),
        nn.Linear(10, 4 * 6 * 4),
        nn.Unflatten(1, (4, 6, 4)),
        nn.Conv2d(4, 16, 3, 1, 1),
        nn.PixelShuffle(2),
    )
    return VAE(encoder, DiagonalGaussian(3), decoder, BernoulliLikelihood(), 3)


CONVOLUTIONAL = {
    "convolutional": (lambda: convolutional_dlvm(latent_dim=6, hidden=24), (1, 28, 28)),
    "small convolutional": (small_convolutional, (4, 12, 8)),
}


def convolutional(name: str) -> tuple[VAE, tuple[int, ...]]:
    """One of these models, and the shape of its images."""
    make, shape = CONVOLUTIONAL[name]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return make(), shape
