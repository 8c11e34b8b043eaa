"""MIWAE and not-MIWAE for grey or colour images whose bright entries went missing.

Both have the same networks and a Gaussian likelihood with a floor, as in §5.2 of Ipsen, Mattei &
Frellsen 2021. not-MIWAE knows that high values go missing. It also learns one threshold and one
strength of the clipping, or they are given, as in that paper.
"""

from __future__ import annotations

from typing import TypedDict, Unpack

from dgm_core.distributions.likelihoods import GaussianLikelihood, GaussianPixelLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.distributions.variance_floors import IMAGE_SCALE_FLOOR
from dgm_core.missing.processes import Clipping
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import Networks
from dgm_core.networks import bodies


def clipping_networks(
    size: int,
    image_channels: int,
    latent_dim: int = 64,
    channels: int = 32,
    hidden: int = 256,
    scale_floor: float = IMAGE_SCALE_FLOOR,
    *,
    scale_of_each: bool = False,
) -> Networks:
    """Convolutional encoder and decoder: those for faces at 64 pixels per side, else smaller ones.

    Args:
        size: pixels per side, 64 or another multiple of 4.
        image_channels: C.
        latent_dim: L.
        channels, hidden: widths of the bodies.
        scale_floor: the least standard deviation of an entry, in [0, 1] units.
        scale_of_each: True = one standard deviation per entry, from z; False = one per channel.
    """
    posterior = DiagonalGaussian(latent_dim)
    inputs = 2 * image_channels  # values and mask
    outputs = 2 * image_channels if scale_of_each else image_channels
    likelihood = (
        GaussianPixelLikelihood(scale_floor, initial_scale=0.1)
        if scale_of_each
        else GaussianLikelihood(image_channels, scale_floor, initial_scale=0.1)
    )
    if size == 64:
        encoder = bodies.face_encoder(posterior.features, channels, hidden, inputs)
        decoder = bodies.face_decoder(latent_dim, channels, hidden, outputs)
    else:
        encoder = bodies.convolutional_encoder(posterior.features, channels, hidden, inputs, size)
        decoder = bodies.convolutional_decoder(latent_dim, channels, hidden, outputs, size)
    return {
        "encoder": encoder,
        "posterior": posterior,
        "decoder": decoder,
        "likelihood": likelihood,
        "latent_dim": latent_dim,
    }


class Widths(TypedDict, total=False):
    """The further arguments of `clipping_networks`."""

    latent_dim: int
    channels: int
    hidden: int
    scale_floor: float
    scale_of_each: bool


def clipping_miwae(size: int, image_channels: int, **widths: Unpack[Widths]) -> MIWAE:
    """A MIWAE, which assumes that values are missing at random; see `clipping_networks`."""
    return MIWAE(**clipping_networks(size, image_channels, **widths))


def clipping_notmiwae(
    size: int,
    image_channels: int,
    *,
    threshold: float = 0.5,
    strength: float = 20.0,
    given: bool = False,
    **widths: Unpack[Widths],
) -> NotMIWAE:
    """A not-MIWAE with a `Clipping` of this threshold and strength.

    Args:
        size, image_channels, widths: as in `clipping_networks`.
        threshold, strength: of the process.
        given: True = they stay as they are; False = they are learned, starting here.
    """
    process = Clipping(threshold, strength, given=given)
    return NotMIWAE(**clipping_networks(size, image_channels, **widths), missing_process=process)
