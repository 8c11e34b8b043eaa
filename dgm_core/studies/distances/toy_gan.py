"""A small GAN in the plane with one of four objectives.

In each iteration the critic takes `critic_steps` steps, then the synthesis network g takes one:

    critic:     max over V of  E_P[a(V(x))] + E[b(V(g(z)))]
    synthesis:  min over g of

    Wasserstein      −E f(g(z)), with the penalty that keeps f 1-Lipschitz
    minimax          E ½ log 2σ(−V(g(z))), which is flat for very negative V (Goodfellow et al.
                     2014): the gradient vanishes
    non-saturating   −E ½ log 2σ(V(g(z))), which is steep there
    Hellinger        E[1 − e^V(g(z))] of f-GAN, which is flat there

P is the target. Each frame measures the gradient that reaches the points, the number of modes that
have points, and W1 between 256 generated points and 256 points of the target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.data.plane import (
    Mixture,
    Moons,
    PlanarDistribution,
    Points,
    Segment,
    grid_of_gaussians,
    ring_of_gaussians,
)
from dgm_core.distances.divergences import DIVERGENCES, Divergence
from dgm_core.distances.transport import wasserstein
from dgm_core.networks.stacked import StackedMLP
from dgm_core.rng import generator, normal
from dgm_core.studies.distances.critics import gain, penalty
from dgm_core.training.optimizers import Adam, GradientDescent

TARGETS: dict[str, PlanarDistribution] = {
    "ring": ring_of_gaussians(),
    "grid": grid_of_gaussians(),
    "moons": Moons(),
    "segment": Segment(),
}
"""By name. The target "drawing" comes from the user."""


class Objective(NamedTuple):
    """The objectives of both networks."""

    critic: Divergence
    synthesis: Callable[[Tensor], Tensor]  # V at generated points → loss of each


OBJECTIVES = {
    "Wasserstein": Objective(DIVERGENCES["wasserstein"], DIVERGENCES["wasserstein"].on_q),
    "minimax": Objective(DIVERGENCES["jensen-shannon"], DIVERGENCES["jensen-shannon"].on_q),
    "non-saturating": Objective(
        DIVERGENCES["jensen-shannon"], lambda v: -DIVERGENCES["jensen-shannon"].on_p(v)
    ),
    "Hellinger": Objective(DIVERGENCES["hellinger"], DIVERGENCES["hellinger"].on_q),
}

LIMITS = {
    "iterations": (1, 50_000),
    "every": (1, 1000),
    "critic_steps": (1, 20),
    "head_start": (0, 5_000),
    "batch": (8, 1024),
    "hidden": (4, 256),
    "latent_dim": (1, 32),
    "penalty": (0.1, 1000.0),
    "learning_rate": (1e-5, 0.1),
    "critic_rate": (1e-5, 0.1),
    "plain_rate": (1e-4, 10.0),
    "seed": (0, 9999),
}

LEAST_FRACTION, NEAR = 0.01, 3.0
"""A mode is covered if this fraction of the points lies within this number of standard deviations
of its centre."""

PRESETS: dict[str, dict[str, float]] = {
    "evenly matched": {},
    "critic far ahead": {"critic_steps": 15},
    "critic sure from the start": {"head_start": 500, "plain_rate": 0.02},
}
"""Settings for which the objectives differ on the ring; observed with seed 0 and 250–300
iterations. "evenly matched": all objectives find nearly all modes. "critic far ahead": Wasserstein
covers all 8 modes after 100 iterations, the others 4 to 6 after 250. "critic sure from the start":
with minimax and Hellinger the generator does not move, and with the non-saturating objective the
points first move far away."""

BETAS = (0.5, 0.9)
"""Both rates of Adam, as for a WGAN (Gulrajani et al. 2017)."""
COMPARED = 256
"""Points of each set in W1."""


@dataclass(frozen=True)
class Config:
    """Everything that determines a run.

    Attributes:
        target: a key of `TARGETS`, or "drawing".
        objective: a key of `OBJECTIVES`.
        drawn: centres, for "drawing".
        blur: standard deviation of the Gaussian around each drawn point.
        iterations: of the synthesis network.
        every: iterations between frames.
        critic_steps: of the critic in each iteration.
        head_start: steps of the critic before the first iteration.
        batch: points of the target, and generated points.
        hidden: units of each of two hidden layers, of both networks.
        latent_dim: of z ~ N(0, I).
        penalty: λ, used for Wasserstein only.
        learning_rate, critic_rate: of Adam, for synthesis and critic.
        plain_rate: of plain gradient descent for the synthesis; None: Adam. The steps of Adam
            hardly depend on the size of the gradient, which hides that a gradient vanishes.
        side: G, of the grid on which the critic is shown.
        reach: the grid goes from −reach to reach in both coordinates.
        shown: N, points generated for a frame.
        seed: of all random numbers.

    Raises:
        ValueError: an unknown name, a number outside `LIMITS`, or an empty drawing.
    """

    target: str = "ring"
    objective: str = "Wasserstein"
    drawn: Points | None = None
    blur: float = 0.08
    iterations: int = 3_000
    every: int = 20
    critic_steps: int = 2
    head_start: int = 0
    batch: int = 128
    hidden: int = 64
    latent_dim: int = 2
    penalty: float = 10.0
    learning_rate: float = 1e-3
    critic_rate: float = 3e-3
    plain_rate: float | None = None
    side: int = 33
    reach: float = 2.5
    shown: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.target not in (*TARGETS, "drawing"):
            known = ", ".join((*TARGETS, "drawing"))
            raise ValueError(f"expected a target among {known}, got {self.target!r}")
        if self.objective not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise ValueError(f"expected an objective among {known}, got {self.objective!r}")
        if self.target == "drawing" and not self.drawn:
            raise ValueError("expected points in the drawing, got none")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")

    @property
    def distribution(self) -> PlanarDistribution:
        """The target."""
        if self.target == "drawing" and self.drawn:
            return Mixture(self.drawn, self.blur)
        return TARGETS[self.target]


class Frame(NamedTuple):
    """The game after some iterations."""

    iteration: int
    done: float
    seconds: float  # of training
    points: Tensor  # (N, 2) generated, from the same z in every frame
    pull: Tensor  # (N, 2) minus the gradient of each point's loss, in which it is moved
    gradient: float  # mean length of `pull`
    critic: Tensor  # (G, G) V on the grid, [row up, column across]
    distance: float  # objective of the critic on new points
    wasserstein: float  # W1 between 256 generated points and 256 points of the target
    modes: int | None  # covered; None if the target has no modes


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a run."""

    config: Config
    frames: tuple[Frame, ...]
    floor: float  # W1 between two sets of 256 points of the target; 0 cannot be reached


