"""Lower bounds, upper bounds and exact values of log p(x), on one axis.

    ELBO  ≤  IWAE_K, growing with K  ≤  log p(x)  ≤  best mixture of the decoder's distributions

The inequalities hold in expectation and on average over a set of images. Further estimates:
annealed importance sampling (AIS) is a lower bound that can be nearly tight. For models with one
or two latents, quadrature gives the integral itself. For images that the model generated from
known latents, AIS run backwards is an upper bound.

The bound by the best mixture holds for the *set* only: see `upper_bounds`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import data
from dgm_core.bounds import Estimate, iwae_curve
from dgm_core.bounds.quadrature import evidence_by_halving
from dgm_core.metrics import diagnostics
from dgm_core.mixtures.nonparametric import Family
from dgm_core.rng import draw, generator
from dgm_core.samplers.annealed import Annealed, annealed_bound
from dgm_core.samplers.importance import incomplete_log_weights, proposal_for
from dgm_core.samplers.paths import path_from_prior, path_from_proposal
from dgm_core.studies.likelihood.upper_bounds import upper_bound
from dgm_core.studies.toml_rows import rounded
from dgm_core.types import LatentVariableModel, Masked

LIMITS = {
    "temperatures": (0, 10_000),
    "leapfrogs": (1, 50),
    "chains": (2, 256),
    "most_points": (0, 2**24),
}
MOST_DRAWS = 1_000_000
KEY = ("model", "of", "method", "effort")


@dataclass(frozen=True)
class Config:
    """Computing effort of each method.

    Args:
        draws: the values of K for IWAE; all use one set of draws, as many as the largest K.
        temperatures: number of temperatures of AIS; 0 = no AIS.
        leapfrogs: leapfrog steps per Hamiltonian transition of AIS.
        chains: AIS chains per image.
        from_prior: if true, AIS starts at p(z) instead of the encoder's q(z|x). This classical
            start needs many more temperatures but does not depend on the encoder.
        tolerance: error in nats at which quadrature stops.
        most_points: largest number of grid points of quadrature; 0 = no quadrature. Quadrature
            also needs at most two latents.
        seed: of all randomness.

    Raises:
        ValueError: a number is out of its range.
    """

    draws: tuple[int, ...] = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
    temperatures: int = 100
    leapfrogs: int = 4
    chains: int = 8
    from_prior: bool = False
    tolerance: float = 1e-3
    most_points: int = 2**19
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.draws or not all(1 <= k <= MOST_DRAWS for k in self.draws):
            raise ValueError(f"expected draws from 1 to {MOST_DRAWS}, got {self.draws}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )


class Line(NamedTuple):
    """One value on the axis: mean over images, in nats per image."""

    method: str  # ELBO, IWAE, AIS, quadrature, AIS backwards, best mixture, empirical
    kind: str  # "below", "exact" or "above" log p(x); the bounds hold in expectation
    effort: int  # draws K, temperatures, grid points or components
    mean: float
    error: float  # Monte-Carlo standard error of the mean; for quadrature, its own estimate
    each: Tensor | None = None  # (B,) per image; None if the bound holds for the set only
    each_error: Tensor | None = None  # (B,)

    def row(self, model: str, of: str, images: int) -> dict[str, object]:
        """Table entry; `of` names the set of images."""
        fields = {
            key: value for key, value in self._asdict().items() if not key.startswith("each")
        }
        return rounded({"model": model, "of": of, "images": images, **fields})

    def sentence(self) -> str:
        """One line of a printed table."""
        sign = {"below": "≥", "exact": "=", "above": "≤"}[self.kind]
        return (
            f"{self.method:14} {self.effort:7}   log p(x) {sign} {self.mean:10.3f} "
            f"± {self.error:.3f}"
        )


class Frame(NamedTuple):
    """Lines computed so far."""

    doing: str  # the current computation
    done: float  # fraction in [0, 1]
    lines: tuple[Line, ...]


class Result(NamedTuple):
    """All lines, and diagnostics of the importance weights for the largest K."""

    config: Config
    images: int  # number of images
    lines: tuple[Line, ...]
    ess: Tensor  # (B,) effective sample size of the weights
    pareto_k: Tensor  # (B,) above 0.7, IWAE's standard errors are unreliable

    def of(self, method: str) -> list[Line]:
        """The lines of a method."""
        return [line for line in self.lines if line.method == method]


def images_of(dataset: str, count: int, first: int = 0) -> Tensor:
    """Test images at random, as the models read them; one channel: binarised once."""
    x = data.load(dataset, "test").sample(count, first).x
    return data.binarize(x, generator(0)) if x.shape[1] == 1 else x


@torch.no_grad()
def generated_images(
    model: LatentVariableModel, count: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Images drawn from the model, and the latents (count, L) that generated them."""
    source = generator(seed)
    z = draw(model.prior().expand((count,)), source)
    return draw(model.decode(z), source), z


