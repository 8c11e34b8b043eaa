"""MIWAE and not-MIWAE side by side on one table whose values went missing because of themselves.

Both are trained on the same rows, epoch by epoch in turns, and scored as they go on the entries
that were removed. Simple methods are scored on the same entries. A `Frame` comes after every few
epochs; what the models say in the end, `Answer`s and the trained `models`, is in the `Result`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.distributions.columns import Column, Numeric
from dgm_core.distributions.likelihoods import MixedLikelihood
from dgm_core.metrics import MeanAndError, coverage_hidden, rmse_of_table
from dgm_core.missing.amputation import Amputation, Problem, ampute
from dgm_core.missing.pointwise import STEEP
from dgm_core.missing.processes import (
    ByColumn,
    KnownSignSelfMasking,
    LinearMasking,
    MissingProcess,
    MLPMasking,
    Restricted,
    SelfMasking,
)
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import DECODERS, Networks
from dgm_core.rng import Source, generator
from dgm_core.samplers.completions import Completions, weighted_completions
from dgm_core.samplers.estimates import mean_and_variance, median, sir_completions
from dgm_core.training import Progress, Schedule, fit, latest_weights, schedule_of_steps
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Masked

ASSUMPTIONS: dict[str, Callable[[int, float], MissingProcess]] = {
    "own value, direction known": lambda features, sign: KnownSignSelfMasking(
        [sign] * features, STEEP
    ),
    "own value, direction unknown": lambda features, sign: SelfMasking(features),
    "whole row, linear": lambda features, sign: LinearMasking(features),
    "whole row, network": lambda features, sign: MLPMasking(features),
}
"""What not-MIWAE takes p(s|x) to be → constructor(D, true sign)."""

LIMITS = {
    "steps": (1, 20_000),
    "draws": (1, 100),
    "batch_size": (8, 1024),
    "latent_dim": (1, 100),
    "hidden": (4, 256),
    "seed": (0, 9999),
}

MODELS = ("MIWAE", "not-MIWAE")


@dataclass(frozen=True)
class Config:
    """All that determines a run, but the table itself.

    Attributes:
        table: a name that tells tables apart, such as a data set's or a digest.
        plan: what is removed; None = nothing, the holes that are there are filled in.
        assumed: a key of `ASSUMPTIONS`.
        direction: which values are taken to go missing where that is assumed to be known.
        decoder: a key of `DECODERS`.
        steps, batch_size, draws, learning_rate: of both trainings; draws is K. The last epoch is
            always a whole one. Of 64 × 800, 128 × 400 and 256 × 200 this is the fastest: its
            errors on three tables are within 3 % of the others'.
        latent_dim: L; None = D − 1, but 10 at most.
        hidden: units of a hidden layer.
        seed: of initial weights, batches and noise.

    Raises:
        ValueError: an unknown name, or a number out of `LIMITS`.
    """

    table: str
    plan: Amputation | None
    assumed: str = "own value, direction known"
    direction: Literal["high", "low"] = "high"
    decoder: str = "linear and bent"
    steps: int = 200
    batch_size: int = 256
    draws: int = 10
    learning_rate: float = 1e-2
    latent_dim: int | None = None
    hidden: int = 64
    seed: int = 0
    samples: int = 200  # K of the final imputation
    frames: int = 20  # about as many
    baselines: tuple[str, ...] = tuple(TABLE_BASELINES)

    def __post_init__(self) -> None:
        for name, known in (("assumed", ASSUMPTIONS), ("decoder", DECODERS)):
            if getattr(self, name) not in known:
                got = getattr(self, name)
                raise ValueError(f"expected {name} among {', '.join(known)}, got {got!r}")
        if self.direction not in ("high", "low"):
            raise ValueError(f"expected the direction 'high' or 'low', got {self.direction!r}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")

    def schedule(self, rows: int) -> Schedule:
        """Of both trainings, on a table of so many rows."""
        return schedule_of_steps(
            self.steps, rows, self.batch_size, self.learning_rate, seed=self.seed
        )


SHOWN = Config("breast", Amputation(columns=tuple(range(15))))
"""What the lab shows first: half of the columns lose what is above the mean."""


class Shot(NamedTuple):
    """One model at one moment."""

    bound: float  # nats a row, mean over the epoch so far
    rmse: float  # over `Frame.rows`, with few importance samples
    guess: Tensor  # (H,) what it fills into the hidden entries of those rows
    learned: Tensor | None  # (losing columns, GRID): P(missing | value), if it learns a process


class Frame(NamedTuple):
    """Both models after the same number of steps."""

    step: int
    done: float
    seconds: float  # since training began
    shots: Mapping[str, Shot]


class Baseline(NamedTuple):
    """A simple method's result."""

    name: str
    rmse: MeanAndError