def axis(config: Config) -> Tensor:
    """Both coordinates of the grid, (G,)."""
    return torch.linspace(-config.reach, config.reach, config.side)


def covered(target: PlanarDistribution, points: Tensor) -> int | None:
    """Number of modes that points (N, 2) cover; None if the target is not a mixture."""
    if not isinstance(target, Mixture):
        return None
    near = torch.cdist(points, torch.tensor(target.centres)) < NEAR * target.sd
    return int((near.float().mean(0) >= LEAST_FRACTION).sum())


def run(config: Config) -> Iterator[Frame | Result]:
    """A `Frame` before the first iteration and every few iterations, then the `Result`.

    Iterations are computed only when the next frame is requested.
    """
    frames = []
    game, seconds = Game(config), 0.0
    while True:
        frames.append(game.frame(seconds))
        yield frames[-1]
        if game.iteration >= config.iterations:
            break
        started = time.perf_counter()
        for _ in range(min(config.every, config.iterations - game.iteration)):
            game.iterate()
        seconds += time.perf_counter() - started
    source = generator(config.seed + 2)
    first, second = (config.distribution.sample(COMPARED, source) for _ in range(2))
    yield Result(config, tuple(frames), wasserstein(first, second))


class Game:
    """Both networks and their training steps.

    Args:
        config: of the run.
    """

    def __init__(self, config: Config) -> None:
        self.config, self.target = config, config.distribution
        self.measure, self.loss = OBJECTIVES[config.objective]
        self.source = generator(config.seed)
        hidden = [config.hidden] * 2
        self.synthesis = StackedMLP(1, (config.latent_dim, *hidden, 2), self.source)
        self.critic = StackedMLP(1, (2, *hidden, 1), self.source)

        weights = self.synthesis.parameters()
        self.synthesis_steps = (
            Adam(weights, config.learning_rate, BETAS)
            if config.plain_rate is None
            else GradientDescent(weights, config.plain_rate)
        )
        self.critic_adam = Adam(self.critic.parameters(), config.critic_rate, BETAS)
        self.iteration = 0
        for _ in range(config.head_start):
            self.train_critic()

    def iterate(self) -> None:
        """One iteration: the steps of the critic, then one step of the synthesis."""
        for _ in range(self.config.critic_steps):
            self.train_critic()
        self.critic.requires_grad_(False)
        generated = self.generate(self.config.batch, self.source)
        self.synthesis_steps.zero_grad()
        self.loss(self.value(generated)).mean().backward()
        self.synthesis_steps.step()
        self.critic.requires_grad_(True)
        self.iteration += 1

    def train_critic(self) -> None:
        """One step of the critic."""
        x = self.target.sample(self.config.batch, self.source)[None]
        with torch.no_grad():
            y = self.generate(self.config.batch, self.source)
        loss = -gain(self.measure, self.critic, x, y)
        if self.measure.is_wasserstein:
            loss = loss + self.config.penalty * penalty(self.critic, x, y, self.source)
        self.critic_adam.zero_grad()
        loss.sum().backward()
        self.critic_adam.step()

    def generate(self, count: int, source: torch.Generator) -> Tensor:
        """Generated points, (1, count, 2)."""
        return self.synthesis(normal((1, count, self.config.latent_dim), source))

    def value(self, points: Tensor) -> Tensor:
        """V at (1, n, 2), (1, n)."""
        return self.measure.critic(self.critic(points)[..., 0])

    def frame(self, seconds: float) -> Frame:
        """The current frame."""
        config = self.config
        source = generator(config.seed + 1)
        with torch.no_grad():
            points = self.generate(config.shown, source)
        points.requires_grad_()
        (slope,) = torch.autograd.grad(self.loss(self.value(points)).sum(), points)
        points = points.detach()
        line = axis(config)
        with torch.no_grad():
            critic = self.value(torch.cartesian_prod(line, line).flip(1)[None])
            fresh = self.target.sample(config.shown, source)
            distance = gain(self.measure, self.critic, fresh[None], points)
        few = min(COMPARED, config.shown)
        return Frame(
            self.iteration,
            self.iteration / config.iterations,
            seconds,
            points[0],
            -slope[0],
            torch.linalg.vector_norm(slope[0], dim=1).mean().item(),
            critic.view(config.side, config.side),
            distance.item(),
            wasserstein(points[0, :few], fresh[:few]),
            covered(self.target, points[0]),
        )
