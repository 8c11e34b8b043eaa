"""A chain's earlier completions, from which an encoder proposes without seeing the current z."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NEVER = torch.iinfo(torch.int64).max
"""`made_at` of an empty slot."""


class History(NamedTuple):
    """A uniform sample of each chain's completions; all chains have made equally many."""

    completions: Tensor  # (H, B, *event)
    made_at: Tensor  # (H, B) number of moves of z before the completion
    moves: Tensor  # (B,) number of moves of z
    made: int  # completions so far

    @property
    def usable(self) -> Tensor:
        """Which were made before the current z was accepted, (H, B) bool."""
        return self.made_at < self.moves


def begun(x: Tensor, size: int) -> History:
    """A history with `size` slots; its first completion is x, which was made by no z."""
    made_at = torch.full((size, len(x)), NEVER, device=x.device)
    made_at[0] = -1
    completions = x.new_zeros(size, *x.shape)
    completions[0] = x
    return History(completions, made_at, made_at.new_zeros(len(x)), 1)


def choose(history: History, u: Tensor) -> Tensor:
    """One usable completion per chain, chosen uniformly with u (B,) in [0, 1): (B, \\*event)."""
    usable = history.usable
    size = usable.sum(0)
    rank = torch.minimum((u * size).long(), size - 1)  # u · size may round up to size
    slot = (usable.cumsum(0) <= rank).sum(0)
    return history.completions[slot, torch.arange(len(u), device=u.device)]


def remember(history: History, x: Tensor, u: Tensor) -> History:
    """Offer completions x (B, \\*event) to the reservoirs, with u (B,) in [0, 1)."""
    size, made = len(history.completions), history.made + 1
    slot = (u * made).long() if made > size else torch.full_like(history.moves, made - 1)
    rows = torch.arange(len(x), device=x.device)
    usable = history.usable
    # A stuck chain must keep its last usable completion.
    last = usable[slot.clamp_max(size - 1), rows] & (usable.sum(0) == 1)
    rows = rows[(slot < size) & ~last]
    if not len(rows):
        return history._replace(made=made)
    completions, made_at = history.completions.clone(), history.made_at.clone()
    completions[slot[rows], rows] = x[rows]
    made_at[slot[rows], rows] = history.moves[rows]
    return History(completions, made_at, history.moves, made)
