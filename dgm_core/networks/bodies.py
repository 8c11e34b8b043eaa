"""Network bodies without distributions: an encoder gives features, a decoder gives parameters.

>>> encoder = fully_connected_encoder((1, 28, 28), features=6, hidden=8)
>>> encoder(torch.zeros(5, 1, 28, 28)).shape
torch.Size([5, 6])
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
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


class SubpixelConvTranspose2d(nn.ConvTranspose2d):
    """`ConvTranspose2d` with kernel 4, stride 2, padding 1, computed as a sub-pixel convolution.

    Each of the four output phases depends on a 2×2 neighbourhood of the input. So one 2×2
    convolution with four times the channels gives all phases, which are then interleaved (Shi et
    al. 2016). Weights and results are the same; on a CPU it takes a fraction of the time.

    The kernel of that convolution is gathered from the weights, which for one image takes longer
    than the convolution. The kernel of frozen weights (`requires_grad_(False)`) is kept until they
    change.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, 2, 1)
        self._kept: _Kept | None = None

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(B, in, H, W) → (B, out, 2 H, 2 W), channels last in memory."""
        batch, _, height, width = x.shape
        phases = nn.functional.conv2d(
            x.contiguous(memory_format=torch.channels_last), *self._kernel_and_bias(), padding=1
        )
        phases = phases.permute(0, 2, 3, 1).unflatten(3, (2, 2, -1))
        out = x.new_empty(batch, 2 * height, 2 * width, self.out_channels)
        for a in (0, 1):
            for b in (0, 1):
                out[:, a::2, b::2] = phases[:, a : a + height, b : b + width, a, b]
        return out.permute(0, 3, 1, 2)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_kept": None}

    def _kernel_and_bias(self) -> tuple[Tensor, Tensor]:
        """(4 out, in, 2, 2) and (4 out,), kept while the weights are frozen."""
        weight, bias = self.weight, self.bias
        assert bias is not None  # the constructor requests one
        # A fused optimizer changes weights without a new version, so weights in training are out.
        in_training = weight.requires_grad or bias.requires_grad
        known = type(weight) is nn.Parameter and not weight.is_inference()
        if in_training or not known:
            return _gathered(weight, bias)
        state = tuple((each.data_ptr(), each._version) for each in (weight, bias))
        kept = self._kept
        if kept is None or kept.weight is not weight or kept.state != state:
            # A tensor of inference mode could not be used later, where inputs need gradients.
            with torch.inference_mode(False), torch.no_grad():
                kept = _Kept(weight, state, *_gathered(weight, bias))
            self._kept = kept
        return kept.kernel, kept.bias


class _Kept(NamedTuple):
    """A gathered kernel, and the weights that it was gathered from."""

    weight: Tensor
    state: tuple[tuple[int, int], ...]  # address and version of weight and bias
    kernel: Tensor
    bias: Tensor


def _gathered(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """(in, out, 4, 4) and (out,) → the kernel (4 out, in, 2, 2) of all phases, and its bias."""
    # Output row 2 m + a reads input rows m − 1 + a + t through kernel row 3 − a − 2 t for
    # t = 0, 1; columns work in the same way.
    rows = torch.tensor([[3, 1], [2, 0]])  # (phase, tap)
    taps = weight[:, :, rows][:, :, :, :, rows]  # (in, out, phase, tap, phase, tap)
    kernel = taps.permute(2, 4, 1, 0, 3, 5).flatten(0, 2)
    return kernel.contiguous(memory_format=torch.channels_last), bias.repeat(4)


def linear(inputs: int, outputs: int, source: torch.Generator | None = None) -> nn.Linear:
    """`nn.Linear` with initial weights drawn from U(±1/√inputs) with `source`.

    Without a source the weights come from torch's global generator, as in `nn.Linear`.
    """
    if source is None:
        return nn.Linear(inputs, outputs)
    layer = _UninitialisedLinear(inputs, outputs)
    for each in (layer.weight, layer.bias):
        nn.init.uniform_(each, -(inputs**-0.5), inputs**-0.5, generator=source)
    return layer


class _UninitialisedLinear(nn.Linear):
    """A linear layer without initial weights; `skip_init` would import SymPy, for a second."""

    def reset_parameters(self) -> None:
        """Do nothing."""


ROWS_IN_CACHE = 2048
"""Rows of a `TanhNetwork` at once, without gradients: their activations fit into a CPU's cache."""


