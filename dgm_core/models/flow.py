"""A normalising flow of the plane: affine couplings, each with an exact inverse.

    x = f_K ∘ … ∘ f_1(z),   z ~ N(0, I)
    log p(x) = log N(z; 0, I) − Σ_k log |det J_k|,   J_k the Jacobian of f_k at its input

Each coupling keeps one coordinate and moves the other by an affine map that depends on the first
(Dinh, Sohl-Dickstein & Bengio 2017). So its Jacobian is triangular, and its inverse takes no more
time than the map.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.rng import Source, normal

STEEPEST = 2.0
"""The largest |s|: one coupling stretches or shrinks by at most e²."""


class Moved(NamedTuple):
    """Points after a map, and how much the map stretches the plane there."""

    points: Tensor  # (B, 2)
    log_det: Tensor  # (B,) log |det J|


class Coupling(nn.Module):
    """One coordinate a stays; the other moves from b to b exp s(a) + t(a).

    Args:
        kept: the coordinate that stays, 0 or 1.
        hidden: units of both hidden layers of (s, t).
    """

    def __init__(self, kept: int, hidden: int) -> None:
        super().__init__()
        self.kept = kept
        self.network = nn.Sequential(
            nn.Linear(1, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 2),
        )
        for each in self.network[-1].parameters():
            nn.init.zeros_(each)  # starts as the identity

    def forward(self, z: Tensor) -> Moved:
        """z (B, 2) → x."""
        stays, moves = z[:, self.kept], z[:, 1 - self.kept]
        s, t = self.scale_and_shift(stays)
        return Moved(self._together(stays, moves * s.exp() + t), s)

    def inverse(self, x: Tensor) -> Moved:
        """x (B, 2) → z, with the log-determinant of the inverse map."""
        stays, moves = x[:, self.kept], x[:, 1 - self.kept]
        s, t = self.scale_and_shift(stays)
        return Moved(self._together(stays, (moves - t) * (-s).exp()), -s)

    def scale_and_shift(self, stays: Tensor) -> tuple[Tensor, Tensor]:
        """s and t of the coordinate that stays, (B,) each."""
        raw, t = self.network(stays[:, None]).unbind(1)
        return STEEPEST * torch.tanh(raw / STEEPEST), t

    def _together(self, stays: Tensor, moved: Tensor) -> Tensor:
        return torch.stack([stays, moved] if self.kept == 0 else [moved, stays], 1)


class Flow(nn.Module):
    """The distribution of x = f_K(… f_1(z)) for z ~ N(0, I) in the plane.

    Args:
        couplings: f_1, …, f_K.
    """

    def __init__(self, couplings: Iterable[Coupling]) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(couplings)

    def __len__(self) -> int:
        return len(self.couplings)

    def first(self, count: int) -> Flow:
        """The flow of the first couplings alone; they are shared with this one."""
        return Flow(self._in_order()[:count])

    def _in_order(self) -> list[Coupling]:
        return [each for each in self.couplings if isinstance(each, Coupling)]

    def path(self, z: Tensor) -> Iterator[Moved]:
        """z (B, 2) after 0, 1, …, K couplings, with the log-determinant so far."""
        moved = Moved(z, torch.zeros_like(z[:, 0]))
        yield moved
        for coupling in self.couplings:
            points, log_det = coupling(moved.points)
            moved = Moved(points, moved.log_det + log_det)
            yield moved

    def forward(self, z: Tensor) -> Moved:
        """z (B, 2) → x."""
        *_, last = self.path(z)
        return last

    def inverse(self, x: Tensor) -> Moved:
        """x (B, 2) → z, with log |det ∂z/∂x|."""
        log_det = torch.zeros_like(x[:, 0])
        for coupling in reversed(self._in_order()):
            x, own = coupling.inverse(x)
            log_det = log_det + own
        return Moved(x, log_det)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B,) nats: the log-density of the z that maps to x, plus log |det ∂z/∂x|."""
        z, log_det = self.inverse(x)
        return -0.5 * z.square().sum(1) - math.log(2 * math.pi) + log_det

    def sample(self, count: int, source: Source) -> Tensor:
        """Draws of x, (count, 2)."""
        return self(normal((count, 2), source)).points


def coupling_flow(couplings: int = 8, hidden: int = 32) -> Flow:
    """A flow whose couplings keep the two coordinates alternately."""
    return Flow(Coupling(k % 2, hidden) for k in range(couplings))
