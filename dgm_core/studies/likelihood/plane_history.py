"""The samplers' histories through the latent plane, with the numbers of every iteration.

`latent_plane` says what was done; here is what it is worth: the log posterior at each state,

    log p(z | x_obs) = log p(x_obs, z) − log p(x_obs),

whose second term the grid knows; the share of the proposals that were taken; and how far all draws
so far are from the exact posterior. Contours of densities are drawn at the borders of regions of
highest density (Hyndman 1996).
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
"""Iterations in a part."""


class History(NamedTuple):
    """T iterations of a sampler: C chains, P proposals an iteration."""

    moves: Moves  # each field stacked along a first dimension (T, …)
    log_posterior: Tensor  # (T, C) log p(z | x_obs) after each, nats
    taken: Tensor  # (T,) share of the proposals that was accepted; of LAIR, their ESS / P
    distance: float  # total variation of all draws after the warm-up; NaN before


class Part(NamedTuple):
    """Some iterations of all samplers."""

    start: int  # iterations before it
    histories: dict[str, History]

    @property
    def end(self) -> int:
        """The number of its last iteration."""
        return self.start + len(next(iter(self.histories.values())).taken)


def run(
    config: Config, model: LatentVariableModel, together: int = TOGETHER
) -> Iterator[Landscape | Part | Result]:
    """The `Landscape`, `Part` after part, and the `Result`."""
    items = run_plane(config, model)
    ground = next(items)
    assert isinstance(ground, Landscape)  # the plane's run begins with it
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
    for name, before in draws.items():
        moved = stacked([frame.moves[name] for frame in frames])
        before += [frame.moves[name].after for frame in frames if not frame.warming_up]
        log_joint = log_joint_at(model, masked, moved.after.flatten(0, 1))[:, 0]
        histories[name] = History(
            moved,
            log_joint.view(moved.after.shape[:2]) - ground.seen.log_evidence,
            torch.stack([_taken(name, frame) for frame in frames]),
            total_variation(torch.cat(before), ground.seen.window) if before else torch.nan,
        )
    return Part(frames[0].iteration - 1, histories)


def _taken(name: str, frame: Frame) -> Tensor:
    moved = frame.moves[name]
    if name == "LAIR" and not frame.warming_up:
        return importance_ess(moved.log_ratio) / len(moved.log_ratio)
    return moved.accepted.float().mean()


def stacked(moves: list[Moves]) -> Moves:
    """Moves of several iterations as one, each field (T, …).

    LAIR's warm-up, by pseudo-Gibbs, has fewer proposals than LAIR has: where the numbers differ,
    the missing ones are NaN, and not accepted.
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


def highest_density_level(log_density: Tensor, share: float) -> float:
    """The log density above which lies this share of a grid's mass: what a contour is drawn at.

    Args:
        log_density: (m, n), on an even grid; need not be normalised.
        share: of the mass, in (0, 1).

    Raises:
        ValueError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")
    falling = log_density.flatten().sort(descending=True).values
    mass = falling.softmax(0).cumsum(0)
    return falling[int((mass < share).sum().clamp_max(len(mass) - 1))].item()
