"""The distribution of a table's row with numeric, binary and categorical columns.

    p(x) = Π_numeric N(x_d; m_d, s_d²) · Π_binary Bernoulli(x_d; σ(l_d)) · Π_categorical p_c

A row is one vector. A numeric or binary column takes one entry. A categorical column with C levels
takes a block of C entries: its one-hot code, which is observed or hidden as a whole and sums to
one in every draw. Columns are independent given the parameters.

    >>> Categorical(4).width, Numeric().width
    (4, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from dgm_core.distributions.basic import UncheckedDistribution
from dgm_core.rng import Source, draw, noise, normal, uniform


@dataclass(frozen=True)
class Numeric:
    """A column of real numbers, Gaussian given the latents."""

    width: ClassVar[int] = 1


@dataclass(frozen=True)
class Binary:
    """A column of zeros and ones."""

    width: ClassVar[int] = 1


@dataclass(frozen=True)
class Categorical:
    """A column with `levels` categories, coded as a one-hot block."""

    levels: int

    @property
    def width(self) -> int:
        """Entries in a coded row: one per level."""
        return self.levels


Column = Numeric | Binary | Categorical


class Layout(nn.Module):
    """Which entries of a row belong to which column.

    Args:
        columns: in the order of the table.
    """

    numeric: Tensor  # (D,) bool
    binary: Tensor  # (D,) bool

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        kinds = [type(column) for column in columns for _ in range(column.width)]
        for name, kind in (("numeric", Numeric), ("binary", Binary)):
            chosen = torch.tensor([each is kind for each in kinds])
            self.register_buffer(name, chosen, persistent=False)
        starts = [sum(c.width for c in columns[:i]) for i in range(len(columns))]
        self.blocks = tuple(
            slice(start, start + column.width)
            for start, column in zip(starts, columns, strict=True)
            if isinstance(column, Categorical)
        )
        self.width = len(kinds)
        self.all_numeric = all(kind is Numeric for kind in kinds)

    def replace_blocks(self, row: Tensor, values: Sequence[Tensor]) -> Tensor:
        """`row` (…, D) with the entries of each categorical column from `values`."""
        pieces, done = [], 0
        for block, value in zip(self.blocks, values, strict=True):
            pieces += [row[..., done : block.start], value]
            done = block.stop
        return torch.cat([*pieces, row[..., done:]], -1)

    def of_blocks(self, row: Tensor) -> list[Tensor]:
        """The entries of each categorical column, one tensor per column."""
        return [row[..., block] for block in self.blocks]


class MixedRow(UncheckedDistribution):
    """Numeric, binary and categorical columns side by side.

    Args:
        layout: the layout of the row.
        outputs: (B, D), the means of numeric columns and the logits of the others.
        scale: s > 0 for numeric columns; broadcasts to `outputs`, ignored for other columns.
    """

    def __init__(self, layout: Layout, outputs: Tensor, scale: Tensor) -> None:
        self.layout, self.scale = layout, scale.expand_as(outputs)
        log_p = [logits.log_softmax(-1) for logits in layout.of_blocks(outputs)]
        self.natural = layout.replace_blocks(outputs, log_p)  # mean, logit or log p
        super().__init__(outputs.shape[:1], outputs.shape[1:], validate_args=False)

    def log_prob_each(self, value: Tensor) -> Tensor:
        """Terms of log p (…, B, D), nats; the terms of a block sum to log p of its level."""
        eta = self.natural
        gaussian = Normal(eta, self.scale, validate_args=False).log_prob(value)
        bernoulli = value * eta - nn.functional.softplus(eta)
        discrete = torch.where(self.layout.binary, bernoulli, value * eta)
        return torch.where(self.layout.numeric, gaussian, discrete)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_prob_each(value).sum(-1)

    @property
    def mean(self) -> Tensor:
        """The means of numeric columns and the probabilities of the others, (B, D)."""
        return self._mean

    @cached_property
    def _mean(self) -> Tensor:
        logits = torch.where(self.layout.numeric, 0, self.natural)
        p = torch.where(self.layout.binary, torch.sigmoid(logits), torch.exp(logits.clamp_max(0)))
        return torch.where(self.layout.numeric, self.natural, p)

    @property
    def variance(self) -> Tensor:
        return torch.where(self.layout.numeric, self.scale.square(), self.mean * (1 - self.mean))


def most_likely(layout: Layout, row: Tensor, mean: Tensor) -> Tensor:
    """`row` (…, D) with the most probable value under `mean` in binary and categorical columns."""
    row = torch.where(layout.binary, (mean > 0.5).to(row.dtype), row)
    return layout.replace_blocks(row, [_one_hot(p) for p in layout.of_blocks(mean)])


def _one_hot(score: Tensor) -> Tensor:
    levels = score.shape[-1]
    return nn.functional.one_hot(score.argmax(-1), levels).to(score.dtype)


@draw.register
def _(distribution: MixedRow, source: Source, draws: int | None = None) -> Tensor:
    mean, layout = distribution.mean, distribution.layout
    numeric = mean + distribution.scale * noise(normal, mean, source, draws)
    u = noise(uniform, mean, source, draws)
    row = torch.where(layout.numeric, numeric, (u < mean).to(mean.dtype))
    gumbel = distribution.natural - torch.log(-torch.log(u.clamp(1e-30, 1 - 2.0**-24)))
    return layout.replace_blocks(row, [_one_hot(score) for score in layout.of_blocks(gumbel)])
