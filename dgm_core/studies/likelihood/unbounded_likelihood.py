"""Why the variance of a Gaussian decoder needs a floor: without one, the likelihood is unbounded.

The same small models are trained with lower and lower floors ξ of the variance. The training
likelihood grows without limit as ξ falls, because the decoder may put narrower and narrower
Gaussians on the training points. The growth per point is −(D/2) log ξ nats if each point has its
own Gaussian, and −((D − L)/2) log ξ if the points lie on one surface of L dimensions. The
likelihood of new points collapses.

For comparison the study gives the limit for every model with that floor: the log-likelihood ℓ(Ĝ)
of the best mixture. The *parsimony gap* ℓ(Ĝ) − ℓ(θ) is the distance from the model to that limit;
it is the price of a network with a prior on z (Mattei & Frellsen 2018).

Points in the plane get models with one latent (curves), trained and evaluated by the likelihood
itself. Small images get several latents, the ELBO and importance sampling, which is a lower bound.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from dgm_core import data
from dgm_core.bounds import log_likelihood, log_weights
from dgm_core.bounds.quadrature import log_evidence
from dgm_core.data.plane import Mixture, Moons, PlanarDistribution, Points
from dgm_core.mixtures.nonparametric import Atoms, Family
from dgm_core.models.floored import FlooredDLVM, FlooredDLVMs
from dgm_core.rng import generator
from dgm_core.studies.likelihood.upper_bounds import best_mixture
from dgm_core.studies.toml_rows import rounded
from dgm_core.training.optimizers import Adam
from dgm_core.types import Masked

FLOORS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
LIMITS = {
    "points": (2, 1000),
    "tested": (1, 5000),
    "iterations": (1, 20_000),
    "every": (1, 5000),
    "hidden": (4, 256),
    "latents": (2, 32),
    "seed": (0, 9999),
}
STRATA = 512
"""Number of strata of u in a training step of a curve."""

LOWERED = 0.6
"""Fraction of the iterations in which each floor falls from the highest to its final value."""

BLUR = 0.05
"""Standard deviation of points around the positions that the user drew."""

DRAWS = 500
"""Importance samples per image."""

KEY = ("data", "floor")


@dataclass(frozen=True)
class Config:
    """Everything that determines a run.

    Attributes:
        data: "moons" or "drawn" (points in the plane), or "digits" (scikit-learn's digits at
            10×10 pixels).
        floors: ξ, smallest allowed variances in squared units of x; one model per floor.
        points: n, number of training points.
        tested: number of test points.
        iterations: of training.
        every: iterations between two frames.
        hidden: units of a hidden layer.
        latents: number of latents of the models of digits.
        seed: of all randomness.
        drawn: centres for "drawn"; each point lies near one of them.

    Raises:
        ValueError: an unknown name, a number out of its range, or no drawn point.
    """

    data: str = "moons"
    floors: tuple[float, ...] = FLOORS
    points: int = 40
    tested: int = 100
    iterations: int = 800
    every: int = 50
    hidden: int = 64
    latents: int = 8
    seed: int = 0
    drawn: Points | None = None

    def __post_init__(self) -> None:
        if self.data not in ("moons", "drawn", "digits"):
            raise ValueError(f"expected moons, drawn or digits, got {self.data!r}")
        if self.data == "drawn" and not self.drawn:
            raise ValueError("expected at least one drawn point, got none")
        if not self.floors or not all(1e-10 <= floor <= 10 for floor in self.floors):
            raise ValueError(f"expected floors from 1e-10 to 10, got {self.floors}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )

    @property
    def distribution(self) -> PlanarDistribution | None:
        """The distribution of points in the plane; None for digits."""
        if self.data == "digits":
            return None
        return Moons() if self.data == "moons" else Mixture(self.drawn or (), BLUR)


class Curves(NamedTuple):
    """Gaussians of R models with one latent, at evenly spaced u = Φ(z)."""

    u: Tensor  # (G,)
    mean: Tensor  # (R, G, 2)
    sd: Tensor  # (R, G, 2)


class Frame(NamedTuple):
    """State of the training."""

    doing: str  # the current computation
    done: float  # fraction in [0, 1]
    seconds: float  # of training
    floors: tuple[float, ...]  # in this iteration
    objective: tuple[float, ...]  # likelihood or ELBO with these floors, nats per point
    curves: Curves | None  # for points in the plane


class Row(NamedTuple):
    """Results for one floor, in nats per point."""

    data: str
    floor: float
    dim: int  # D
    train: float  # ℓ(θ) / n
    train_error: float  # Monte-Carlo standard error, or error of quadrature
    test: float  # mean log p(x) of the test points
    test_error: float
    upper: float  # upper bound on ℓ(Ĝ) / n
    reached: float  # lower bound on ℓ(Ĝ) / n: log-likelihood of the fitted mixture
    components: int  # of the fitted mixture
    mixture_test: float  # its mean log-likelihood of the test points

    @property
    def parsimony_gap(self) -> tuple[float, float]:
        """Lower and upper bound on ℓ(Ĝ) − ℓ(θ), nats per point."""
        return self.reached - self.train, self.upper - self.train

    def entry(self) -> dict[str, Any]:
        """Table entry."""
        low, high = self.parsimony_gap
        fields = {**self._asdict(), "gap_at_least": low, "gap_at_most": high}
        return {**rounded(fields), "floor": self.floor}

    def sentence(self) -> str:
        """One line of a printed table."""
        return (
            f"{self.data:7} floor {self.floor:7.0e}   train {self.train:9.3f}   test "
            f"{self.test:12.3f}   best mixture {self.upper:9.3f} with {self.components} "
            f"components, test {self.mixture_test:.1f}"
        )


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run."""

    config: Config
    rows: tuple[Row, ...]
    x: Tensor  # (n, D)
    others: Tensor  # (tested, D)
    models: tuple[FlooredDLVM, ...]
    mixtures: tuple[Atoms, ...]
    curves: Curves | None


