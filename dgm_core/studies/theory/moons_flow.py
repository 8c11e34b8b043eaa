"""A normalising flow that is trained on two moons, and its action on a grid in the plane.

Every training step uses fresh points, so the flow cannot overfit; the loss is −log p(x). The note
shows how each coupling deforms a grid in the plane of z.
"""

from __future__ import annotations

import copy
import math
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
from dgm_core.training.optimizers import Adam

REACH, LINES, ALONG = 2.5, 21, 81
"""The grid goes from −REACH to REACH, with LINES lines in each direction and ALONG points each."""
AXIS = torch.linspace(-2.8, 2.8, 113)
"""Both coordinates of the points at which a density is evaluated."""


@dataclass(frozen=True)
class Config:
    """Everything that determines a training.

    Args:
        couplings: K.
        hidden: number of units in each hidden layer.
        steps: of Adam.
        batch: number of fresh points per step.
        learning_rate: initial value; it falls to 0 along half a cosine.
        every: steps between frames.
        seed: of weights and points.

    Raises:
        ValueError: a count is below 1, or the learning rate is not above 0.
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
    """State of a training; the last frame is the result."""

    flow: Flow  # a copy, frozen
    step: int
    steps: int
    log_p: float  # mean over 2000 test points, nats per point
    seconds: float

    @property
    def done(self) -> float:
        """Fraction of the training."""
        return self.step / self.steps


def run(config: Config) -> Iterator[Frame]:
    """Train; in the first frame the flow is the identity."""
    flow = build(config)
    source, moons, started = generator(config.seed + 1), Moons(), time.monotonic()
    test_points = moons.sample(2000, generator(config.seed + 2))
    adam = Adam(flow.parameters())

    def frame(step: int) -> Frame:
        frozen = copy.deepcopy(flow).eval().requires_grad_(False)
        log_p = frozen.log_prob(test_points).mean().item()
        return Frame(frozen, step, config.steps, log_p, time.monotonic() - started)

    yield frame(0)
    for step in range(1, config.steps + 1):
        loss = -flow.log_prob(moons.sample(config.batch, source)).mean()
        # The rate falls to 0 along half a period of a cosine.
        adam.rate = config.learning_rate * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % config.every == 0 or step == config.steps:
            yield frame(step)


def build(config: Config) -> Flow:
    """An untrained flow: the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return coupling_flow(config.couplings, config.hidden)


class Portrait(NamedTuple):
    """Action of a flow on the plane, as numpy arrays."""

    lines: np.ndarray  # (2 LINES, ALONG, 2) a straight grid of z, bent
    points: np.ndarray  # (N, 2) draws of z, moved
    log_det: np.ndarray  # (N,) log |det J| on their way
    density: np.ndarray  # (len(AXIS), len(AXIS)) p(x), [row: up, column: across]


@torch.no_grad()
def portrait(flow: Flow, points: int = 1500) -> Portrait:
    """Draw a flow, or the first couplings of one."""
    at, along = torch.linspace(-REACH, REACH, LINES), torch.linspace(-REACH, REACH, ALONG)
    vertical = torch.cartesian_prod(at, along)
    grid = torch.cat([vertical, vertical.flip(1)])
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
        halves = {name: each.half().numpy() for name, each in arrays.items()}
        np.savez_compressed(file, **halves)  # pyright: ignore[reportArgumentType]


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