class Answer(NamedTuple):
    """What a model says of the whole table in the end."""

    rmse: MeanAndError
    mae: float  # of the median
    coverage: float  # of the central 90 % interval of draws
    mean: Tensor  # (N, D)
    sd: Tensor  # (N, D), 0 where observed
    draws: Tensor  # (n, N, D) completions
    bound: float  # nats a row
    ess: Tensor  # (N,) effective importance samples
    learned: Tensor | None


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a run."""

    answers: Mapping[str, Answer]
    models: Mapping[str, MIWAE] = field(default_factory=lambda: MappingProxyType({}))


GRID = torch.linspace(-3.0, 3.0, 121)
"""Values at which a curve P(missing | value) is given, standard deviations from the mean."""

WATCHED = 400
"""Rows scored while training goes on."""
DRAWS_WATCHED = 20
"""Importance samples while training goes on."""
MAX_SAMPLES = 1_500_000
"""Importance samples of the final imputation, all rows together."""
COPIES = 20
"""Completed copies kept of the table."""


def build(config: Config, columns: tuple[Column, ...], losing: list[int]) -> dict[str, MIWAE]:
    """Both models before training, of the same initial networks.

    Args:
        config: of the run.
        columns: of the table.
        losing: entries of a row that have holes; the process is about those.
    """
    features = sum(column.width for column in columns)
    affected = torch.zeros(features, dtype=torch.bool)
    affected[losing] = True
    sign = 1.0 if config.direction == "high" else -1.0
    process = Restricted(ASSUMPTIONS[config.assumed](features, sign), affected)
    if features > len(columns):  # the entries of a column of levels go missing together
        widths = torch.tensor([column.width for column in columns])
        process = ByColumn(process, torch.arange(len(columns)).repeat_interleave(widths))
    return {
        "MIWAE": MIWAE(**_networks(config, columns, features)),
        "not-MIWAE": NotMIWAE(**_networks(config, columns, features), missing_process=process),
    }


def _networks(config: Config, columns: tuple[Column, ...], features: int) -> Networks:
    mixed = not all(isinstance(column, Numeric) for column in columns)
    latent_dim = config.latent_dim or min(max(1, features - 1), 10)
    return DECODERS[config.decoder](
        features,
        latent_dim,
        config.hidden,
        MixedLikelihood(columns) if mixed else None,
        features if mixed else None,
        generator(config.seed),
    )


def run(
    config: Config, table: Masked, columns: tuple[Column, ...]
) -> Iterator[Baseline | Frame | Result]:
    """The quickest baselines, frames of both trainings, the other baselines, the result.

    Args:
        config: what to do.
        table: standardised rows (N, D) and what is known of them.
        columns: of the table.

    Raises:
        ValueError: there are no holes, or a column has no value left.
    """
    problem = checked(ampute(table, config.plan))
    for name in config.baselines[:2]:
        yield baseline(name, problem, config.seed)
    models = build(config, columns, problem.losing)
    yield from _trained(config, models, problem)
    for name in config.baselines[2:]:
        yield baseline(name, problem, config.seed)
    yield Result({name: answer(model, problem, config) for name, model in models.items()}, models)


def checked(problem: Problem) -> Problem:
    """The problem itself, if it can be learned from.

    Raises:
        ValueError: there are no holes, or a column has no value left; says what to change.
    """
    if problem.masked.observed.all():
        advice = "Move the threshold, raise the strength, or choose other columns."
        if problem.process is None:
            advice = "Choose what goes missing, and why."
        raise ValueError(f"No value is missing. {advice}")
    empty = (~problem.masked.observed).all(0).nonzero()[:, 0].tolist()
    if empty:
        raise ValueError(
            f"{len(empty)} column(s) have no value left, and nothing can be learned of them. "
            "Move the threshold or lower the base rate."
        )
    return problem


def baseline(name: str, problem: Problem, seed: int) -> Baseline:
    """A simple method, scored on the hidden entries."""
    *_, found = TABLE_BASELINES[name]().run(problem.masked, generator(seed))
    return Baseline(name, rmse_of_table(found.mean, problem.truth.x, problem.hidden))


def _trained(config: Config, models: Mapping[str, MIWAE], problem: Problem) -> Iterator[Frame]:
    schedule = config.schedule(len(problem.masked))
    total = schedule.epochs * -(-len(problem.masked) // schedule.batch_size)
    every = max(1, total // config.frames)
    watched = watched_rows(problem)
    started, last = time.monotonic(), 0
    trainings = [_training(config, schedule, m, problem.masked, every) for m in models.values()]
    for progress in zip(*trainings, strict=True):
        step = progress[0].epoch * progress[0].steps + progress[0].step
        if step - last < every and step < total:
            continue
        last = step
        shots = {
            name: shot(model, problem, watched, each.loss, config.seed)
            for (name, model), each in zip(models.items(), progress, strict=True)
        }
        yield Frame(step, step / total, time.monotonic() - started, shots)


def _training(
    config: Config, schedule: Schedule, model: nn.Module, rows: Masked, every: int
) -> Iterator[Progress]:
    """Progress after each epoch and some steps between; the last step's weights are kept."""
    for progress in fit(
        model,
        negative_completion_bound(config.draws),
        rows,
        latest_weights(),
        schedule,
        report_every=every,
    ):
        yield progress
        if progress.finished:
            return


