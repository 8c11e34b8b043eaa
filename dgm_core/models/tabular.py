"""Networks for tables (B, D) standardised to mean 0 and standard deviation 1.

    NotMIWAE(**tanh_networks(10), missing_process=...)

Each function returns the arguments that all members of the MIWAE family take. The default sizes
are those of Ipsen, Mattei & Frellsen 2021: two hidden layers of 128 tanh units and D − 1 latents.
Unlike theirs, the encoder also reads the mask.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Self, TypedDict

import torch
from torch import Tensor, nn

from dgm_core.distributions.likelihoods import GaussianLikelihood, GaussianRowLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.distributions.variance_floors import TABLE_SCALE_FLOOR
from dgm_core.missing.processes import KnownSignSelfMasking, Restricted
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.networks import TanhNetwork, linear
from dgm_core.rng import generator


class Networks(TypedDict):
    """Arguments of `MIWAE` and its subclasses."""

    encoder: nn.Module
    posterior: nn.Module
    decoder: nn.Module
    likelihood: nn.Module
    latent_dim: int


def tanh_network(
    inputs: int, outputs: int, hidden: int = 128, source: torch.Generator | None = None
) -> TanhNetwork:
    """(…, inputs) → hidden → hidden → (…, outputs) with tanh between; also a predictor's body.

    `source` draws the initial weights; without it torch's global generator does.
    """
    return TanhNetwork(
        linear(inputs, hidden, source),
        linear(hidden, hidden, source),
        linear(hidden, outputs, source),
    )


def tanh_networks(
    features: int,
    latent_dim: int | None = None,
    hidden: int = 128,
    likelihood: nn.Module | None = None,
    outputs: int | None = None,
    source: torch.Generator | None = None,
) -> Networks:
    """Fully connected encoder and decoder.

    Args:
        features: D, entries of a row.
        latent_dim: L; None = D − 1, at least 1.
        hidden: units of each hidden layer.
        likelihood: None = a Gaussian whose scale depends on z, with the floor of tables.
        outputs: numbers per row that `likelihood` reads; None = D, or 2 D for the default one.
        source: draws the initial weights; None = torch's global generator.
    """
    latent_dim = latent_dim or max(1, features - 1)
    if likelihood is None:
        likelihood, outputs = GaussianRowLikelihood(), 2 * features
    encoder, posterior = _encoder(features, latent_dim, hidden, source)
    return {
        "encoder": encoder,
        "posterior": posterior,
        "decoder": tanh_network(latent_dim, outputs or features, hidden, source),
        "likelihood": likelihood,
        "latent_dim": latent_dim,
    }


class LinearPlusNetwork(nn.Module):
    """z ↦ W z + b + f(z) with f a tanh network that starts at 0.

    It starts as a linear model and stays close to one where there are few data. So it extrapolates
    beyond the observed values in a straight line, where tanh units alone would become constant.

    Args:
        inputs, outputs, hidden, source: as in `tanh_network`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: int = 128,
        source: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.straight = linear(inputs, outputs, source)
        self.bend = tanh_network(inputs, outputs, hidden, source)
        for each in self.bend[-1].parameters():
            nn.init.zeros_(each)

    @classmethod
    def around(
        cls, straight: nn.Linear, hidden: int = 128, source: torch.Generator | None = None
    ) -> Self:
        """A decoder that starts as a trained linear one and can then learn to bend."""
        bent = cls(straight.in_features, straight.out_features, hidden, source)
        bent.straight = copy.deepcopy(straight)
        return bent

    def forward(self, z: Tensor) -> Tensor:
        """(…, inputs) → (…, outputs)."""
        return self.straight(z) + self.bend(z)


def residual_networks(
    features: int,
    latent_dim: int | None = None,
    hidden: int = 128,
    likelihood: nn.Module | None = None,
    outputs: int | None = None,
    source: torch.Generator | None = None,
) -> Networks:
    """A linear decoder plus a tanh network: probabilistic PCA with a learned nonlinear part.

    This decoder is not from a published model. If hidden values lie beyond all observed ones, as
    with self-masking, the result depends on how the decoder extrapolates.

    Args:
        features: D, entries of a row.
        latent_dim: L; None = D − 1, at least 1.
        hidden: units of each hidden layer.
        likelihood: None = a Gaussian with one scale s for all entries.
        outputs: numbers per row that `likelihood` reads; None = D.
        source: draws the initial weights; None = torch's global generator.
    """
    latent_dim = latent_dim or max(1, features - 1)
    encoder, posterior = _encoder(features, latent_dim, hidden, source)
    return {
        "encoder": encoder,
        "posterior": posterior,
        "decoder": LinearPlusNetwork(latent_dim, outputs or features, hidden, source),
        "likelihood": likelihood or _one_scale(TABLE_SCALE_FLOOR),
        "latent_dim": latent_dim,
    }


def linear_networks(
    features: int,
    latent_dim: int | None = None,
    hidden: int = 128,
    scale_floor: float = TABLE_SCALE_FLOOR,
    source: torch.Generator | None = None,
) -> Networks:
    """Probabilistic PCA as a decoder: x | z ~ N(W z + b, s² I), with a nonlinear encoder.

    The encoder is nonlinear because the exact posterior depends on the mask.
    """
    latent_dim = latent_dim or max(1, features - 1)
    encoder, posterior = _encoder(features, latent_dim, hidden, source)
    return {
        "encoder": encoder,
        "posterior": posterior,
        "decoder": linear(latent_dim, features, source),
        "likelihood": _one_scale(scale_floor),
        "latent_dim": latent_dim,
    }


DECODERS: dict[str, Callable[..., Networks]] = {
    "linear and bent": residual_networks,
    "tanh": tanh_networks,
}
"""Name → function that makes the networks; all take the same arguments."""


def _one_scale(floor: float) -> GaussianLikelihood:
    return GaussianLikelihood(1, floor, link=nn.Identity())


def _encoder(
    features: int, latent_dim: int, hidden: int, source: torch.Generator | None
) -> tuple[TanhNetwork, DiagonalGaussian]:
    """The encoder, which reads values and mask, and the head of q(z | x_obs)."""
    posterior = DiagonalGaussian(latent_dim)
    return tanh_network(2 * features, posterior.features, hidden, source), posterior


def table_miwae(features: int, latent_dim: int, hidden: int, seed: int = 0) -> MIWAE:
    """A MIWAE for numeric columns with `residual_networks`."""
    return MIWAE(**residual_networks(features, latent_dim, hidden, source=generator(seed)))


def table_notmiwae(
    features: int,
    latent_dim: int,
    hidden: int,
    losing: Sequence[int],
    strength: float,
    seed: int = 0,
) -> NotMIWAE:
    """A not-MIWAE that assumes high values go missing in the columns `losing`.

    `strength` is the initial slope of the missing process.
    """
    affected = torch.zeros(features, dtype=torch.bool)
    affected[list(losing)] = True
    process = Restricted(KnownSignSelfMasking([1.0] * features, strength), affected)
    networks = residual_networks(features, latent_dim, hidden, source=generator(seed))
    return NotMIWAE(**networks, missing_process=process)
