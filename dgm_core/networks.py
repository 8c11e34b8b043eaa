"""Network bodies, free of any law: an encoder gives features, a decoder gives parameters."""

from __future__ import annotations

import math

from torch import Tensor, nn


class Centre(nn.Module):
    """[0, 1] → [−1, 1], so that the first layer sees centred inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x - 1


class Residual(nn.Module):
    """h + f(h)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.layers(h)


def fully_connected_encoder(
    event_shape: tuple[int, ...], features: int, hidden: int = 512, dropout: float = 0.0
) -> nn.Module:
    """Images or tables (B, \\*event) → (B, features) through two hidden layers, one residual."""
    return nn.Sequential(
        Centre(),
        nn.Flatten(),
        nn.Linear(math.prod(event_shape), hidden),
        nn.SiLU(),
        nn.Dropout(dropout),
        Residual(nn.Linear(hidden, hidden), nn.SiLU()),
        nn.Linear(hidden, features),
    )


def fully_connected_decoder(
    latent_dim: int, event_shape: tuple[int, ...], hidden: int = 512, dropout: float = 0.0
) -> nn.Module:
    """Latents (B, L) → (B, \\*event) through two hidden layers, one residual."""
    return nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.SiLU(),
        Residual(nn.Linear(hidden, hidden), nn.SiLU()),
        nn.Dropout(dropout),
        nn.Linear(hidden, math.prod(event_shape)),
        nn.Unflatten(1, event_shape),
    )


def convolutional_encoder(
    features: int, channels: int = 32, hidden: int = 256, image_channels: int = 1
) -> nn.Module:
    """28×28 images (B, C, 28, 28) → (B, features): 28 → 14 → 7 pixels, then fully connected."""
    return nn.Sequential(
        Centre(),
        nn.Conv2d(image_channels, channels, 4, 2, 1),
        nn.SiLU(),
        nn.Conv2d(channels, 2 * channels, 4, 2, 1),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * 7 * 7, hidden),
        nn.SiLU(),
        nn.Linear(hidden, features),
    )


def convolutional_decoder(
    latent_dim: int, channels: int = 32, hidden: int = 256, image_channels: int = 1
) -> nn.Module:
    """Latents (B, L) → (B, C, 28, 28): fully connected, then 7 → 14 → 28 pixels.

    Enlarges by sub-pixel convolution (Shi et al. 2016): on a CPU about twice as fast as the
    transposed convolution of the same size.
    """
    return nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.SiLU(),
        nn.Linear(hidden, 2 * channels * 7 * 7),
        nn.Unflatten(1, (2 * channels, 7, 7)),
        nn.SiLU(),
        nn.Conv2d(2 * channels, 4 * channels, 3, 1, 1),
        nn.PixelShuffle(2),
        nn.SiLU(),
        nn.Conv2d(channels, channels, 3, 1, 1),
        nn.SiLU(),
        nn.Conv2d(channels, 4 * image_channels, 3, 1, 1),
        nn.PixelShuffle(2),
    )
