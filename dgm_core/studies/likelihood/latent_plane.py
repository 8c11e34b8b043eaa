"""The effect of hidden pixels on the posterior, in the plane of a model with two latents.

One grid holds p(z|x) of the whole image, p(z|x_obs) of its observed pixels, and the encoder's
Gaussians. The encoder needs a completed image, so its Gaussian depends on the hidden pixels. Two
cases are shown: hidden pixels set to 0, and the average over their distribution,

    q̄(z) = E q(z | x_obs, x_mis),   x_mis ~ p(x_mis | x_obs).

A chain that has converged draws its proposals from q̄ on average. The same plane shows the chains
of the samplers with their actual proposals, which are read from each step's `Info`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.bounds.quadrature import Plane
from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.missing.packing import unpack
from dgm_core.rng import draw, generator
from dgm_core.samplers import CATALOGUE, INITIALISATIONS, Info, LairInfo, State, chains, lair
from dgm_core.types import LatentVariableModel, Masked

SAMPLERS = ("pseudo-Gibbs", "Metropolis-within-Gibbs", "collapsed Metropolis", "LAIR")
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
        model: name in the zoo of a model with two latents.
        image: pixels of the original, packed by `dgm_core.missing.packing.pack`.
        hidden: which pixels are hidden, packed.
        samplers: members of `SAMPLERS`.
        iterations: of each sampler, warm-up included.
        warmup: number of these iterations run as pseudo-Gibbs.
        chains: number of chains per sampler; for LAIR, of completions.
        initialisation: of hidden pixels, a name in `INITIALISATIONS`.
        side: grid points along each axis.
        reach: the grid runs from −reach to reach.
        completions: number of draws of x_mis in the average q̄.
        seed: of all randomness.

    Raises:
        ValueError: a value outside `LIMITS`, or an unknown name.
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
                raise ValueError(f"expected a sampler of {', '.join(SAMPLERS)}, got {name!r}")
        if self.initialisation not in INITIALISATIONS:
            known = ", ".join(INITIALISATIONS)
            raise ValueError(f"expected an initialisation of {known}, got {self.initialisation!r}")

    @property
    def x(self) -> Tensor:
        """The whole image, (1, 1, 28, 28)."""
        return torch.from_numpy(unpack(self.image, DIGIT_SIDE, DIGIT_SIDE)).float()[None, None]

    @property
    def observed(self) -> Tensor:
        """Which pixels are observed, bool (1, 1, 28, 28)."""
        return ~torch.from_numpy(unpack(self.hidden, DIGIT_SIDE, DIGIT_SIDE))[None, None]


class Normal2(NamedTuple):
    """Moments of a distribution in the plane, shown as an ellipse."""

    mean: Tensor  # (…, 2)
    covariance: Tensor  # (…, 2, 2)


class Window(NamedTuple):
    """Density on a fine grid over the part of the plane that holds nearly all of its mass."""

    across: Tensor  # (n,)
    up: Tensor  # (m,)
    log_density: Tensor  # (m, n); [row: up, column: across]


class Posterior(NamedTuple):
    """p(z|·) on the grid, and its moments from a finer grid, the window."""

    log_density: Tensor  # (m, n); [row: up, column: across]
    window: Window
    log_evidence: float  # nats
    exact: Normal2  # mean and covariance of the posterior, which need not be Gaussian
    entropy: float  # nats, of z
    mean_image: Tensor  # (*event) E[x|·], all pixels


class Landscape(NamedTuple):
    """Densities in the plane, computed before the chains run."""

    across: Tensor  # (n,)
    up: Tensor  # (m,)
    whole: Posterior  # given all pixels
    seen: Posterior  # given the observed pixels
    of_whole: Normal2  # q(z|x)
    of_zeros: Normal2  # q(z|x_obs, 0)
    log_average: Tensor  # (m, n) log q̄


class Moves(NamedTuple):
    """One iteration of a sampler with C chains and P proposals.

    A chain makes one proposal; LAIR makes K from its completions and R from the prior.
    """

    before: Tensor  # (C, 2)
    proposed: Tensor  # (P, 2)
    log_ratio: Tensor  # (P,) log of the acceptance ratio; for LAIR, log of normalised weights
    accepted: Tensor  # (P,) bool; for LAIR, True if any completion resampled it
    after: Tensor  # (C, 2)
    proposal: Normal2  # (C, …) q(z | completion), the source of all or (LAIR) most proposals
    x: Tensor  # (C, *event) the completions after the iteration


class Frame(NamedTuple):
    """Moves of all samplers in one iteration."""

    iteration: int
    warming_up: bool
    moves: dict[str, Moves]


class Result(NamedTuple):
    """A finished run."""

    config: Config
    landscape: Landscape
    moves: dict[str, list[Moves]]  # one per iteration
    total_variation: dict[str, float]  # of the draws after the warm-up; see `total_variation`


def run(config: Config, model: LatentVariableModel) -> Iterator[Landscape | Frame | Result]:
    """Yield the `Landscape`, a `Frame` after every iteration, and at the end the `Result`."""
    axis = torch.linspace(-config.reach, config.reach, config.side, dtype=torch.float64)
    plane = Plane(model, axis, axis)
    ground = landscape(model, plane, config.x, config.observed, config.completions, config.seed)
    yield ground
    masked = Masked(config.x, config.observed)
    every: dict[str, list[Moves]] = {name: [] for name in config.samplers}
    by_sampler = {name: moves(name, config, model, masked) for name in config.samplers}
    for number in range(1, config.iterations + 1):
        current = {name: next(iterations) for name, iterations in by_sampler.items()}
        for name, each in current.items():
            every[name].append(each)
        yield Frame(number, number <= config.warmup, current)
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
    """Posteriors of the model and Gaussians of the encoder for one image.

    Args:
        model: with two latents.
        plane: grid of the model, decoded once for all images and masks.
        x, observed: the whole image and its mask, (1, \\*event).
        completions: number of draws of x_mis in the average q̄.
        seed: of these draws.
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
    """p(z | x_obs) of one row, the finer grid used for its moments, and the density on it."""
    coarse = plane.log_joint(masked)[0]
    fine = Plane(model, *plane.around(coarse))
    log_joint = fine.log_joint(masked)
    log_evidence = log_joint.flatten(1).logsumexp(1) + fine.log_cell
    log_fine = log_joint - log_evidence[:, None, None]
    mean, covariance = fine.moments(log_fine)
    mass = log_fine.flatten().softmax(0)
    result = Posterior(
        coarse - log_evidence[0],
        Window(fine.across, fine.up, log_fine[0]),
        log_evidence.item(),
        Normal2(mean[0], covariance[0]),
        -(mass * log_fine.flatten()).sum().item(),
        fine.mean_image(log_fine)[0],
    )
    return result, fine, log_fine