class TanhNetwork(nn.Sequential):
    """Affine layers with tanh between them, computed as an equivalent sigmoid network.

        tanh a = 2 σ(2a) − 1

    On a CPU torch's tanh takes several times as long as its sigmoid, and as long as a layer. The
    factors and the shift apply to the weights, which are fewer than the activations.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(…, inputs of the first layer) → (…, outputs of the last)."""
        layers = self._layers()
        if torch.is_grad_enabled() or input.device.type != "cpu":
            return self._through(layers, input)
        rows = input.reshape(-1, input.shape[-1]).split(ROWS_IN_CACHE)
        out = torch.cat([self._through(layers, each) for each in rows])
        return out.view(*input.shape[:-1], -1)

    def _layers(self) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of the sigmoid network."""
        found = []
        layers = [layer for layer in self if isinstance(layer, nn.Linear)]
        last = len(layers) - 1
        for depth, layer in enumerate(layers):
            weight, bias = layer.weight, layer.bias
            if depth > 0:  # x is σ(2a), and the layer's input is 2x − 1
                weight, bias = 2 * weight, bias - weight.sum(1)
            if depth < last:
                weight, bias = 2 * weight, 2 * bias
            if layer.in_features < layer.out_features:
                # In this memory layout the gradient takes a third of the time.
                weight = weight.T.contiguous().T
            found.append((weight, bias))
        return found

    @staticmethod
    def _through(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
        *hidden, last = layers
        for weight, bias in hidden:
            x = torch.sigmoid(nn.functional.linear(x, weight, bias))
        return nn.functional.linear(x, *last)


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
    features: int, channels: int = 32, hidden: int = 256, image_channels: int = 1, size: int = 28
) -> nn.Module:
    """Images (B, C, size, size) → (B, features): size / 4 pixels a side, then fully connected."""
    return nn.Sequential(
        Centre(),
        nn.Conv2d(image_channels, channels, 4, 2, 1),
        nn.SiLU(),
        nn.Conv2d(channels, 2 * channels, 4, 2, 1),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * (size // 4) ** 2, hidden),
        nn.SiLU(),
        nn.Linear(hidden, features),
    )


def convolutional_decoder(
    latent_dim: int,
    channels: int = 32,
    hidden: int = 256,
    image_channels: int = 1,
    size: int = 28,
) -> nn.Module:
    """Latents (B, L) → (B, C, size, size): fully connected, then size / 4, size / 2, size pixels.

    Sub-pixel convolutions enlarge the maps (Shi et al. 2016); on a CPU they are about twice as
    fast as transposed convolutions of the same size.
    """
    return nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.SiLU(),
        nn.Linear(hidden, 2 * channels * (size // 4) ** 2),
        nn.Unflatten(1, (2 * channels, size // 4, size // 4)),
        nn.SiLU(),
        nn.Conv2d(2 * channels, 4 * channels, 3, 1, 1),
        nn.PixelShuffle(2),
        nn.SiLU(),
        nn.Conv2d(channels, channels, 3, 1, 1),
        nn.SiLU(),
        nn.Conv2d(channels, 4 * image_channels, 3, 1, 1),
        nn.PixelShuffle(2),
    )


def face_encoder(
    features: int, channels: int = 32, hidden: int = 384, image_channels: int = 3
) -> nn.Module:
    """64×64 images (B, C, 64, 64) → (B, features): 32 → 16 → 8 pixels, then fully connected."""
    return nn.Sequential(
        Centre(),
        nn.PixelUnshuffle(2),
        nn.Conv2d(4 * image_channels, channels, 3, 1, 1),
        nn.SiLU(),
        nn.Conv2d(channels, 2 * channels, 4, 2, 1),
        ResidualBlock(2 * channels),
        nn.SiLU(),
        nn.Conv2d(2 * channels, 2 * channels, 4, 2, 1),
        ResidualBlock(2 * channels),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * 8 * 8, hidden),
        nn.SiLU(),
        nn.Linear(hidden, features),
    )


def face_decoder(
    latent_dim: int, channels: int = 32, hidden: int = 256, image_channels: int = 3
) -> nn.Module:
    """Latents (B, L) → (B, C, 64, 64): fully connected, then 8 → 16 → 32 → 64 pixels."""
    return nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.SiLU(),
        nn.Linear(hidden, 3 * channels * 8 * 8),
        nn.Unflatten(1, (3 * channels, 8, 8)),
        ResidualBlock(3 * channels),
        nn.SiLU(),
        nn.Conv2d(3 * channels, 8 * channels, 3, 1, 1),
        nn.PixelShuffle(2),
        ResidualBlock(2 * channels),
        nn.SiLU(),
        nn.Conv2d(2 * channels, 4 * channels, 3, 1, 1),
        nn.PixelShuffle(2),
        nn.SiLU(),
        nn.Conv2d(channels, channels, 3, 1, 1),
        nn.SiLU(),
        nn.Conv2d(channels, 4 * image_channels, 3, 1, 1),
        nn.PixelShuffle(2),
    )


class ResidualBlock(nn.Module):
    """h + conv(silu(conv(silu(h)))) with 3×3 kernels; at the start it is the identity.

    The second convolution starts at 0, so a deep stack of blocks also starts as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        for each in self.second.parameters():
            nn.init.zeros_(each)

    def forward(self, h: Tensor) -> Tensor:
        inner = self.first(nn.functional.silu(h))
        return h + self.second(nn.functional.silu(inner))


