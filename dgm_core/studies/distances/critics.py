"""Estimates of the distance between P and Q_θ by critics, for all θ at once.

One critic per θ, a small network, is trained on new samples (`distances.divergences`). At every
frame each critic is evaluated on new samples. For an f-divergence the estimate is below the true
value in expectation, and further below with less training. With little training, the jump of the
Hellinger distance between disjoint distributions therefore looks like an S-shaped curve. Samples
of P and Q for an estimate use the same noise; those of the training are independent.

With a penalty λ the slope of a Wasserstein critic converges to a value above 1, on the segments to
1 + θ/2λ, where one more unit of slope gains as much as it costs. The estimate then converges to a
value *above* the true one, by the factor of that slope: 2 % at θ = 2 with λ = 50.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.data.pairs import PAIRS, Pair, clouds
from dgm_core.data.plane import Points
from dgm_core.distances.divergences import DIVERGENCES, Divergence
from dgm_core.distances.lipschitz import between, slopes
from dgm_core.distances.transport import matching
from dgm_core.networks.stacked import StackedMLP
from dgm_core.rng import generator
from dgm_core.training.optimizers import Adam

THETAS = tuple(k / 10 for k in range(21))
"""Values of θ in a sweep, 0 to 2."""

LIMITS = {
    "steps": (1, 20_000),
    "batch": (8, 1024),
    "hidden": (4, 256),
    "penalty": (0.1, 1000.0),
    "learning_rate": (1e-5, 0.1),
    "frames": (1, 200),
    "fresh": (64, 100_000),
    "seed": (0, 9999),
}


@dataclass(frozen=True)
class Config:
    """Everything that determines a run.

    Attributes:
        pair: a key of `PAIRS`, or "clouds".
        divergence: a key of `DIVERGENCES`.
        thetas: θ, one critic each.
        drawn: both clouds of points, for "clouds".
        blur: standard deviation of the Gaussian around each drawn point.
        steps, batch, learning_rate: of the training by Adam; `batch` points each of P and of Q.
        hidden: units of each of two hidden layers.
        penalty: λ, used for Wasserstein only.
        frames: approximate number of frames, evenly spaced in the logarithm of the steps.
        fresh: points of P and of Q for an estimate.
        side: G, points along each side of the grid on which critics are shown.
        shown: R, points of P and Q that are shown.
        seed: of all random numbers.

    Raises:
        ValueError: an unknown name, a number outside `LIMITS`, or an empty cloud.
    """

    pair: str = "segments"
    divergence: str = "wasserstein"
    thetas: tuple[float, ...] = THETAS
    drawn: tuple[Points, Points] | None = None
    blur: float = 0.1
    steps: int = 500
    batch: int = 128
    hidden: int = 32
    penalty: float = 50.0
    learning_rate: float = 0.01
    frames: int = 25
    fresh: int = 4_000
    side: int = 33
    shown: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pair not in (*PAIRS, "clouds"):
            raise ValueError(f"expected a pair among {', '.join(PAIRS)}, clouds, got {self.pair}")
        if self.divergence not in DIVERGENCES:
            known = ", ".join(DIVERGENCES)
            raise ValueError(f"expected a divergence among {known}, got {self.divergence!r}")
        if self.pair == "clouds" and not (self.drawn and all(self.drawn)):
            raise ValueError("expected points in both clouds, got an empty cloud")
        if not self.thetas:
            raise ValueError("expected at least one θ, got none")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )

    @property
    def distributions(self) -> Pair:
        """P and Q_θ."""
        if self.drawn is not None and self.pair == "clouds":
            return clouds(*self.drawn, self.blur)
        return PAIRS[self.pair]

    @property
    def measure(self) -> Divergence:
        """The divergence that is estimated."""
        return DIVERGENCES[self.divergence]

    def frame_steps(self) -> list[int]:
        """Steps after which there is a frame, ascending, with 0 and the last step."""
        logs = torch.linspace(0, math.log(self.steps + 1), self.frames + 1)
        return sorted({round(math.expm1(each)) for each in logs.tolist()} | {self.steps})


class Scene(NamedTuple):
    """The part of the figure that does not change during training."""

    x: Tensor  # (T, R, 2) points of P
    y: Tensor  # (T, R, 2) points of Q_θ, matched to the rows of x by the optimal transport plan
    across: Tensor  # (G,) first coordinates of the grid
    up: Tensor  # (G,) second coordinates
    truth: Tensor  # (T,) D(P, Q_θ); W1 of clouds is computed from at least 400 points
    best: Tensor | None  # (T, G, G) the optimal critic on the grid, if there are densities
    steps: tuple[int, ...]  # at which there are frames


class Frame(NamedTuple):
    """All critics after the same number of steps."""

    step: int
    done: float
    seconds: float  # of training, all critics together
    estimate: Tensor  # (T,)
    error: Tensor  # (T,) its Monte-Carlo standard error
    critic: Tensor  # (T, G, G) on the grid, [θ, row up, column across]
    slope: Tensor  # (T, 256) ‖∇‖ of the critic between points of P and Q
    gradient: Tensor  # (T, R, 2) of the critic, at the points x of the scene


@dataclass(frozen=True, eq=False)
class Result:
    """Result of a run: the estimates of all frames, and the last frame."""

    config: Config
    scene: Scene
    steps: tuple[int, ...]
    estimates: Tensor  # (F, T)
    errors: Tensor  # (F, T)
    seconds: float  # of training, all critics together
    last: Frame


SLOPES = 256
"""Points at which slopes are computed."""


def run(config: Config) -> Iterator[Scene | Frame | Result]:
    """The `Scene`, a `Frame` at each of `config.frame_steps()`, then the `Result`."""
    thetas = torch.tensor(config.thetas)
    scene = _scene(config, thetas)
    yield scene
    frames = []
    for step, seconds, critics in train(config):
        frames.append(_frame(config, thetas, scene, critics, step, seconds))
        yield frames[-1]
    yield Result(
        config,
        scene,
        scene.steps,
        torch.stack([frame.estimate for frame in frames]),
        torch.stack([frame.error for frame in frames]),
        frames[-1].seconds,
        frames[-1],
    )


def train(config: Config) -> Iterator[tuple[int, float, StackedMLP]]:
    """(steps done, seconds of training, critics) at each of `config.frame_steps()`."""
    thetas, measure, pair = torch.tensor(config.thetas), config.measure, config.distributions
    source = generator(config.seed)
    critics = StackedMLP(len(thetas), (2, config.hidden, config.hidden, 1), source)
    adam = Adam(critics.parameters(), betas=(0.9, 0.99))
    frame_steps, seconds = set(config.frame_steps()), 0.0
    for step in range(config.steps + 1):
        if step in frame_steps:
            yield step, seconds, critics
        if step == config.steps:
            return
        started = time.perf_counter()
        x, y = pair.sample(thetas, config.batch, source)
        loss = -gain(measure, critics, x, y)
        if measure.is_wasserstein:
            loss = loss + config.penalty * penalty(critics, x, y, source)
        adam.rate = config.learning_rate * rate(step / config.steps)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
        seconds += time.perf_counter() - started


def rate(done: float) -> float:
    """Factor of the learning rate: 1 in the first half, then linear down to 0.01."""
    return min(1.0, 0.01 + 1.98 * (1 - done))


def gain(measure: Divergence, critics: StackedMLP, x: Tensor, y: Tensor) -> Tensor:
    """Objective of each critic on points x and y, (T, n, 2) both: (T,)."""
    on_p, on_q = measure.critic(critics(torch.cat([x, y], 1))[..., 0]).chunk(2, 1)
    return measure.gain(on_p, on_q)


def penalty(critics: StackedMLP, x: Tensor, y: Tensor, source: torch.Generator) -> Tensor:
    """E relu(‖∇f‖ − 1)² of each critic between rows of x and of y, (T, n, 2): (T,)."""
    steep = torch.relu(slopes(critics.of_rows, midway(x, y, source).flatten(0, 1)) - 1)
    return steep.square().view(len(x), -1).mean(1)


def midway(x: Tensor, y: Tensor, source: torch.Generator) -> Tensor:
    """Random points between rows of x and y, (T, n, 2) all; the same t for all T."""
    return between(x.transpose(0, 1), y.transpose(0, 1), source).transpose(0, 1).contiguous()


def _scene(config: Config, thetas: Tensor) -> Scene:
    pair = config.distributions
    x, y = pair.sample(thetas, config.shown, generator(config.seed + 1))
    y = torch.stack([b[matching(a, b)] for a, b in zip(x, y, strict=True)])
    points = torch.cat([x, y]).flatten(0, 1)
    low, high = points.amin(0), points.amax(0)
    margin = 0.15 * (high - low).max()
    across, up = (
        torch.linspace(lo, hi, config.side)
        for lo, hi in zip((low - margin).tolist(), (high + margin).tolist(), strict=True)
    )
    truth = torch.tensor([pair.true_value(config.measure, each) for each in config.thetas])
    best = _best(config, _grid(across, up))
    return Scene(x.contiguous(), y, across, up, truth, best, tuple(config.frame_steps()))


def _grid(across: Tensor, up: Tensor) -> Tensor:
    """Points (G, G, 2): rows go up, columns go across."""
    return torch.stack(torch.meshgrid(across, up, indexing="xy"), -1)


def _best(config: Config, grid: Tensor) -> Tensor | None:
    """The optimal critic on the grid (T, G, G), if log p/q determines it."""
    if config.measure.best is None:
        return None
    log_ratios = []
    for theta in config.thetas:
        log_ratio = config.distributions.log_ratio(grid, theta)
        if log_ratio is None:
            return None
        log_ratios.append(log_ratio)
    return config.measure.best(torch.stack(log_ratios))


def _frame(
    config: Config,
    thetas: Tensor,
    scene: Scene,
    critics: StackedMLP,
    step: int,
    seconds: float,
) -> Frame:
    count, measure = len(thetas), config.measure

    def critic(rows: Tensor) -> Tensor:
        return measure.critic(critics.of_rows(rows))

    def gradient(points: Tensor) -> Tensor:
        rows = points.flatten(0, 1).requires_grad_()
        return torch.autograd.grad(critic(rows).sum(), rows)[0].view_as(points)

    pair = config.distributions
    x, y = pair.coupled(thetas, config.fresh, config.seed + 2)
    grid = _grid(scene.across, scene.up).view(1, -1, 2).expand(count, -1, -1)
    with torch.no_grad():
        on_p, on_q = (critic(points.flatten(0, 1)).view(count, -1) for points in (x, y))
        found = measure.estimate(on_p, on_q)
        values = critic(grid.flatten(0, 1)).view(count, config.side, config.side)
    source = generator(config.seed + 3)
    middle = midway(*pair.sample(thetas, SLOPES, source), source)
    return Frame(
        step,
        step / config.steps,
        seconds,
        found.value,
        found.standard_error,
        values,
        torch.linalg.vector_norm(gradient(middle), dim=-1),
        gradient(scene.x),
    )