def moves(
    name: str, config: Config, model: LatentVariableModel, masked: Masked
) -> Iterator[Moves]:
    """Moves of a sampler, one per iteration, from the proposals in each step's `Info`."""
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
    proposal = ellipse(info.proposal)
    if isinstance(info, LairInfo):
        proposed, log_ratio = info.z[0], info.log_w[0].log_softmax(0)
        accepted = (proposed[:, None] == after.z).all(2).any(1)
    else:
        proposed, log_ratio, accepted = info.z_new, info.log_ratio, info.accepted
    return Moves(before.z, proposed, log_ratio, accepted, after.z, proposal, after.x)


def ellipse(gaussian: Distribution) -> Normal2:
    """Mean and covariance of a Gaussian of any batch shape."""
    covariance = getattr(gaussian, "covariance_matrix", None)
    if covariance is None:
        covariance = torch.diag_embed(gaussian.variance)
    return Normal2(gaussian.mean, covariance)


def total_variation(z: Tensor, window: Window, cells: int = 11) -> float:
    """Total variation distance between draws z (N, 2) and a posterior, on cells × cells.

    It is half the sum over cells of |fraction of the draws − mass|, from 0 (equal) to 1
    (disjoint). Draws outside the window count as disjoint. N exact draws from the posterior
    also have a distance of about √(occupied cells / N) / 2.
    """
    exact = torch.zeros(cells, cells, dtype=torch.float64)
    mass = window.log_density.flatten().softmax(0).view_as(window.log_density)
    rows, columns = (
        _cell_of(axis, axis, cells)[0].clamp(0, cells - 1) for axis in (window.up, window.across)
    )
    exact.index_put_((rows[:, None], columns[None]), mass, accumulate=True)
    row, row_inside = _cell_of(window.up, z[:, 1].double(), cells)
    column, column_inside = _cell_of(window.across, z[:, 0].double(), cells)
    inside = row_inside & column_inside
    drawn = torch.zeros_like(exact)
    each = torch.full((int(inside.sum()),), 1 / len(z), dtype=torch.float64)
    drawn.index_put_((row[inside], column[inside]), each, accumulate=True)
    return (0.5 * ((drawn - exact).abs().sum() + 1 - drawn.sum())).item()


def _cell_of(axis: Tensor, value: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Index of the cell of each value, and whether the value lies inside the axis.

    The axis is divided into `cells` equal parts. It extends half a grid spacing beyond its first
    and last point.
    """
    half = (axis[1] - axis[0]) / 2
    at = ((value - axis[0] + half) / (axis[-1] - axis[0] + 2 * half) * cells).floor().long()
    return at, (at >= 0) & (at < cells)