class PixelAttention(nn.Module):
    """h + attention over all pixels (Vaswani et al. 2017), with LayerNorm before it."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.queries_keys_values = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, h: Tensor) -> Tensor:
        """(B, C, H, W) → the same."""
        pixels = h.flatten(2).mT  # (B, H W, C)
        parts = self.queries_keys_values(self.norm(pixels)).unflatten(2, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        # On a CPU and for so few pixels this is three times as fast as the fused kernel.
        scores = (query * query.shape[-1] ** -0.5) @ key.mT
        mixed = scores.softmax(-1) @ value
        out = self.out(mixed.transpose(1, 2).flatten(2))
        return h + out.mT.unflatten(2, h.shape[2:])


class UNet(nn.Module):
    """Images → maps of the same size, through coarser levels and back (Ronneberger 2015).

    The first level works at half the size (2×2 pixels become channels), where convolutions on a
    CPU are most efficient. The coarsest level ends with attention, so each output depends on all
    pixels. The height and width may be any multiples of 2 ** len(widths). Two channels of
    coordinates in [−1, 1] give the network the position in the image.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the maps.
        widths: channels of each level, the finest first.
        blocks: residual blocks per level, both downwards and upwards.
    """

    def __init__(
        self, in_channels: int, out_channels: int, widths: tuple[int, ...], blocks: int = 2
    ) -> None:
        super().__init__()
        self.stride = 2 ** len(widths)

        def level(width: int) -> nn.Sequential:
            return nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))

        finer = list(itertools.pairwise(widths))
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4 * (in_channels + 2), widths[0], 3, 1, 1)
        )
        self.down = nn.ModuleList(level(width) for width in widths)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in finer)
        self.attention = PixelAttention(widths[-1])
        self.grow = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2)) for a, b in finer
        )
        self.up = nn.ModuleList(level(width) for width in widths)
        self.head = nn.Sequential(
            nn.SiLU(), nn.Conv2d(widths[0], 4 * out_channels, 3, 1, 1), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) → (B, out, H, W).

        Raises:
            ValueError: H or W is not a multiple of 2 ** len(widths).
        """
        height, width = x.shape[2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f"expected a height and width divisible by {self.stride}, got {height} × {width}"
            )
        h = self.stem(
            torch.cat([x, _coordinates(x)], 1).contiguous(memory_format=torch.channels_last)
        )
        kept = []
        for level, shrink in zip(self.down, self.shrink, strict=False):
            h = level(h)
            kept.append(h)
            h = shrink(h)
        h = self.up[-1](self.attention(self.down[-1](h)))
        for level, grow in reversed(list(zip(self.up, self.grow, strict=False))):
            h = level(grow(h) + kept.pop())
        return self.head(h)


def _coordinates(x: Tensor) -> Tensor:
    """The row and column of each pixel, scaled to [−1, 1], (B, 2, H, W)."""
    rows = torch.linspace(-1, 1, x.shape[2], dtype=x.dtype, device=x.device)
    columns = torch.linspace(-1, 1, x.shape[3], dtype=x.dtype, device=x.device)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return grid.expand(len(x), -1, -1, -1)


# --- precision --------------------------------------------------------------------------------

_in_bfloat16: ContextVar[bool] = ContextVar("in_bfloat16", default=False)


@contextmanager
def bfloat16_networks(*, enabled: bool = True) -> Iterator[None]:
    """Let `evaluate` run networks in bfloat16, which is twice as fast on some processors."""
    token = _in_bfloat16.set(enabled)
    try:
        yield
    finally:
        _in_bfloat16.reset(token)


def evaluate(network: nn.Module, x: Tensor) -> Tensor:
    """network(x), in bfloat16 inside `bfloat16_networks`; densities always use full precision."""
    if not _in_bfloat16.get():
        return network(x)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        return network(x).float()
