"""A Wasserstein GAN: a network that makes images from noise, and a critic that scores images.

    z ~ N(0, I),   x = g(z) ∈ [0, 1],   min over g, max over f of  E f(x_real) − E f(g(z))

where `distances.lipschitz` keeps f nearly 1-Lipschitz (Arjovsky, Chintala & Bottou 2017). Both
networks are those of DCGAN (Radford, Metz & Chintala 2016), with one more fully connected layer
for features of the whole image. The critic has no batch norm, because the penalty on the slope at
one sample must not depend on the other samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from dgm_core.networks import Centre, SubpixelConvTranspose2d, evaluate
from dgm_core.rng import Source, normal


class WGAN(nn.Module):
    """`synthesis`: latents → logits of images; `critic`: images → scores.

    Args:
        synthesis: (B, L) → (B, C, H, W), before the sigmoid.
        critic: (B, C, H, W) → (B, 1).
        latent_dim: L.
    """

    def __init__(self, synthesis: nn.Module, critic: nn.Module, latent_dim: int) -> None:
        super().__init__()
        self.synthesis, self.critic, self.latent_dim = synthesis, critic, latent_dim

    def latents(self, count: int, source: Source) -> Tensor:
        """Draws of N(0, I), (count, L)."""
        return normal((count, self.latent_dim), source)

    def generate(self, z: Tensor) -> Tensor:
        """Latents (B, L) → images (B, C, H, W) in [0, 1].

        Raises:
            ValueError: latents of another shape.
        """
        if z.dim() != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(
                f"expected latents of shape (B, {self.latent_dim}), got {tuple(z.shape)}"
            )
        return torch.sigmoid(evaluate(self.synthesis, z))

    def sample(self, count: int, source: Source) -> Tensor:
        """Images (count, C, H, W) of latents drawn with `source`."""
        return self.generate(self.latents(count, source))

    def criticise(self, x: Tensor) -> Tensor:
        """The critic's scores f(x), (B,); higher for images that look real to it."""
        return evaluate(self.critic, x).squeeze(1)


class BatchNorm(nn.Module):
    """(h − mean) / √variance of each channel, scaled and shifted (Ioffe & Szegedy 2015).

    Unlike `nn.BatchNorm2d` it does not count batches, so its whole state can be stored in half
    precision. `momentum` is the weight of the latest batch in the running statistics.
    """

    momentum = 0.1
    mean: Tensor  # (C,)
    variance: Tensor  # (C,)

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, h: Tensor) -> Tensor:
        """(B, C) or (B, C, H, W) → the same; training uses the statistics of the batch."""
        return nn.functional.batch_norm(
            h, self.mean, self.variance, self.weight, self.bias, self.training, self.momentum
        )


@torch.no_grad()
def recompute_batch_statistics(
    model: WGAN, source: Source, batches: int = 50, batch_size: int = 100
) -> None:
    """Compute the statistics of `BatchNorm` for the current weights, then set eval mode.

    Averaged weights were never trained, so they have no statistics of their own yet.
    """
    norms = [module for module in model.synthesis.modules() if isinstance(module, BatchNorm)]
    model.train()
    for done in range(batches):
        for norm in norms:
            norm.momentum = 1 / (1 + done)  # the mean over the batches
        model.sample(batch_size, source)
    for norm in norms:
        norm.momentum = BatchNorm.momentum
    model.eval()


def wgan(
    size: int,
    image_channels: int,
    latent_dim: int = 48,
    widths: Sequence[int] = (32, 64, 128),
    critic_widths: Sequence[int] | None = None,
    hidden: int = 128,
) -> WGAN:
    """A WGAN of square images.

    Args:
        size: pixels per side.
        image_channels: C.
        latent_dim: L.
        widths: channels of the synthesis at size / 2, size / 4, …; it starts with the last.
        critic_widths: channels of the critic at size / 2, size / 4, …; None = `widths`.
        hidden: units of the fully connected layers after the latents and before the score.

    Raises:
        ValueError: `size` is not a multiple of 2 ** len(widths).
    """
    if size % 2 ** len(widths):
        raise ValueError(f"{size} pixels cannot be halved {len(widths)} times")
    return WGAN(
        synthesis(size, image_channels, latent_dim, widths, hidden),
        critic(size, image_channels, critic_widths or widths, hidden),
        latent_dim,
    )


def synthesis(
    size: int, image_channels: int, latent_dim: int, widths: Sequence[int], hidden: int
) -> nn.Module:
    """Latents (B, L) → (B, C, size, size): fully connected, then doubled len(widths) times."""
    side, coarse_first = size >> len(widths), tuple(reversed(widths))
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, hidden),
        BatchNorm(hidden),
        nn.ReLU(),
        nn.Linear(hidden, coarse_first[0] * side**2),
        nn.Unflatten(1, (coarse_first[0], side, side)),
        BatchNorm(coarse_first[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in pairwise(coarse_first):
        layers += [SubpixelConvTranspose2d(inputs, outputs), BatchNorm(outputs), nn.ReLU()]
    return nn.Sequential(*layers, SubpixelConvTranspose2d(widths[0], image_channels))


def critic(size: int, image_channels: int, widths: Sequence[int], hidden: int) -> nn.Module:
    """Images (B, C, size, size) → (B, 1): halved len(widths) times, then fully connected.

    The last layer has no bias, because it would cancel in all differences of scores.
    """
    layers: list[nn.Module] = [Centre()]
    for inputs, outputs in pairwise((image_channels, *widths)):
        layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(widths[-1] * (size >> len(widths)) ** 2, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 1, bias=False),
    )
