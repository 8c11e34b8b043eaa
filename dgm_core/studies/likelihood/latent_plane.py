"""What hidden pixels do to the posterior, in the plane of a model with two latents.

On one grid: p(z|x) of the whole image, p(z|x_obs) of what is seen of it, and what the encoder
makes of both. Where pixels are hidden it reads a completion, so its law depends on one: at hidden
pixels set to 0; and on average over what they may be,

    q̄(z) = E q(z | x_obs, x_mis),   x_mis ~ p(x_mis | x_obs),

which is where a chain that has converged has its proposals from. Through the same plane go the
samplers' chains, each with the very proposals it made: taken from their `Info`, not made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.bounds.quadrature import Plane
from dgm_core.missing.packing import unpack
from dgm_core.rng import draw, generator
from dgm_core.samplers import CATALOGUE, INITIALISATIONS, Info, LairInfo, State, chains, lair
from dgm_core.studies.inpainting.two_samplers import SIDE
from dgm_core.types import LatentVariableModel, Masked

SAMPLERS = (*CATALOGUE, "LAIR")
LIMITS = {
    "iterations": (1, 5000),
    "warmup": (0, 1000),
    "chains": (1, 16),
    "side": (21, 301),
    "reach": (1.0, 8.0),
    "completions": (1, 512),
    "seed": (0, 2**31 - 1),
}


@dataclass(frozen=True)
class Config:
    """Everything that determines a run.

    Args:
        model: a name in the zoo, of a model with two latents.
        image: the true pixels, `inpainting.pack`ed.
        hidden: which pixels are hidden, packed.
        samplers: among `SAMPLERS`.
        iterations: of each, warm-up included.
        warmup: of them, run as pseudo-Gibbs.
        chains: of each sampler; LAIR's completions.
        initialisation: of hidden pixels, a name in `INITIALISATIONS`.
        side: points of the grid along each axis.
        reach: the grid goes from −reach to reach.
        completions: of x_mis, in the average q̄.
        seed: of all randomness.

    Raises:
        ValueError: a value out of `LIMITS`, an unknown name.
    """

    model: str
    image: bytes
    hidden: bytes
    samplers: tuple[str, ...] = SAMPLERS
    iterations: int = 200
    warmup: int = 10
    chains: int = 4
    initialisation: str = "uniform noise"
    side: int = 121
    reach: float = 4.0
    completions: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )
        for name in self.samplers:
            if name not in SAMPLERS:
                raise ValueError(f"no sampler {name!r}; there are {', '.join(SAMPLERS)}")
        if self.initialisation not in INITIALISATIONS:
            raise ValueError(f"no initialisation {self.initialisation!r}")

    @property
    def x(self) -> Tensor:
        """The whole image, one row."""
        return torch.from_numpy(unpack(self.image, SIDE, SIDE)).float()[None, None]

    @property
    def observed(self) -> Tensor:
        """What is seen of it."""
        return ~torch.from_numpy(unpack(self.hidden, SIDE, SIDE))[None, None]


class Normal2(NamedTuple):
    """A Gaussian in the plane, to be drawn as an ellipse."""

    mean: Tensor  # (…, 2)
    covariance: Tensor  # (…, 2, 2)


class Window(NamedTuple):
    """A density on a part of the plane that holds nearly all of its mass, as finely as on all."""

    across: Tensor  # (n,)
    up: Tensor  # (m,)
    log_density: Tensor  # (m, n); [row: up, column: across]


class Posterior(NamedTuple):
    """p(z|·) on the grid; and its numbers, from the window around it."""

    log_density: Tensor  # (m, n); [row: up, column: across]
    window: Window
    log_evidence: float  # nats
    exact: Normal2  # mean and covariance; it need not be a Gaussian
    entropy: float  # nats, of z
    mean_image: Tensor  # (*event) E[x|·], hidden pixels and seen ones


class Landscape(NamedTuple):
    """What stands in the plane before any chain moves."""

    across: Tensor  # (n,)
    up: Tensor  # (m,)
    whole: Posterior  # given all pixels
    seen: Posterior  # given those that are not hidden
    of_whole: Normal2  # q(z|x)
    of_zeros: Normal2  # q(z|x_obs, 0)
    log_average: Tensor  # (m, n) log q̄


class Moves(NamedTuple):
    """One iteration of a sampler: C chains, and P proposals; a chain makes one, LAIR K + R."""

    before: Tensor  # (C, 2)
    proposed: Tensor  # (P, 2)
    log_ratio: Tensor  # (P,) log of the accept ratio; of LAIR, log-weights that sum to 1
    accepted: Tensor  # (P,) bool; of LAIR, whether any completion took it
    after: Tensor  # (C, 2)
    proposal: Normal2  # (C, …) q(z | completion), which proposed, or most of what was proposed
    x: Tensor  # (C, *event) the completions after it


class Frame(NamedTuple):
    """All samplers after an iteration."""

    iteration: int
    warming_up: bool
    moves: dict[str, Moves]


class Result(NamedTuple):
    """A finished run."""

    config: Config
    landscape: Landscape
    moves: dict[str, list[Moves]]  # of every iteration
    total_variation: dict[str, float]  # see `total_variation`; after the warm-up


def run(config: Config, model: LatentVariableModel) -> Iterator[Landscape | Frame | Result]:
    """The `Landscape`, a `Frame` after every iteration, and the `Result`."""
    axis = torch.linspace(-config.reach, config.reach, config.side, dtype=torch.float64)
    plane = Plane(model, axis, axis)
    ground = landscape(model, plane, config.x, config.observed, config.completions, config.seed)
    yield ground
    masked = Masked(config.x, config.observed)
    every: dict[str, list[Moves]] = {name: [] for name in config.samplers}
    courses = [moves(name, config, model, masked) for name in config.samplers]
    for number in range(1, config.iterations + 1):
        now = dict(zip(config.samplers, (next(course) for course in courses), strict=True))
        for name, each in now.items():
            every[name].append(each)
        yield Frame(number, number <= config.warmup, now)
    kept = {name: each[config.warmup :] for name, each in every.items()}
    distances = {
        name: total_variation(torch.cat([each.after for each in moved]), ground.seen.window)
        for name, moved in kept.items()
        if moved
    }
    yield Result(config, ground, every, distances)


def landscape(
    model: LatentVariableModel,
    plane: Plane,
    x: Tensor,
    observed: Tensor,
    completions: int = 64,
    seed: int = 0,
) -> Landscape:
    """What p and q say of one image.

    Args:
        model: of two latents.
        plane: its grid, decoded once for any image and mask.
        x, observed: the whole image and what is seen of it, (1, \\*event).
        completions: of x_mis, in the average q̄.
        seed: of these.
    """
    masked = Masked(x, observed)
    whole, _, _ = posterior(model, plane, Masked(x, torch.ones_like(observed)))
    seen, fine, log_fine = posterior(model, plane, masked)
    source = generator(seed)
    with torch.no_grad():
        z = fine.draw(log_fine, completions, source)[:, 0]
        filled = masked.repeat(completions).complete(draw(model.decode(z), source))
        each = model.encode(filled).log_prob(plane.z[:, None].expand(-1, completions, 2))
        of_whole, of_zeros = model.encode(x), model.encode(masked.x)
    log_average = each.double().logsumexp(1) - torch.tensor(completions).log()
    return Landscape(
        plane.across,
        plane.up,
        whole,
        seen,
        ellipse(of_whole),
        ellipse(of_zeros),
        log_average.view(len(plane.up), len(plane.across)),
    )


def posterior(
    model: LatentVariableModel, plane: Plane, masked: Masked
) -> tuple[Posterior, Plane, Tensor]:
    """p(z | x_obs) of one row; and the finer grid that its numbers come from, with its density."""
    coarse = plane.log_joint(masked)[0]
    fine = Plane(model, *plane.around(coarse))
    log_joint = fine.log_joint(masked)
    log_evidence = log_joint.flatten(1).logsumexp(1) + fine.log_cell
    log_fine = log_joint - log_evidence[:, None, None]
    mean, covariance = fine.moments(log_fine)
    mass = log_fine.flatten().softmax(0)
    found = Posterior(
        coarse - log_evidence[0],
        Window(fine.across, fine.up, log_fine[0]),
        log_evidence.item(),
        Normal2(mean[0], covariance[0]),
        -(mass * log_fine.flatten()).sum().item(),
        fine.mean_image(log_fine)[0],
    )
    return found, fine, log_fine


def moves(
    name: str, config: Config, model: LatentVariableModel, masked: Masked
) -> Iterator[Moves]:
    """What a sampler does, iteration by iteration.

    A step's `Info` holds the proposal that the sampler made; nothing is drawn again.
    """
    count, start = config.chains, INITIALISATIONS[config.initialisation]
    rows = masked.repeat(count)
    warm = CATALOGUE["pseudo-Gibbs"](model, rows, start)
    sampler = (
        lair(model, masked, start, completions=count, prior_proposals=max(1, count // 4))
        if name == "LAIR"
        else CATALOGUE[name](model, rows, start)
    )
    source = generator(config.seed)
    with torch.inference_mode():
        state = warm.init(source)
    for step in chains.run(sampler, source, config.iterations, config.warmup, warm, state):
        yield _moves(state, step.info, step.state)
        state = step.state


def _moves(before: State, info: Info | LairInfo, after: State) -> Moves:
    ground = ellipse(info.proposal)
    if isinstance(info, LairInfo):
        proposed, log_ratio = info.z[0], info.log_w[0].log_softmax(0)
        taken = (proposed[:, None] == after.z).all(2).any(1)
    else:
        proposed, log_ratio, taken = info.z_new, info.log_ratio, info.accepted
    return Moves(before.z, proposed, log_ratio, taken, after.z, ground, after.x)


def ellipse(law: Distribution) -> Normal2:
    """Mean and covariance of a Gaussian law, of any batch."""
    covariance = getattr(law, "covariance_matrix", None)
    return Normal2(law.mean, torch.diag_embed(law.variance) if covariance is None else covariance)


def total_variation(z: Tensor, window: Window, cells: int = 11) -> float:
    """Half the sum of |share of the draws z (N, 2) − mass| over cells × cells of the window.

    From 0, alike, to 1, nowhere the same; draws outside agree with nothing. N draws of the
    posterior itself would be some way off, too: about √(occupied cells / N) / 2.
    """
    truth = torch.zeros(cells, cells, dtype=torch.float64)
    mass = window.log_density.flatten().softmax(0).view_as(window.log_density)
    rows, columns = (
        _cell_of(axis, axis, cells)[0].clamp(0, cells - 1) for axis in (window.up, window.across)
    )
    truth.index_put_((rows[:, None], columns[None]), mass, accumulate=True)
    row, row_inside = _cell_of(window.up, z[:, 1].double(), cells)
    column, column_inside = _cell_of(window.across, z[:, 0].double(), cells)
    inside = row_inside & column_inside
    share = torch.zeros_like(truth)
    each = torch.full((int(inside.sum()),), 1 / len(z), dtype=torch.float64)
    share.index_put_((row[inside], column[inside]), each, accumulate=True)
    return (0.5 * ((share - truth).abs().sum() + 1 - share.sum())).item()


def _cell_of(axis: Tensor, value: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Which of equal parts of an axis, each point in the middle of its own, and whether any."""
    half = (axis[1] - axis[0]) / 2
    at = ((value - axis[0] + half) / (axis[-1] - axis[0] + 2 * half) * cells).floor().long()
    return at, (at >= 0) & (at < cells)
