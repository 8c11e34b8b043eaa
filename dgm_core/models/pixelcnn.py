"""An autoregressive model of binary images, with convolutions that read earlier pixels only.

    log p(x) = Σ_i log Bernoulli(x_i; σ(f_i(x_1, …, x_{i−1}))),   pixels row by row

One pass of the network gives all f_i at once, for training and for an exact log p(x). Masks on the
kernels ensure that an output reads neither its own pixel (first layer, type A) nor a later one
(all layers). Type B also reads its own position, which depends only on earlier pixels. The network
also gets the position in the image, because pixels near the last row rarely have ink. Sampling
takes one step per pixel. The residual blocks are those of van den Oord, Kalchbrenner & Kavukcuoglu
2016, without their second stack; dilations (Yu & Koltun 2016) widen the field of view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.networks import evaluate
from dgm_core.rng import Source, uniform
from dgm_core.types import Masked


class MaskedConv2d(nn.Conv2d):
    """A convolution whose output at a position depends only on earlier positions.

    Args:
        inputs, outputs: channels.
        size: k of a k × k kernel, odd.
        own: whether it also reads the position itself (type B) or not (type A).
        dilation: distance between the taps of the kernel.
    """

    read: Tensor  # (size, size) bool, the taps at earlier positions
    bias: Tensor

    def __init__(
        self, inputs: int, outputs: int, size: int, *, own: bool, dilation: int = 1
    ) -> None:
        margin = size // 2 * dilation
        super().__init__(inputs, outputs, size, padding=margin, dilation=dilation)
        self.margin = margin
        earlier = torch.arange(size**2) < size**2 // 2 + own
        self.register_buffer("read", earlier.reshape(size, size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(B, inputs, H, W) → (B, outputs, H, W)."""
        weight = self.weight * self.read
        return nn.functional.conv2d(
            x, weight, self.bias, padding=self.padding, dilation=self.dilation
        )

    def taps(self) -> tuple[list[tuple[int, int]], Tensor]:
        """Offsets (rows, columns) of the n positions it reads, and weights (n · in, out)."""
        at = self.read.nonzero()
        away = (at - self.kernel_size[0] // 2) * self.dilation[0]
        weight = self.weight[:, :, at[:, 0], at[:, 1]]  # (out, in, n)
        return [tuple(each) for each in away.tolist()], weight.permute(2, 1, 0).flatten(0, 1)


class Block(nn.Module):
    """h + wide(masked(narrow(h))), with SiLUs between.

    Args:
        channels: channels of h; the inner layers have half as many.
        dilation: dilation of the masked 3 × 3 convolution.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, channels // 2, 1)
        self.masked = MaskedConv2d(channels // 2, channels // 2, 3, own=True, dilation=dilation)
        self.wide = nn.Conv2d(channels // 2, channels, 1)

    def forward(self, h: Tensor) -> Tensor:
        """(B, C, H, W) → the same."""
        silu = nn.functional.silu
        return h + self.wide(silu(self.masked(silu(self.narrow(silu(h))))))


class Filled(NamedTuple):
    """Images completed pixel by pixel."""

    x: Tensor  # (B, 1, H, W), 0 or 1
    probability: Tensor  # (B, 1, H, W) p(x_i = 1 | pixels before i)

    def log_prob_each(self) -> Tensor:
        """log p(x_i | pixels before i), (B, 1, H, W) nats; their sum is log p(x)."""
        return torch.where(self.x > 0.5, self.probability, 1 - self.probability).log()


class PixelCNN(nn.Module):
    """p(x) = Π_i p(x_i | x_<i) of binary images (B, 1, H, W).

    Args:
        channels: channels of the hidden layers.
        dilations: one per block.
        first_own: a deliberate mistake: the first layer reads the pixel that it should predict.
    """

    def __init__(
        self, channels: int = 64, dilations: Sequence[int] = (1, 2, 4), *, first_own: bool = False
    ) -> None:
        super().__init__()
        self.first = MaskedConv2d(1, channels, 7, own=first_own)
        self.place = nn.Sequential(
            nn.Conv2d(2, channels, 1), nn.SiLU(), nn.Conv2d(channels, channels, 1)
        )
        self.blocks = nn.Sequential(*(Block(channels, each) for each in dilations))
        between, last = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, 1, 1)
        self.head = nn.Sequential(nn.SiLU(), between, nn.SiLU(), last)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of p(x_i = 1 | x_<i) for all i at once, in the shape of x."""
        return self.head(self.blocks(self.first(2 * x - 1) + self.place(_coordinates(x))))

    def log_prob_each(self, x: Tensor) -> Tensor:
        """log p(x_i | x_<i) of all pixels, in the shape of x, nats."""
        sign = 2 * x - 1
        return nn.functional.logsigmoid(sign * evaluate(self, x))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of images (B, 1, H, W) of 0 and 1, exactly: (B,) nats."""
        return self.log_prob_each(x).flatten(1).sum(1)

    @torch.no_grad()
    def fill(self, masked: Masked, source: Source) -> Filled:
        """Draw the hidden pixels one by one; observed pixels keep their values.

            x_i ~ p(x_i | x_<i)   for hidden i, in their order

        These are draws from p(x_mis | x_obs) if all observed pixels come before all hidden ones.
        Otherwise a draw ignores pixels observed later. The draws are then a proposal, whose
        importance weight is Π p(x_i | x_<i) over the observed i.

        No layer is computed twice at a position (Ramachandran et al. 2017), so an image takes
        about the time of one pass through the network.
        """
        x = masked.x.clone()  # 0 where hidden
        noise = uniform(tuple(x.shape), source)
        probability = torch.empty_like(x)
        steps = _Steps(self, x.shape)
        for row in range(x.shape[2]):
            for column in range(x.shape[3]):
                at = (..., row, column)
                probability[at] = p = steps.logit(row, column).sigmoid()
                drawn = (noise[at] < p).to(x.dtype)
                x[at] = torch.where(masked.observed[at], x[at], drawn)
                steps.put(row, column, x[at])
        return Filled(x, probability)


class _Steps:
    """The network at one position at a time, with stored results for earlier positions."""

    def __init__(self, model: PixelCNN, shape: torch.Size) -> None:
        self.model = model
        batch, _, height, width = shape
        self.blocks = [block for block in model.blocks if isinstance(block, Block)]
        self.head = [layer for layer in model.head if isinstance(layer, nn.Conv2d)]
        masked = [model.first, *(block.masked for block in self.blocks)]
        self.place = model.place(_coordinates(model.first.weight.new_zeros(1, *shape[1:])))[0]
        self.taps = [layer.taps() for layer in masked]
        self.room = [layer.margin for layer in masked]
        # The inputs of each layer with zeros around them, as in convolutions; (H, W, B, in).
        self.inputs = [
            layer.weight.new_zeros(height + 2 * room, width + 2 * room, batch, layer.in_channels)
            for layer, room in zip(masked, self.room, strict=True)
        ]

    def put(self, row: int, column: int, x: Tensor) -> None:
        """Store the pixels (B, 1) of a position."""
        self.inputs[0][row + self.room[0], column + self.room[0]] = 2 * x - 1

    def logit(self, row: int, column: int) -> Tensor:
        """The logits (B, 1) of a position, once all earlier pixels are stored."""
        silu, linear = nn.functional.silu, _at_one
        h = self._masked(0, self.model.first, row, column) + self.place[:, row, column]
        for depth, block in enumerate(self.blocks, 1):
            room = self.room[depth]
            self.inputs[depth][row + room, column + room] = silu(linear(block.narrow, silu(h)))
            h = h + linear(block.wide, silu(self._masked(depth, block.masked, row, column)))
        between, last = self.head
        return linear(last, silu(linear(between, silu(h))))

    def _masked(self, depth: int, layer: MaskedConv2d, row: int, column: int) -> Tensor:
        """A masked layer at a position, (B, out)."""
        (away, weight), room = self.taps[depth], self.room[depth]
        earlier = [self.inputs[depth][row + room + r, column + room + c] for r, c in away]
        return torch.addmm(layer.bias, torch.cat(earlier, 1), weight)


def _coordinates(x: Tensor) -> Tensor:
    """The row and column of each pixel of x (B, 1, H, W), scaled to [−1, 1]: (1, 2, H, W)."""
    rows, columns = (torch.linspace(-1, 1, side).to(x) for side in x.shape[2:])
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]


def _at_one(layer: nn.Conv2d, h: Tensor) -> Tensor:
    """A 1 × 1 convolution at one position, (B, in) → (B, out)."""
    return nn.functional.linear(h, layer.weight[:, :, 0, 0], layer.bias)
