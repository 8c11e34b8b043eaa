"""A VAE whose prior is a mixture of Gaussians; the components are clusters in latent space.

    p(c) = π_c,   p(z|c) = N(μ_c, Σ_c),   p(x|z) = likelihood(decoder(z)),   q(z|x) q(c|x)

With q(z, c | x) = q(z|x) q(c|x) and the best q(c|x) ∝ π_c exp E_q log N(z; μ_c, Σ_c), the bound is

    log p(x)  ≥  E_q log p(x|z)  +  H[q(z|x)]  +  log Σ_c π_c exp E_q log N(z; μ_c, Σ_c)

Only the first term has no closed form. The VAE and the mixture are trained alternately on this
bound. The networks train with the mixture fixed; its *message* to them is the last term. The
mixture trains by EM with the networks fixed; their message to it is q(z|x), with its means *and*
its variances:

    μ_c = Σ_n r_nc m_n / N_c,   Σ_c = Σ_n r_nc (m_n m_nᵀ + diag s_n²) / N_c − μ_c μ_cᵀ

A mixture fitted to the means alone would have clusters that are too small as a prior.
Neuro-SERKET (Taniguchi et al. 2020) passes messages between modules; VaDE (Jiang et al. 2017)
trains both at once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_core.distributions.likelihoods import BernoulliLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.mixtures import GaussianMixture, MixtureDistribution
from dgm_core.models.vae import VAE
from dgm_core.networks import linear
from dgm_core.rng import Source, draw


class Latents(NamedTuple):
    """q(z|x) of some images, diagonal."""

    mean: Tensor  # (N, L)
    variance: Tensor  # (N, L)


class BoundTerms(NamedTuple):
    """The terms of the bound on log p(x) of each image, nats."""

    reconstruction: Tensor  # (B,) log p(x|z) at one draw of z
    entropy: Tensor  # (B,) H[q(z|x)]
    message: Tensor  # (B, K) log π_c + E_q log N(z; μ_c, Σ_c), from the mixture to the networks

    @property
    def elbo(self) -> Tensor:
        """The bound, (B,), with the best q(c|x)."""
        return self.reconstruction + self.entropy + self.message.logsumexp(1)


class MixtureVAE(VAE):
    """p(c) p(z|c) p(x|z) with a diagonal q(z|x).

    It starts with the prior N(0, I): all clusters are the same. The optimiser does not change the
    mixture; `adopt` sets it.

    Args:
        encoder, decoder, likelihood, latent_dim: as in `VAE`; there are 2 L features.
        clusters: K.
    """

    weights: Tensor  # (K,)
    means: Tensor  # (K, L)
    scales: Tensor  # (K, L, L), a square root of each covariance

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        latent_dim: int,
        clusters: int,
    ) -> None:
        super().__init__(encoder, DiagonalGaussian(latent_dim), decoder, likelihood, latent_dim)
        self.register_buffer("weights", torch.full((clusters,), 1 / clusters))
        self.register_buffer("means", torch.zeros(clusters, latent_dim))
        self.register_buffer("scales", torch.eye(latent_dim).repeat(clusters, 1, 1))

    @property
    def mixture(self) -> GaussianMixture:
        """p(c) and p(z|c)."""
        return GaussianMixture(self.weights, self.means, self.scales)

    def adopt(self, mixture: GaussianMixture) -> None:
        """Use this mixture as the prior.

        Raises:
            ValueError: the number of clusters or latents differs.
        """
        if mixture.means.shape != self.means.shape:
            expected, got = tuple(self.means.shape), tuple(mixture.means.shape)
            raise ValueError(f"expected means of shape {expected}, got {got}")
        scales = torch.diag_embed(mixture.scales) if mixture.diagonal else mixture.scales
        self.weights.copy_(mixture.weights)
        self.means.copy_(mixture.means)
        self.scales.copy_(scales)

    def prior(self) -> Distribution:
        """Σ_c π_c N(μ_c, Σ_c) on (L,)."""
        return MixtureDistribution(self.mixture)

    def latents(self, x: Tensor) -> Latents:
        """Mean and variance of q(z|x) for x (N, \\*event)."""
        posterior = self.encode(x)
        return Latents(posterior.mean, posterior.variance)

    def bound_terms(self, x: Tensor, source: Source) -> BoundTerms:
        """The terms of the bound for x (B, \\*event), with one draw of z per image."""
        posterior = self.encode(x)
        reconstruction = self.decode(draw(posterior, source)).log_prob(x)
        message = self.mixture.log_joint(posterior.mean, posterior.variance)
        return BoundTerms(reconstruction, posterior.entropy(), message)

    def responsibilities(self, x: Tensor) -> Tensor:
        """The best q(c|x) for x (N, \\*event), (N, K)."""
        return self.mixture.responsibilities(*self.latents(x))


def mixture_vae(
    latent_dim: int = 12,
    hidden: int = 256,
    clusters: int = 10,
    layers: int = 1,
    side: int = 28,
    source: torch.Generator | None = None,
) -> MixtureVAE:
    """A `MixtureVAE` for binary images: side² → `layers` layers of `hidden` units → L, and back.

    Args:
        latent_dim: L.
        hidden: units per hidden layer.
        clusters: K.
        layers: hidden layers of the encoder, and of the decoder.
        side: pixels per side.
        source: source of the initial weights; None = torch's global generator.
    """
    pixels = side * side
    encoder = nn.Sequential(
        nn.Flatten(),
        *_hidden(pixels, hidden, layers, source),
        linear(hidden, 2 * latent_dim, source),
    )
    decoder = nn.Sequential(
        *_hidden(latent_dim, hidden, layers, source),
        linear(hidden, pixels, source),
        nn.Unflatten(1, (1, side, side)),
    )
    return MixtureVAE(encoder, decoder, BernoulliLikelihood(), latent_dim, clusters)


def _hidden(
    inputs: int, units: int, layers: int, source: torch.Generator | None
) -> list[nn.Module]:
    sizes = [inputs] + layers * [units]
    return [part for a, b in pairwise(sizes) for part in (linear(a, b, source), nn.ReLU())]
