"""Heads that turn a decoder's outputs into p(x|z); a model gets its head at construction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Independent, StudentT

from dgm_core.distributions.basic import BernoulliPixels, DiscretisedLogistic, Gaussian
from dgm_core.distributions.columns import Column, Layout, MixedRow
from dgm_core.distributions.variance_floors import IMAGE_SCALE_FLOOR, TABLE_SCALE_FLOOR


class BernoulliLikelihood(nn.Module):
    """p(x|z) = Π_i Bernoulli(x_i; σ(logit_i)); its logarithm is a sum over all pixels, not a mean.

    The pixels must be 0 or 1. Binarise grey pixels first.
    """

    def forward(self, logits: Tensor) -> BernoulliPixels:
        """Logits (B, \\*event) → a distribution with batch (B,) and that event."""
        return BernoulliPixels(logits)


class ChannelScale(nn.Module):
    """One learned scale per channel: s = floor + softplus(raw).

    Args:
        channels: size of the event's first dimension, C of an image or D of a table.
        floor: the least scale, in the units of x.
        initial: the scale at the start of training.
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
    """p(x|z) = Π_i N(x_i; m_i, s²), one learned scale s per channel.

    `variance_floors` explains why the scale has a floor.

    Args:
        channels: size of the event's first dimension, C of an image or D of a table.
        scale_floor: the least s, in the units of x.
        link: decoder output → m; the sigmoid for pixels in [0, 1], `nn.Identity()` for tables.
        initial_scale: s at the start of training.
    """

    def __init__(
        self,
        channels: int,
        scale_floor: float = IMAGE_SCALE_FLOOR,
        link: Callable[[Tensor], Tensor] = torch.sigmoid,
        initial_scale: float = 0.3,
    ) -> None:
        super().__init__()
        self.scale = ChannelScale(channels, scale_floor, initial_scale)
        self.link = link

    def forward(self, outputs: Tensor) -> Independent:
        """Outputs (B, C, …) → a distribution with batch (B,) and that event."""
        mean = self.link(outputs)
        pixels = Gaussian(mean, self.scale(mean).expand_as(mean), validate_args=False)
        return Independent(pixels, outputs.dim() - 1, validate_args=False)


class GaussianPixelLikelihood(nn.Module):
    """p(x|z) = Π_i N(x_i; m_i(z), s_i(z)²): a scale for every pixel and channel, from z.

    Sharp images need it: the middle of a stroke is certain, while its edge may be bright or dark.

    Args:
        scale_floor: the least s, in [0, 1] units.
        initial_scale: approximate s at the start of training, above the floor.
    """

    def __init__(self, scale_floor: float = IMAGE_SCALE_FLOOR, initial_scale: float = 0.1) -> None:
        super().__init__()
        self.scale_floor = scale_floor
        self.shift = math.log(math.expm1(initial_scale - scale_floor))

    def forward(self, outputs: Tensor) -> Independent:
        """Outputs (B, 2 C, …) → a distribution with batch (B,) and event (C, …)."""
        mean, raw = outputs.chunk(2, 1)
        scale = self.scale_floor + nn.functional.softplus(raw + self.shift)
        pixels = Gaussian(mean.sigmoid(), scale, validate_args=False)
        return Independent(pixels, outputs.dim() - 1, validate_args=False)


class DiscretisedLogisticLikelihood(nn.Module):
    """p(x|z) over the 256 grey levels of each entry: rounded logistics, one scale s per channel.

    The decoder gives μ for pixels in [−1, 1]. μ itself has no bounds: a pixel that is always black
    has μ below −1. Probabilities are at most 1, so the likelihood is bounded; the floor only keeps
    gradients finite.

    Args:
        channels: C of an image.
        scale_floor: the least s, in [0, 1] units; .002 is half a grey level.
    """

    def __init__(self, channels: int, scale_floor: float = 0.002) -> None:
        super().__init__()
        self.scale = ChannelScale(channels, scale_floor, initial=0.2)

    def forward(self, outputs: Tensor) -> DiscretisedLogistic:
        """Outputs (B, C, …) → a distribution with batch (B,) and that event."""
        loc = 0.5 * (outputs + 1)
        return DiscretisedLogistic(loc, self.scale(loc))


