"""A VAE whose prior is a mixture of Gaussians: clusters are components of its latent space.

    p(c) = π_c,   p(z|c) = N(μ_c, Σ_c),   p(x|z) = likelihood(decoder(z)),   q(z|x) q(c|x)

With q(z, c | x) = q(z|x) q(c|x) and the best q(c|x) ∝ π_c exp E_q log N(z; μ_c, Σ_c), the bound is

    log p(x)  ≥  E_q log p(x|z)  +  H[q(z|x)]  +  log Σ_c π_c exp E_q log N(z; μ_c, Σ_c)

closed but for the first term. A VAE and a mixture learn from each other by raising this one
number in turns: the networks with the mixture held fixed, whose *message* to them is the last
term; and the mixture by EM with the networks held fixed, whose message to it is all of q(z|x), the
mean *and* the spread:

    μ_c = Σ_n r_nc m_n / N_c,   Σ_c = Σ_n r_nc (m_n m_nᵀ + diag s_n²) / N_c − μ_c μ_cᵀ

Fitted to the means alone, clusters are smaller than the posteriors they are to be priors of.
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
    """The parts of the bound on log p(x) of each image, nats."""

    reconstruction: Tensor  # (B,) log p(x|z) at one draw of z
    entropy: Tensor  # (B,) H[q(z|x)]
    message: Tensor  # (B, K) log π_c + E_q log N(z; μ_c, Σ_c): what the mixture says of q

    @property
    def elbo(self) -> Tensor:
        """(B,), with the best q(c|x)."""
        return self.reconstruction + self.entropy + self.message.logsumexp(1)


class MixtureVAE(VAE):
    """p(c) p(z|c) p(x|z) with a diagonal q(z|x).

    It begins with the prior N(0, I), all clusters alike. The mixture is not a
    parameter for the optimiser: `adopt` sets it.

    Args:
        encoder, decoder, likelihood, latent_dim: as of a `VAE`; features are 2 L.
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
        """Take this mixture as the prior.

        Raises:
            ValueError: another number of clusters or latents.
        """
        if mixture.means.shape != self.means.shape:
            want, got = tuple(self.means.shape), tuple(mixture.means.shape)
            raise ValueError(f"expected means of shape {want}, got {got}")
        scales = torch.diag_embed(mixture.scales) if mixture.diagonal else mixture.scales
        self.weights.copy_(mixture.weights)
        self.means.copy_(mixture.means)
        self.scales.copy_(scales)

    def prior(self) -> Distribution:
        """Σ_c π_c N(μ_c, Σ_c) on (L,)."""
        return MixtureDistribution(self.mixture)

    def latents(self, x: Tensor) -> Latents:
        """q(z|x) for x (N, \\*event), in numbers."""
        law = self.encode(x)
        return Latents(law.mean, law.variance)

    def bound_terms(self, x: Tensor, source: Source) -> BoundTerms:
        """What the bound is the sum of, for x (B, \\*event)."""
        law = self.encode(x)
        reconstruction = self.decode(draw(law, source)).log_prob(x)
        message = self.mixture.log_joint(law.mean, law.variance)
        return BoundTerms(reconstruction, law.entropy(), message)

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
    """Of binary images: side² → hidden, `layers` times → L, and back.

    Args:
        latent_dim, hidden, clusters, layers, side: L, units, K, layers of units, pixels.
        source: of the initial weights; None = torch's global generator.
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
