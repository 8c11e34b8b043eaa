"""An any-order autoregressive model of binary data (Uria, Murray & Larochelle 2014).

One network reads the entries that are known so far and gives p(x_i = 1 | x_o) for every other
entry i. With an order σ of the D entries,

    log p(x | σ) = Σ_k log p(x_σ(k) | x_σ(1), …, x_σ(k−1))

So for any mask and a given order of the hidden entries, log p(x_mis | x_obs, σ) is exact after one
pass per hidden entry, and so are draws. A model that mixes random orders has the mean of
p(x_mis | x_obs, σ) over orders. Its logarithm is at least the mean of log p over orders; the log
of the mean over R orders is also a lower bound in expectation, and rises to it with R.

Training uses a random order and a random number n of known entries o (Hoogeboom et al. 2022):

    loss = D / (D − n) Σ_{i ∉ o} −log p(x_i | x_o),   in expectation −E_σ log p(x | σ)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.networks import UNet
from dgm_core.rng import Source, uniform
from dgm_core.types import Masked

Conditionals = Callable[[Masked], Tensor]
"""Known entries (B, \\*event) → logits of p(x_i = 1 | known), (B, \\*event)."""


class AnyOrder(nn.Module):
    """The conditionals of binary images by a U-Net, which reads the known pixels and the mask.

    Args:
        widths: channels of each level; H and W are divisible by 2 ** len(widths).
        blocks: residual blocks per level.
    """

    def __init__(self, widths: tuple[int, ...] = (48, 96), blocks: int = 2) -> None:
        super().__init__()
        self.network = UNet(2, 1, widths, blocks)

    def forward(self, known: Masked) -> Tensor:
        """B problems with images (1, H, W) → logits (B, 1, H, W)."""
        seen = known.observed.to(known.x.dtype)
        return self.network(torch.cat([(2 * known.x - 1) * seen, seen], 1))


class Filled(NamedTuple):
    """Completions on their way: one more entry of each row is known after each step."""

    number: int  # of the step, from 1
    known: Masked  # (B, *event); rows without a hidden entry do not change
    log_prob: Tensor  # (B,) of what was filled in so far, given the order, nats


def any_order_loss(conditionals: Conditionals, x: Tensor, source: torch.Generator) -> Tensor:
    """The loss above, nats per row, mean over rows.

    Args:
        conditionals: that are trained.
        x: binary data (B, \\*event).
        source: of the orders and numbers of known entries.
    """
    size = x[0].numel()
    rank = random_ranks(Masked(x, torch.zeros_like(x, dtype=torch.bool)), source)
    count = (uniform((len(x),), source) * size).long().clamp_max(size - 1)  # n
    known = rank < count.view(-1, *(1,) * (x.dim() - 1))
    log_p = _log_prob_each(conditionals(Masked(x, known)), x)
    hidden = torch.where(known, torch.zeros_like(log_p), log_p).flatten(1).sum(1)
    return -(hidden * size / (size - count)).mean()


def random_ranks(masked: Masked, source: Source) -> Tensor:
    """Places of the hidden entries in a random order, (B, \\*event): 0, 1, …; observed ones −1."""
    noise = uniform(tuple(masked.x.shape), source, torch.float64)
    return _ranks(noise, masked)


def raster_ranks(masked: Masked) -> Tensor:
    """Places of the hidden entries row by row, as `random_ranks`."""
    each = torch.arange(masked.x[0].numel(), dtype=torch.float64, device=masked.x.device)
    return _ranks(each.view(masked.x.shape[1:]).expand(masked.x.shape), masked)


def log_prob_hidden(
    conditionals: Conditionals, x: Tensor, observed: Tensor, rank: Tensor
) -> Tensor:
    """log p(x_mis | x_obs, σ), exact, (B,) nats; one pass per hidden entry.

    Args:
        conditionals: of the model.
        x: complete binary data (B, \\*event).
        observed: bool, as `x`.
        rank: the order, see `random_ranks`.
    """
    total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    with torch.no_grad():
        for step in range(int(rank.max()) + 1):
            log_p = _log_prob_each(conditionals(Masked(x, observed | (rank < step))), x)
            now = rank == step
            total += torch.where(now, log_p, torch.zeros_like(log_p)).flatten(1).sum(1).double()
    return total


class Bounds(NamedTuple):
    """Two lower bounds of log p(x_mis | x_obs) from R orders, (B,) nats."""

    mean: Tensor  # the mean of log p(x_mis | x_obs, σ)
    log_mean: Tensor  # the log of the mean of p(x_mis | x_obs, σ); rises with R


def bounds(
    conditionals: Conditionals, x: Tensor, observed: Tensor, source: Source, orders: int = 8
) -> Bounds:
    """Bounds from random orders.

    Args:
        conditionals, x, observed: as for `log_prob_hidden`.
        source: of the orders.
        orders: R.
    """
    masked = Masked(x, observed)
    each = torch.stack(
        [
            log_prob_hidden(conditionals, x, observed, random_ranks(masked, source))
            for _ in range(orders)
        ]
    )
    return Bounds(each.mean(0), each.logsumexp(0) - math.log(orders))


def fill(
    conditionals: Conditionals, masked: Masked, source: Source, rank: Tensor | None = None
) -> Iterator[Filled]:
    """Exact draws, one entry of each row at a time.

    Args:
        conditionals: of the model.
        masked: the problem, binary.
        source: of the draws.
        rank: the order, see `random_ranks`; None = the most certain entry first, which depends
            on the draws.
    """
    known, hidden = masked, ~masked.observed
    log_prob = torch.zeros(len(masked), dtype=torch.float64, device=masked.x.device)
    for number in range(1, int(hidden.flatten(1).sum(1).max()) + 1):
        with torch.no_grad():
            logits = conditionals(known)
        if rank is None:
            certain = torch.where(known.observed, -torch.inf, logits.abs()).flatten(1).argmax(1)
            now = torch.zeros_like(hidden).flatten(1).scatter(1, certain[:, None], value=True)
            now = now.view(hidden.shape) & ~known.observed
        else:
            now = rank == number - 1
        u = uniform(tuple(logits.shape), source, logits.dtype)
        drawn = (u < logits.sigmoid()).to(known.x.dtype)
        log_p = _log_prob_each(logits, drawn)
        log_prob = log_prob + torch.where(now, log_p, 0.0).flatten(1).sum(1).double()
        known = Masked(torch.where(now, drawn, known.x), known.observed | now)
        yield Filled(number, known, log_prob)


def _log_prob_each(logits: Tensor, x: Tensor) -> Tensor:
    return nn.functional.logsigmoid(torch.where(x > 0.5, logits, -logits))


def _ranks(place: Tensor, masked: Masked) -> Tensor:
    """Ranks of the hidden entries by `place`."""
    last = torch.where(masked.observed, torch.full_like(place, torch.inf), place).flatten(1)
    rank = last.argsort(1).argsort(1).view(masked.x.shape)
    return torch.where(masked.observed, torch.full_like(rank, -1), rank)
