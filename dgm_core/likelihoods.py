"""Heads that turn a decoder's numbers into the law p(x|z); chosen once, at construction."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from dgm_core.distributions import BernoulliPixels, DiscretisedLogistic


class BernoulliLikelihood(nn.Module):
    """p(x|z) = Π_i Bernoulli(x_i; σ(logit_i)): summed, never averaged, over all pixels.

    Made for pixels that are 0 or 1. Grey pixels belong binarised before they come here.
    """

    def forward(self, logits: Tensor) -> BernoulliPixels:
        """Logits (B, \\*event) → a law with batch (B,) and that event."""
        return BernoulliPixels(logits)


class ChannelScale(nn.Module):
    """One learned scale a channel: s = floor + softplus(raw).

    Args:
        channels: size of the event's first dimension, C of an image or D of a table.
        floor: the least scale, in the units of x.
        initial: the scale training begins at.
    """

    def __init__(self, channels: int, floor: float, initial: float) -> None:
        super().__init__()
        if not 0 < floor < initial:
            raise ValueError(f"expected 0 < floor < {initial}, got {floor}")
        self.floor = floor
        self.raw = nn.Parameter(torch.full((channels,), math.log(math.expm1(initial - floor))))

    def forward(self, like: Tensor) -> Tensor:
        """Scales (C, 1, …) that broadcast to `like` (B, C, …)."""
        scale = self.floor + nn.functional.softplus(self.raw)
        return scale.reshape((-1,) + (1,) * (like.dim() - 2))


class GaussianLikelihood(nn.Module):
    """p(x|z) = Π_i N(x_i; m_i, s²), one learned scale s a channel.

    The scale has a floor because without one the likelihood is unbounded: a decoder that meets
    one value exactly may let s → 0 there, and the density grows without end. Densities of models
    are comparable only at the same floor.

    Args:
        channels: size of the event's first dimension, C of an image or D of a table.
        scale_floor: the least s, in the units of x; .02 is 5 grey levels of 256.
        link: decoder output → m; the sigmoid for pixels in [0, 1], `nn.Identity()` for tables.
    """

    def __init__(
        self,
        channels: int,
        scale_floor: float = 0.02,
        link: Callable[[Tensor], Tensor] = torch.sigmoid,
    ) -> None:
        super().__init__()
        self.scale = ChannelScale(channels, scale_floor, initial=0.3)
        self.link = link

    def forward(self, outputs: Tensor) -> Independent:
        """Outputs (B, C, …) → a law with batch (B,) and that event."""
        mean = self.link(outputs)
        law = Normal(mean, self.scale(mean).expand_as(mean), validate_args=False)
        return Independent(law, outputs.dim() - 1, validate_args=False)


class DiscretisedLogisticLikelihood(nn.Module):
    """p(x|z) over the 256 grey levels of each entry: rounded logistics, one scale s a channel.

    The decoder gives μ with pixels in [−1, 1], unbounded: an ever black pixel has μ below 0. A
    probability is at most 1, so nothing is unbounded here; the floor keeps gradients finite.

    Args:
        channels: C of an image.
        scale_floor: the least s, in [0, 1] units; .002 is half a grey level.
    """

    def __init__(self, channels: int, scale_floor: float = 0.002) -> None:
        super().__init__()
        self.scale = ChannelScale(channels, scale_floor, initial=0.2)

    def forward(self, outputs: Tensor) -> DiscretisedLogistic:
        """Outputs (B, C, …) → a law with batch (B,) and that event."""
        loc = 0.5 * (outputs + 1)
        return DiscretisedLogistic(loc, self.scale(loc))
