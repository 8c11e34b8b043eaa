"""Histories of the samplers in the latent plane, with diagnostics of every iteration.

`latent_plane` records the moves. This module adds three diagnostics: the log posterior at each
state,

    log p(z | x_obs) = log p(x_obs, z) − log p(x_obs),

whose second term is computed on the grid; the acceptance rate; and the distance of all draws so
far from the exact posterior. It also computes the levels of contours, the borders of
highest-density regions (Hyndman 1996).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.bounds.quadrature import log_joint_at
from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.studies.likelihood.latent_plane import (
    Config,
    Frame,
    Landscape,
    Moves,
    Normal2,
    Result,
    total_variation,
)
from dgm_core.studies.likelihood.latent_plane import run as run_plane
from dgm_core.types import LatentVariableModel, Masked

TOGETHER = 10
"""Number of iterations in a part."""


class History(NamedTuple):
    """T iterations of a sampler with C chains and P proposals per iteration."""

    moves: Moves  # each field stacked along a first dimension (T, …)
    log_posterior: Tensor  # (T, C) log p(z | x_obs) after each iteration, nats
    taken: Tensor  # (T,) fraction of proposals accepted; for LAIR, their ESS / P
    distance: float  # total variation distance of all draws after the warm-up; NaN before


class Part(NamedTuple):
    """Consecutive iterations of all samplers."""

    start: int  # number of iterations before this part
    histories: dict[str, History]

    @property
    def end(self) -> int:
        """Number of the last iteration."""
        return self.start + len(next(iter(self.histories.values())).taken)


def run(
    config: Config, model: LatentVariableModel, together: int = TOGETHER
) -> Iterator[Landscape | Part | Result]:
    """Yield the `Landscape`, every `Part`, and at the end the `Result`."""
    items = run_plane(config, model)
    ground = next(items)
    assert isinstance(ground, Landscape)  # `latent_plane.run` yields it first
    yield ground
    masked = Masked(config.x, config.observed)
    draws: dict[str, list[Tensor]] = {name: [] for name in config.samplers}
    frames: list[Frame] = []
    for item in items:
        if isinstance(item, Result):
            if frames:
                yield _part(frames, draws, ground, model, masked)
            yield item
        elif isinstance(item, Frame):
            frames.append(item)
            if len(frames) == together:
                yield _part(frames, draws, ground, model, masked)
                frames = []


def _part(
    frames: list[Frame],
    draws: dict[str, list[Tensor]],
    ground: Landscape,
    model: LatentVariableModel,
    masked: Masked,
) -> Part:
    histories = {}
    for name, previous in draws.items():
        moved = stacked([frame.moves[name] for frame in frames])
        previous += [frame.moves[name].after for frame in frames if not frame.warming_up]
        log_joint = log_joint_at(model, masked, moved.after.flatten(0, 1))[:, 0]
        histories[name] = History(
            moved,
            log_joint.view(moved.after.shape[:2]) - ground.seen.log_evidence,
            torch.stack([_taken(name, frame) for frame in frames]),
            total_variation(torch.cat(previous), ground.seen.window) if previous else torch.nan,
        )
    return Part(frames[0].iteration - 1, histories)


def _taken(name: str, frame: Frame) -> Tensor:
    moved = frame.moves[name]
    if name == "LAIR" and not frame.warming_up:
        return importance_ess(moved.log_ratio) / len(moved.log_ratio)
    return moved.accepted.float().mean()


def stacked(moves: list[Moves]) -> Moves:
    """Moves of several iterations stacked, each field (T, …).

    LAIR's warm-up runs pseudo-Gibbs, which makes fewer proposals per iteration than LAIR. The
    proposals are padded to the larger number with NaN, marked as not accepted.
    """
    most = max(len(each.proposed) for each in moves)

    def padded(value: Tensor) -> Tensor:
        missing = most - len(value)
        filler = False if value.dtype == torch.bool else torch.nan
        return torch.cat([value, value.new_full((missing, *value.shape[1:]), filler)])

    return Moves(
        before=torch.stack([each.before for each in moves]),
        proposed=torch.stack([padded(each.proposed) for each in moves]),
        log_ratio=torch.stack([padded(each.log_ratio) for each in moves]),
        accepted=torch.stack([padded(each.accepted) for each in moves]),
        after=torch.stack([each.after for each in moves]),
        proposal=Normal2(*(torch.stack(each) for each in zip(*(m.proposal for m in moves)))),  # noqa: B905
        x=torch.stack([each.x for each in moves]),
    )


def highest_density_level(log_density: Tensor, fraction: float) -> float:
    """Log density at the border of the highest-density region that holds `fraction` of the mass.

    Args:
        log_density: (m, n), on an evenly spaced grid; need not be normalised.
        fraction: of the mass, in (0, 1).

    Raises:
        ValueError: the fraction is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"expected a fraction between 0 and 1, got {fraction}")
    descending = log_density.flatten().sort(descending=True).values
    mass = descending.softmax(0).cumsum(0)
    return descending[int((mass < fraction).sum().clamp_max(len(mass) - 1))].item()