def run(
    config: Config,
    model: LatentVariableModel,
    x: Tensor,
    *,
    observed: Tensor | None = None,
    latents: Tensor | None = None,
    family: Family | None = None,
) -> Iterator[Frame | Result]:
    """Yield a `Frame` after every piece of work, and at the end the `Result`.

    Args:
        config: computing effort.
        model: p(x, z) and q(z|x).
        x: B images or rows.
        observed: which entries are observed; None = all. With a mask, all lines refer to
            log p(x_obs), and AIS backwards is the only upper bound.
        latents: (B, L) latents that generated `x`, if known.
        family: possible Gaussians of the decoder; None = those of the model's likelihood.
    """
    everything = torch.ones_like(x, dtype=torch.bool)
    masked = Masked(x, everything if observed is None else observed)
    steps: list[Iterator[Frame]] = []
    weights: list[Tensor] = []
    steps.append(_importance(config, model, masked, weights))
    if config.most_points and model.prior().event_shape[0] <= 2:
        steps.append(_quadrature(config, model, masked))
    if config.temperatures:
        steps.append(_annealing(config, model, masked, None))
        if latents is not None:
            steps.append(_annealing(config, model, masked, latents))
    if observed is None:
        steps.append(_upper_bound(model, x, family))
    lines: tuple[Line, ...] = ()
    for number, step in enumerate(steps):
        new_lines: tuple[Line, ...] = ()
        for item in step:
            new_lines = item.lines
            yield item._replace(done=(number + item.done) / len(steps), lines=lines + new_lines)
        lines += new_lines
    log_w = torch.cat(weights)
    yield Result(
        config,
        len(x),
        lines,
        diagnostics.importance_ess(log_w),
        diagnostics.pareto_k(log_w),
    )


def _line(method: str, kind: str, effort: int, estimate: Estimate) -> Line:
    each, error = (part.double().cpu() for part in estimate)
    mean_error = error.square().sum().sqrt().item() / len(each)
    return Line(method, kind, effort, each.mean().item(), mean_error, each, error)


@torch.no_grad()
def _weight_batch(
    config: Config, model: LatentVariableModel, masked: Masked, k: int, n: int
) -> Tensor:
    """Log-weights of the n-th batch of k draws, float64."""
    source = generator(config.seed * 100_003 + n, masked.device)
    return incomplete_log_weights(model, masked, k, source, completion=masked.x).double()


def _importance(
    config: Config, model: LatentVariableModel, masked: Masked, weights: list[Tensor]
) -> Iterator[Frame]:
    """IWAE bounds from more and more draws; their log-weights are appended to `weights`."""
    most = max(config.draws)
    at_once = max(1, min(1000, 4000 // len(masked)))
    drawn = 0
    while drawn < most:
        k = min(at_once, most - drawn)
        weights.append(_weight_batch(config, model, masked, k, len(weights)))
        drawn += k
        reached = [k for k in sorted(set(config.draws)) if k <= drawn]
        curve = iwae_curve(torch.cat(weights), reached)
        lines = tuple(
            _line("IWAE" if k > 1 else "ELBO", "below", k, Estimate(*each))
            for k, *each in zip(reached, *curve, strict=True)
        )
        yield Frame(f"importance sampling, {drawn} draws", drawn / most, lines)


def _quadrature(config: Config, model: LatentVariableModel, masked: Masked) -> Iterator[Frame]:
    grids = evidence_by_halving(model, masked)
    while True:
        grid = next(grids)
        next_points = grid.points * 2 ** model.prior().event_shape[0]
        finished = grid.error.max() <= config.tolerance or next_points > config.most_points
        lines = ()
        if grid.error.isfinite().all():
            line = _line("quadrature", "exact", grid.points, Estimate(grid.value, grid.error))
            # The images share the grid, so their errors are dependent: average them.
            lines = (line._replace(error=grid.error.mean().item()),)
        done = 1.0 if finished else min(0.9, grid.points / config.most_points)
        yield Frame(f"quadrature, {grid.points} points", done, lines)
        if finished:
            return


def _annealing(
    config: Config, model: LatentVariableModel, masked: Masked, latents: Tensor | None
) -> Iterator[Frame]:
    with torch.no_grad():
        proposal = proposal_for(model, masked, masked.x)
    make_path = path_from_prior if config.from_prior else path_from_proposal
    source = generator(config.seed + (1 if latents is None else 2), masked.device)
    method = "AIS" if latents is None else "AIS backwards"
    kind = "below" if latents is None else "above"
    for now in annealed_bound(
        make_path(model, masked, proposal),
        config.temperatures,
        source,
        chains=config.chains,
        leapfrogs=config.leapfrogs,
        draws=latents,
    ):
        if isinstance(now, Annealed):
            doing = f"{method}, temperature {now.number} of {config.temperatures}"
            yield Frame(doing, now.number / config.temperatures, ())
        else:
            yield Frame(method, 1.0, (_line(method, kind, config.temperatures, now),))


def _upper_bound(model: LatentVariableModel, x: Tensor, family: Family | None) -> Iterator[Frame]:
    upper = upper_bound(model, x, family)
    lines = ()
    if upper is not None:
        name = "empirical" if upper.mixture is None else "best mixture"
        lines = (Line(name, "above", upper.components, upper.per_point, 0.0),)
    yield Frame("upper bound", 1.0, lines)


def is_ordered(lines: tuple[Line, ...], errors: float = 3.0) -> bool:
    """True if the lines are in order, up to `errors` standard errors.

    The order is: lower bounds, then exact values, then upper bounds.
    """
    order = {"below": 0, "exact": 1, "above": 2}
    for a in lines:
        for b in lines:
            tolerance = errors * math.hypot(a.error, b.error) + 1e-6
            if order[a.kind] < order[b.kind] and a.mean > b.mean + tolerance:
                return False
    return True
