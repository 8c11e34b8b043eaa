"""All that is known of log p(x), on one axis.

    ELBO  ≤  IWAE_K, growing with K  ≤  log p(x)  ≤  the best mixture of the decoder's kind

in expectation, for a set of images on average. Between them: annealed importance sampling (AIS), a
lower bound that is nearly tight; of a model with two latents the integral itself, by quadrature;
and of images that the model has made, whose latents are known, AIS run backwards, an upper bound.

The bound from above is of the *set*: see `upper_bounds`.
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
from dgm_core.samplers.annealed import (
    Annealed,
    annealed_bound,
    path_from_prior,
    path_from_proposal,
)
from dgm_core.samplers.importance import incomplete_log_weights, proposal_for
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
    """How hard each method works.

    Args:
        draws: each K of IWAE; all are from one set of as many draws as the largest.
        temperatures: of AIS; 0 leaves it out.
        leapfrogs: in each of its Hamiltonian steps.
        chains: of AIS, for each image.
        from_prior: AIS begins at p(z), and not at the encoder's q(z|x): the classical way, which
            needs many more temperatures, but none of the encoder's virtues.
        tolerance: error, in nats, at which quadrature stops.
        most_points: of its grid; 0 leaves it out, and so do more than two latents.
        seed: of everything.

    Raises:
        ValueError: a number out of its range.
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
    """One number on the axis: the mean over images, nats an image."""

    method: str  # ELBO, IWAE, AIS, quadrature, AIS backwards, best mixture, empirical
    kind: str  # "below", "exact" or "above" log p(x), the first and the last in expectation
    effort: int  # draws K, temperatures, points of a grid, components
    mean: float
    error: float  # Monte-Carlo standard error of the mean; of quadrature its stated error
    each: Tensor | None = None  # (B,) of each image; None where the bound is of the set alone
    each_error: Tensor | None = None

    def row(self, model: str, of: str, images: int) -> dict[str, object]:
        """For a table; `of` says what images they are."""
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
    """What is known so far."""

    doing: str
    done: float
    lines: tuple[Line, ...]


class Result(NamedTuple):
    """All lines, and what the importance weights of the largest K were worth."""

    config: Config
    images: int
    lines: tuple[Line, ...]
    ess: Tensor  # (B,) of the weights
    pareto_k: Tensor  # (B,) above 0.7 IWAE's standard errors are not to be trusted

    def of(self, method: str) -> list[Line]:
        """The lines of a method."""
        return [line for line in self.lines if line.method == method]


def images_of(dataset: str, count: int, first: int = 0) -> Tensor:
    """Test images as models of them read them; grey ones of 28×28 are binarised once."""
    x = data.load(dataset, "test").x[first : first + count]
    return data.binarize(x, generator(0)) if x.shape[1] == 1 else x


@torch.no_grad()
def generated_images(
    model: LatentVariableModel, count: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Images that the model has made, and the latents (count, L) that it made them from."""
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
    """A `Frame` after every piece of work, and the `Result`.

    Args:
        config: how hard to work.
        model: p(x, z) and q(z|x).
        x: B images or rows.
        observed: what is seen of them; None = all. Then everything is of log p(x_obs), and there
            is no bound from above but that of AIS.
        latents: (B, L) that the model has made `x` from, if it has.
        family: what a Gaussian decoder may put out; None = as the model's likelihood has it.
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
        steps.append(_from_above(model, x, family))
    found: tuple[Line, ...] = ()
    for number, step in enumerate(steps):
        own: tuple[Line, ...] = ()
        for item in step:
            own = item.lines
            yield item._replace(done=(number + item.done) / len(steps), lines=found + own)
        found += own
    log_w = torch.cat(weights)
    yield Result(
        config,
        len(x),
        found,
        diagnostics.importance_ess(log_w),
        diagnostics.pareto_k(log_w),
    )


def _line(method: str, kind: str, effort: int, estimate: Estimate) -> Line:
    each, error = (part.double().cpu() for part in estimate)
    mean_error = error.square().sum().sqrt().item() / len(each)
    return Line(method, kind, effort, each.mean().item(), mean_error, each, error)


@torch.no_grad()
def _piece(config: Config, model: LatentVariableModel, masked: Masked, k: int, n: int) -> Tensor:
    """Log-weights of the n-th piece of k draws, float64."""
    source = generator(config.seed * 100_003 + n, masked.device)
    return incomplete_log_weights(model, masked, k, source, completion=masked.x).double()


def _importance(
    config: Config, model: LatentVariableModel, masked: Masked, weights: list[Tensor]
) -> Iterator[Frame]:
    """The curve of IWAE, from ever more draws; they are added to `weights`."""
    most = max(config.draws)
    at_once = max(1, min(1000, 4000 // len(masked)))
    drawn = 0
    while drawn < most:
        k = min(at_once, most - drawn)
        weights.append(_piece(config, model, masked, k, len(weights)))
        drawn += k
        known = [k for k in sorted(set(config.draws)) if k <= drawn]
        curve = iwae_curve(torch.cat(weights), known)
        lines = tuple(
            _line("IWAE" if k > 1 else "ELBO", "below", k, Estimate(*each))
            for k, *each in zip(known, *curve, strict=True)
        )
        yield Frame(f"importance sampling, {drawn} draws", drawn / most, lines)


def _quadrature(config: Config, model: LatentVariableModel, masked: Masked) -> Iterator[Frame]:
    grids = evidence_by_halving(model, masked)
    while True:
        found = next(grids)
        following = found.points * 2 ** model.prior().event_shape[0]
        over = found.error.max() <= config.tolerance or following > config.most_points
        lines = ()
        if found.error.isfinite().all():
            line = _line("quadrature", "exact", found.points, Estimate(found.value, found.error))
            # Errors of one grid are not independent: their mean, not the error of a mean.
            lines = (line._replace(error=found.error.mean().item()),)
        share = 1.0 if over else min(0.9, found.points / config.most_points)
        yield Frame(f"quadrature, {found.points} points", share, lines)
        if over:
            return


def _annealing(
    config: Config, model: LatentVariableModel, masked: Masked, latents: Tensor | None
) -> Iterator[Frame]:
    with torch.no_grad():
        proposal = proposal_for(model, masked, masked.x)
    begin = path_from_prior if config.from_prior else path_from_proposal
    source = generator(config.seed + (1 if latents is None else 2), masked.device)
    method = "AIS" if latents is None else "AIS backwards"
    kind = "below" if latents is None else "above"
    for now in annealed_bound(
        begin(model, masked, proposal),
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


def _from_above(model: LatentVariableModel, x: Tensor, family: Family | None) -> Iterator[Frame]:
    found = upper_bound(model, x, family)
    lines = ()
    if found is not None:
        name = "empirical" if found.mixture is None else "best mixture"
        lines = (Line(name, "above", found.components, found.per_point, 0.0),)
    yield Frame("bound from above", 1.0, lines)


def is_ordered(lines: tuple[Line, ...], errors: float = 3.0) -> bool:
    """No lower bound lies above an upper one or the truth, to so many standard errors."""
    highest = {"below": 0, "exact": 1, "above": 2}
    for a in lines:
        for b in lines:
            slack = errors * math.hypot(a.error, b.error) + 1e-6
            if highest[a.kind] < highest[b.kind] and a.mean > b.mean + slack:
                return False
    return True
