"""A flow learns two moons: by how much it stretches the plane, and where.

It is trained on fresh points all the time, −log p(x) is its loss, and so nothing can be learned by
heart. What is drawn of it is a grid in the plane of z, bent coupling by coupling.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core.data.plane import Moons
from dgm_core.files import written_whole
from dgm_core.models.flow import Flow, coupling_flow
from dgm_core.rng import generator, normal

REACH, LINES, ALONG = 2.5, 21, 81
"""The grid goes from −REACH to REACH, with so many lines each way and points along each."""
AXIS = torch.linspace(-2.8, 2.8, 113)
"""Both coordinates of the points at which a density is drawn."""


@dataclass(frozen=True)
class Config:
    """Everything that determines a training.

    Args:
        couplings: K.
        hidden: units of each hidden layer.
        steps: of Adam.
        batch: fresh points in each.
        learning_rate: at first; it falls along half a cosine to nothing.
        every: steps between frames.
        seed: of weights and points.

    Raises:
        ValueError: a number below 1, or a rate not above 0.
    """

    couplings: int = 8
    hidden: int = 24
    steps: int = 1500
    batch: int = 256
    learning_rate: float = 1e-2
    every: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        counts = (self.couplings, self.hidden, self.steps, self.batch, self.every)
        if min(counts) < 1 or not self.learning_rate > 0:
            raise ValueError("expected numbers of at least 1 and a learning rate above 0")


class Frame(NamedTuple):
    """Where a training stands; the last one is the result."""

    flow: Flow  # a copy, frozen
    step: int
    steps: int
    log_p: float  # mean over 2000 points it was not trained on, nats a point
    seconds: float

    @property
    def done(self) -> float:
        """Share of the training."""
        return self.step / self.steps


def run(config: Config) -> Iterator[Frame]:
    """Train; the first frame is of the identity."""
    flow = build(config)
    source, law, started = generator(config.seed + 1), Moons(), time.monotonic()
    held_out = law.sample(2000, generator(config.seed + 2))
    optimizer = torch.optim.Adam(flow.parameters(), config.learning_rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)

    def frame(step: int) -> Frame:
        frozen = copy.deepcopy(flow).eval().requires_grad_(False)
        log_p = frozen.log_prob(held_out).mean().item()
        return Frame(frozen, step, config.steps, log_p, time.monotonic() - started)

    yield frame(0)
    for step in range(1, config.steps + 1):
        loss = -flow.log_prob(law.sample(config.batch, source)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        if step % config.every == 0 or step == config.steps:
            yield frame(step)


def build(config: Config) -> Flow:
    """An untrained flow, the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return coupling_flow(config.couplings, config.hidden)


class Portrait(NamedTuple):
    """What a flow does to the plane, as numpy arrays."""

    lines: np.ndarray  # (2 LINES, ALONG, 2) a straight grid of z, bent
    points: np.ndarray  # (N, 2) draws of z, moved
    log_det: np.ndarray  # (N,) log |det J| on their way
    density: np.ndarray  # (len(AXIS), len(AXIS)) p(x), [row: up, column: across]


@torch.no_grad()
def portrait(flow: Flow, points: int = 1500) -> Portrait:
    """Draw a flow, or the first couplings of one."""
    at, along = torch.linspace(-REACH, REACH, LINES), torch.linspace(-REACH, REACH, ALONG)
    upright = torch.cartesian_prod(at, along)
    grid = torch.cat([upright, upright.flip(1)])
    moved = flow(normal((points, 2), generator(3)))
    plane = torch.cartesian_prod(AXIS, AXIS).flip(1)
    return Portrait(
        flow(grid).points.reshape(2 * LINES, ALONG, 2).numpy(),
        moved.points.numpy(),
        moved.log_det.numpy(),
        flow.log_prob(plane).exp().reshape(len(AXIS), len(AXIS)).numpy(),
    )


def save(flow: Flow, path: Path) -> None:
    """Write the weights, in half precision."""
    arrays: dict[str, Tensor] = flow.state_dict()
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **{name: each.half().numpy() for name, each in arrays.items()})


def load(path: Path, config: Config | None = None) -> Flow:
    """A flow of `config` with the weights of a file, frozen.

    Raises:
        ValueError: the file is not there, or holds another flow.
    """
    flow = build(config or Config())
    try:
        with np.load(path) as file:
            weights = {name: torch.from_numpy(file[name]).float() for name in file.files}
        flow.load_state_dict(weights)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path.name} holds no such flow: {error}") from error
    return flow.eval().requires_grad_(False)