def watched_rows(problem: Problem, most: int = WATCHED) -> Tensor:
    """Rows scored while training goes on: evenly spread, all with holes."""
    rows = (~problem.masked.observed).any(1).nonzero()[:, 0]
    return rows[torch.linspace(0, len(rows) - 1, min(most, len(rows))).long().unique()]


@torch.no_grad()
def shot(model: MIWAE, problem: Problem, rows: Tensor, loss: float, seed: int) -> Shot:
    """A model scored on some rows with few importance samples."""
    hidden, truth = problem.hidden[rows], problem.truth.x[rows]
    training = model.training
    model.eval()
    sample = weighted_completions(model, problem.masked[rows], DRAWS_WATCHED, generator(seed))
    mean, _ = mean_and_variance(sample)
    rmse, _ = rmse_of_table(mean, truth, hidden)
    model.train(training)
    return Shot(-loss, rmse.item(), mean[hidden], learned_curves(model, problem.losing))


def learned_curves(model: MIWAE, losing: list[int]) -> Tensor | None:
    """P(missing | value) of each losing column on `GRID`, (columns, GRID); None without one."""
    process = getattr(model, "missing_process", None)
    return None if process is None else curves(process, losing)


def curves(process: MissingProcess, losing: list[int]) -> Tensor:
    """P(missing | value) of each losing column on `GRID`, the others at their mean."""
    return torch.stack([process.curve(d, GRID) for d in losing])


def pieces(
    model: MIWAE, masked: Masked, samples: int, source: Source, at_once: int = 2**22
) -> Iterator[Completions]:
    """Weighted completions of all rows, some rows at a time."""
    rows = max(1, at_once // (samples * masked.x.shape[1]))
    for start in range(0, len(masked), rows):
        yield weighted_completions(model, masked[start : start + rows], samples, source)


@torch.no_grad()
def answer(model: MIWAE, problem: Problem, config: Config) -> Answer:
    """Mean, median, draws and their scores, with `samples` importance samples a row."""
    source = generator(config.seed)
    samples = max(20, min(config.samples, MAX_SAMPLES // len(problem.masked)))
    parts = []
    for sample in pieces(model, problem.masked, samples, source):
        mean, variance = mean_and_variance(sample)
        completions = sir_completions(sample, COPIES, source)
        parts.append(
            (mean, variance, median(sample), completions, sample.bound, sample.effective_draws)
        )
    mean, variance, middle, completions, bound, ess = (
        torch.cat(each, 1 if each[0].dim() == 3 else 0) for each in zip(*parts, strict=True)
    )
    truth, hidden = problem.truth.x, problem.hidden
    covered = coverage_hidden(completions, truth, ~hidden)
    weight = hidden.sum(1).double()
    return Answer(
        rmse_of_table(mean, truth, hidden),
        (middle - truth)[hidden].abs().mean().item(),
        ((covered.nan_to_num() * weight).sum() / weight.sum()).item(),
        mean,
        variance.sqrt(),
        completions,
        bound.mean().item(),
        ess,
        learned_curves(model, problem.losing),
    )