class GaussianRowLikelihood(nn.Module):
    """p(x|z) = Π_d N(x_d; m_d(z), s_d(z)²): the scale depends on z, as in Mattei & Frellsen 2019.

    It reads 2 D numbers per row. For a standardised table, s starts near 1.

    Args:
        scale_floor: the least s, in standard deviations of a column.
    """

    numbers: ClassVar[int] = 2  # decoder outputs per entry of a row

    def __init__(self, scale_floor: float = TABLE_SCALE_FLOOR) -> None:
        super().__init__()
        self.scale_floor = scale_floor

    def forward(self, outputs: Tensor) -> Independent:
        """Outputs (B, 2 D) → a distribution with batch (B,) and event (D,)."""
        # A softplus of every second half of a row takes nine times as long as one of whole rows.
        mean, raw = (each.contiguous() for each in outputs.chunk(2, -1))
        scale = self.scale_floor + nn.functional.softplus(raw)
        return Independent(Gaussian(mean, scale, validate_args=False), 1, validate_args=False)


class StudentTLikelihood(nn.Module):
    """p(x|z) = Π_i t(x_i; m_i, s, ν): one learned scale s and degree of freedom ν per channel.

    The heavy tails make it robust to outliers. ν stays above 2, so every variance ν s² / (ν − 2)
    is finite.

    Args:
        channels: size of the event's first dimension, C of an image or D of a table.
        scale_floor: the least s, in the units of x.
        least_freedom: the least ν; above 2.
        link: decoder output → m.

    Raises:
        ValueError: `least_freedom` is 2 or less.
    """

    def __init__(
        self,
        channels: int,
        scale_floor: float = TABLE_SCALE_FLOOR,
        least_freedom: float = 2.1,
        link: Callable[[Tensor], Tensor] = nn.Identity(),  # noqa: B008, it holds no state
    ) -> None:
        super().__init__()
        if least_freedom <= 2:
            raise ValueError(f"expected least_freedom above 2, got {least_freedom}")
        self.scale = ChannelScale(channels, scale_floor, initial=0.3)
        self.freedom = ChannelScale(channels, least_freedom, initial=least_freedom + 3)
        self.link = link

    def forward(self, outputs: Tensor) -> Independent:
        """Outputs (B, C, …) → a distribution with batch (B,) and that event."""
        mean = self.link(outputs)
        freedom, scale = self.freedom(mean).expand_as(mean), self.scale(mean).expand_as(mean)
        entries = StudentT(freedom, mean, scale, validate_args=False)
        return Independent(entries, outputs.dim() - 1, validate_args=False)


class MixedLikelihood(nn.Module):
    """p(x|z) of a table with numeric, binary and categorical columns; see `distributions.columns`.

    Args:
        columns: in the order of the table.
        scale_floor: the least s of a numeric column, in its standard deviations.

    Example:
        >>> from dgm_core.distributions.columns import Binary, Categorical, Numeric
        >>> head = MixedLikelihood([Numeric(), Binary(), Categorical(3)])
        >>> head(torch.zeros(1, 5)).mean
        tensor([[0.0000, 0.5000, 0.3333, 0.3333, 0.3333]])
    """

    positions: Tensor  # (numeric columns,) int64, their entries in a row

    def __init__(self, columns: Sequence[Column], scale_floor: float = TABLE_SCALE_FLOOR) -> None:
        super().__init__()
        self.layout = Layout(columns)
        count = int(self.layout.numeric.sum())
        self.scale = ChannelScale(count, scale_floor, initial=0.3)
        positions = self.layout.numeric.nonzero()[:, 0]
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, outputs: Tensor) -> MixedRow:
        """Outputs (B, D) → a distribution with batch (B,) and event (D,)."""
        ones = torch.ones_like(outputs[0])
        return MixedRow(
            self.layout, outputs, ones.index_copy(0, self.positions, self.scale(outputs))
        )