def points(config: Config) -> tuple[Tensor, Tensor]:
    """Training points (n, D) and test points (tested, D)."""
    if config.distribution is not None:
        source = generator(config.seed)
        return config.distribution.sample(config.points, source), config.distribution.sample(
            config.tested, source
        )
    rows = []
    for split, count in (("train", config.points), ("test", config.tested)):
        x = data.load("digits", split).x[:count, :, 4:24, 4:24]  # without the black border
        rows.append(avg_pool2d(x, 2).flatten(1))
    return rows[0], rows[1]


def run(config: Config) -> Iterator[Frame | Row | Result]:
    """Yield frames of the training, a `Row` per floor, and at the end the `Result`."""
    x, others = points(config)
    plane = config.distribution is not None
    source = generator(config.seed + 1)
    models = FlooredDLVMs(
        config.floors, x.shape[1], 1 if plane else config.latents, config.hidden, source
    )
    yield from train(models, config, x, source)
    rows, members, mixtures = [], [], []
    for number, floor in enumerate(config.floors):
        member = models.member(number)
        log_p, error = mean_log_likelihood(member, x, source)
        test, test_error = mean_log_likelihood(member, others, source)
        best = best_mixture(x, Family(floor))
        assert best.mixture is not None  # only the empirical bound has none
        row = Row(
            config.data,
            floor,
            x.shape[1],
            log_p,
            error,
            test,
            test_error,
            best.per_point,
            best.reached,
            best.components,
            best.mixture.log_prob(others.double()).mean().item(),
        )
        yield row
        rows.append(row)
        members.append(member)
        mixtures.append(best.mixture)
    yield Result(config, tuple(rows), x, others, tuple(members), tuple(mixtures), curves(models))


def train(
    models: FlooredDLVMs, config: Config, x: Tensor, source: torch.Generator
) -> Iterator[Frame]:
    """Train all models with Adam: yield frames.

    The learning rate is constant for the first half and then falls to 0. Each floor falls from
    the highest to its final value. A model that started with a floor of 10⁻⁶ would have hardly any
    density, and so no useful gradient, away from its curve.
    """
    rate = 3e-3 if models.latent_dim == 1 else 2e-3
    adam = Adam(models.parameters(), betas=(0.9, 0.99))
    highest = models.floors.max()
    start = time.perf_counter()
    for number in range(config.iterations):
        done = number / config.iterations
        lowered = min(1.0, done / LOWERED)
        floors = highest ** (1 - lowered) * models.floors**lowered
        adam.rate = rate * min(1.0, 2 * (1 - done))
        if models.latent_dim == 1:
            each = models.log_likelihood(x, STRATA, source, floors)
        else:
            each = models.elbo(x, source, floors)
        adam.zero_grad()
        (-each.mean(1).sum()).backward()
        torch.nn.utils.clip_grad_norm_(models.parameters(), 20.0)
        adam.step()
        if (number + 1) % config.every == 0 or number + 1 == config.iterations:
            yield Frame(
                "training",
                (number + 1) / config.iterations,
                time.perf_counter() - start,
                tuple(floors.tolist()),
                tuple(each.detach().mean(1).tolist()),
                curves(models),
            )


@torch.no_grad()
def curves(models: FlooredDLVMs, steps: int = 300) -> Curves | None:
    """Curves of models with one latent, with their final floors; None for more latents."""
    if models.latent_dim != 1:
        return None
    u = (torch.arange(steps) + 0.5) / steps
    z = torch.special.ndtri(u)[None, :, None].expand(len(models.floors), -1, -1)
    return Curves(u, *models.decoded(z))


@torch.no_grad()
def mean_log_likelihood(
    model: FlooredDLVM, x: Tensor, source: torch.Generator
) -> tuple[float, float]:
    """Mean log p(x) of rows (N, D) in nats, and its error."""
    if model.single.latent_dim == 1:
        masked = Masked(x, torch.ones_like(x, dtype=torch.bool))
        integral = log_evidence(
            model, masked, tolerance=0.01, most_points=2**20, decoded_at_once=2**15
        )
        return integral.value.mean().item(), integral.error.mean().item()
    values, errors = [], []
    for part in x.split(max(1, 20_000 // DRAWS)):
        value, error = log_likelihood(log_weights(model, part, DRAWS, source).double())
        values.append(value)
        errors.append(error)
    error = torch.cat(errors).square().sum().sqrt().item() / len(x)
    return torch.cat(values).mean().item(), error


def slope(rows: tuple[Row, ...]) -> list[float]:
    """d ℓ(θ) / d(−½ log ξ) per point, between successive floors.

    It counts the directions in which the model has collapsed onto its training points: D if each
    point has its own Gaussian, D − L if the points lie on one surface of L dimensions.
    """
    ordered = sorted(rows, key=lambda row: -row.floor)
    return [
        (b.train - a.train) / (0.5 * math.log(a.floor / b.floor)) for a, b in pairwise(ordered)
    ]
