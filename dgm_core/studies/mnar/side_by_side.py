"""MIWAE and not-MIWAE side by side on one table with missing values.

Both are trained alternately on the same rows, and scored on the entries that were removed. If no
mechanism is assumed, only MIWAE is trained: not-MIWAE under a wrong assumption can be worse than
the mean of a column, and the data alone cannot verify an assumption. Simple
methods are scored on the same entries. A run yields a `Frame` every few epochs and at the end a
`Result` with an `Answer` per model and the trained models.

`steps` yields None, or the call of a child process, between these items, so that a run can stop
soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.baselines.filling import Budget
from dgm_core.baselines.table_imputers import TABLE_BASELINES, UNLIMITED, completed
from dgm_core.child_process import Call, ChildFailed, OutOfMemory, OutOfTime
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
from dgm_core.stepwise import Steps, stepwise
from dgm_core.training import Progress, Schedule, fit, latest_weights, schedule_of_steps
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Masked

KNOWN, UNKNOWN = "own value, direction known", "own value, direction unknown"

ASSUMPTIONS: dict[str, Callable[[int, float], MissingProcess]] = {
    KNOWN: lambda features, sign: KnownSignSelfMasking([sign] * features, STEEP),
    UNKNOWN: lambda features, sign: SelfMasking(features),
    "whole row, linear": lambda features, sign: LinearMasking(features),
    "whole row, network": lambda features, sign: MLPMasking(features),
}
"""Assumption about p(s|x) → constructor(D, sign of a known direction)."""

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
    """Everything that determines a run, except the table itself.

    Attributes:
        table: a unique name of the table, such as that of a data set or a digest.
        plan: which values are removed; None = none, only the table's own missing cells.
        assumed: a key of `ASSUMPTIONS`; None = nothing, so only MIWAE is trained.
        direction: which values are assumed to go missing, if the direction is assumed known.
        decoder: a key of `DECODERS`.
        steps, batch_size, draws, learning_rate: of both trainings; draws is K. The last epoch is
            always complete. 256 × 200 (batch size × steps) is faster than 128 × 400 and 64 × 800;
            its errors on three tables are within 3 % of the others'.
        latent_dim: L; None = D − 1, at most 10.
        hidden: number of units in a hidden layer.
        seed: of initial weights, batches and noise.
        samples: K of the final imputation.
        frames: approximate number of frames.

    Raises:
        ValueError: a name is unknown, or a number is out of `LIMITS`.
    """

    table: str
    plan: Amputation | None
    assumed: str | None = None
    direction: Literal["high", "low"] = "high"
    decoder: str = "linear and bent"
    steps: int = 200
    batch_size: int = 256
    draws: int = 10
    learning_rate: float = 1e-2
    latent_dim: int | None = None
    hidden: int = 64
    seed: int = 0
    samples: int = 200
    frames: int = 20
    baselines: tuple[str, ...] = tuple(TABLE_BASELINES)

    def __post_init__(self) -> None:
        for name, known in (("assumed", (None, *ASSUMPTIONS)), ("decoder", DECODERS)):
            if getattr(self, name) not in known:
                got, known = getattr(self, name), filter(None, known)
                raise ValueError(f"expected {name} among {', '.join(known)}, got {got!r}")
        if self.direction not in ("high", "low"):
            raise ValueError(f"expected the direction 'high' or 'low', got {self.direction!r}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")

    def schedule(self, rows: int) -> Schedule:
        """Schedule of both trainings for a table with this number of rows."""
        return schedule_of_steps(
            self.steps, rows, self.batch_size, self.learning_rate, seed=self.seed
        )


SHOWN = Config("breast", Amputation(columns=tuple(range(15))), KNOWN)
"""The run that the lab shows first: half of the columns lose every value above the mean."""


class Shot(NamedTuple):
    """One model at one step."""

    bound: float  # nats per row, mean over the epoch so far
    rmse: float  # over `watched_rows`, with few importance samples
    guess: Tensor  # (H,) imputations of the hidden entries of those rows
    learned: Tensor | None  # (losing columns, GRID): P(missing | value), if it learns a process


class Frame(NamedTuple):
    """All models after the same number of steps."""

    step: int
    done: float
    seconds: float  # since training began
    shots: Mapping[str, Shot]


class Baseline(NamedTuple):
    """Result of a simple method."""

    name: str
    rmse: MeanAndError


class NotComputed(NamedTuple):
    """A simple method that did not finish within its budget."""

    name: str
    reason: str  # the rest of a sentence that begins with the name


def not_computed(name: str, budget: Budget, error: ChildFailed) -> NotComputed:
    """What to say about a simple method that raised `error`."""
    if isinstance(error, OutOfMemory):
        reason = f"was not computed: it needs more than {budget.memory / 2**20:.0f} MB here."
    elif isinstance(error, OutOfTime):
        reason = f"was not computed: it takes longer than {budget.seconds:.0f} s here."
    else:
        reason = "was not computed: its process ended early."
    return NotComputed(name, reason)


class Answer(NamedTuple):
    """Imputations and scores of a model for the whole table after training."""

    rmse: MeanAndError
    mae: float  # of the median
    coverage: float  # of the central 90 % interval of draws
    mean: Tensor  # (N, D)
    sd: Tensor  # (N, D), 0 where observed
    draws: Tensor  # (n, N, D) completions, n = `COPIES` or fewer of a large table
    bound: float  # nats per row
    ess: Tensor  # (N,) effective sample size
    learned: Tensor | None


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a run."""

    answers: Mapping[str, Answer]
    models: Mapping[str, MIWAE] = field(default_factory=lambda: MappingProxyType({}))


GRID = torch.linspace(-3.0, 3.0, 121)
"""Values at which curves P(missing | value) are computed, standard deviations from the mean."""

WATCHED = 400
"""Number of rows scored during training."""
DRAWS_WATCHED = 20
"""Number of importance samples during training."""
MAX_SAMPLES = 1_500_000
"""Maximal number of importance samples of the final imputation, all rows together."""
COPIES = 20
"""Number of completed copies of the table, from which its intervals are computed."""
MAX_COPIED_CELLS = 8_000_000
"""Maximal number of cells of the copies that are kept, but one copy is kept of any table."""


def build(config: Config, columns: tuple[Column, ...], losing: list[int]) -> dict[str, MIWAE]:
    """MIWAE before training, and not-MIWAE with the same networks if a mechanism is assumed.

    Args:
        config: of the run.
        columns: of the table.
        losing: entries of a row with missing values; the process applies to them.
    """
    models = {"MIWAE": MIWAE(**_networks(config, columns))}
    if config.assumed is not None:
        models["not-MIWAE"] = not_miwae(config, columns, losing)
    return models


def not_miwae(config: Config, columns: tuple[Column, ...], losing: list[int]) -> NotMIWAE:
    """The not-MIWAE of `build`.

    Raises:
        ValueError: no mechanism is assumed.
    """
    if config.assumed is None:
        raise ValueError(f"expected assumed among {', '.join(ASSUMPTIONS)}, got None")
    features = sum(column.width for column in columns)
    affected = torch.zeros(features, dtype=torch.bool)
    affected[losing] = True
    sign = 1.0 if config.direction == "high" else -1.0
    process = Restricted(ASSUMPTIONS[config.assumed](features, sign), affected)
    if features > len(columns):  # the entries of a categorical column go missing together
        widths = torch.tensor([column.width for column in columns])
        process = ByColumn(process, torch.arange(len(columns)).repeat_interleave(widths))
    return NotMIWAE(**_networks(config, columns), missing_process=process)


def _networks(config: Config, columns: tuple[Column, ...]) -> Networks:
    features = sum(column.width for column in columns)
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
    """The two fastest baselines, frames of the trainings, the other baselines, the result.

    Args:
        config: of the run.
        table: standardised rows (N, D).
        columns: of the table.

    Raises:
        ValueError: no value is missing, or a column has no value left.
    """
    for item in steps(config, table, columns):
        if isinstance(item, Baseline | Frame | Result):
            yield item


def steps(
    config: Config, table: Masked, columns: tuple[Column, ...], budget: Budget = UNLIMITED
) -> Iterator[Baseline | NotComputed | Frame | Result | Call | None]:
    """What `run` yields, and None or a call between these items.

    Args:
        config, table, columns: as of `run`.
        budget: of each baseline; `NotComputed` stands for one that exceeds it.
    """
    problem = checked(ampute(table, config.plan))
    for name in config.baselines[:2]:
        yield from _within_budget(name, problem, config.seed, budget)
    models = build(config, columns, problem.masked.losing)
    yield from _trained(config, models, problem)
    for name in config.baselines[2:]:
        yield from _within_budget(name, problem, config.seed, budget)
    answers = {}
    for name, model in models.items():
        answers[name] = yield from answer.steps(model, problem, config)
    yield Result(answers, models)


def _within_budget(
    name: str, problem: Problem, seed: int, budget: Budget
) -> Iterator[Baseline | NotComputed | Call | None]:
    try:
        yield (yield from baseline.steps(name, problem, seed, budget))
    except ChildFailed as error:
        yield not_computed(name, budget, error)


def checked(problem: Problem) -> Problem:
    """The problem itself, if models can be trained on it.

    Raises:
        ValueError: no value is missing, or a column has no value left; says what to change.
    """
    if problem.masked.observed.all():
        advice = "Move the threshold, raise the strength, or choose other columns."
        if problem.process is None:
            advice = "Choose which values go missing, and why."
        raise ValueError(f"No value is missing. {advice}")
    empty = (~problem.masked.observed).all(0).nonzero()[:, 0].tolist()
    if empty:
        columns = "1 column has" if len(empty) == 1 else f"{len(empty)} columns have"
        raise ValueError(
            f"{columns} no value left to learn from. Move the threshold or lower the base rate."
        )
    return problem


@stepwise
def baseline(
    name: str, problem: Problem, seed: int, budget: Budget = UNLIMITED
) -> Steps[Baseline]:
    """A simple method, scored on the hidden entries."""
    found = yield from completed.steps(
        TABLE_BASELINES[name](), problem.masked, generator(seed), budget
    )
    return Baseline(name, rmse_of_table(found.mean, problem.original.x, problem.hidden))


def _trained(
    config: Config, models: Mapping[str, MIWAE], problem: Problem
) -> Iterator[Frame | Call | None]:
    schedule = config.schedule(len(problem.masked))
    total = schedule.epochs * -(-len(problem.masked) // schedule.batch_size)
    every = max(1, total // config.frames)
    watched = watched_rows(problem)
    started, last = time.monotonic(), 0
    trainings = [_training(config, schedule, m, problem.masked) for m in models.values()]
    while progress := (yield from _together(trainings)):
        step = progress[0].epoch * progress[0].steps + progress[0].step
        # Frames come every few steps of an epoch, and at ends of epochs.
        if progress[0].step % every or (step - last < every and step < total):
            continue
        last = step
        shots = {}
        for (name, model), each in zip(models.items(), progress, strict=True):
            shots[name] = shot(model, problem, watched, each.loss, config.seed)
            yield None
        yield Frame(step, step / total, time.monotonic() - started, shots)


def _together(trainings: Sequence[Iterator[Progress]]) -> Steps[list[Progress]]:
    """The next step of each training; an empty list at their end."""
    progress = []
    for training in trainings:
        progress += [each] if (each := next(training, None)) is not None else []
        yield None
    return progress


def _training(
    config: Config, schedule: Schedule, model: nn.Module, rows: Masked
) -> Iterator[Progress]:
    """Progress after each step; the weights of the last step are kept."""
    for progress in fit(
        model,
        negative_completion_bound(config.draws),
        rows,
        latest_weights(),
        schedule,
        report_every=1,
    ):
        yield progress
        if progress.finished:
            return


def watched_rows(problem: Problem, most: int = WATCHED) -> Tensor:
    """Rows scored during training: evenly spread, all with missing values."""
    rows = (~problem.masked.observed).any(1).nonzero()[:, 0]
    return rows[torch.linspace(0, len(rows) - 1, min(most, len(rows))).long().unique()]


@torch.no_grad()
def shot(model: MIWAE, problem: Problem, rows: Tensor, loss: float, seed: int) -> Shot:
    """Score a model on some rows with few importance samples."""
    hidden, true_values = problem.hidden[rows], problem.original.x[rows]
    training = model.training
    model.eval()
    sample = weighted_completions(model, problem.masked[rows], DRAWS_WATCHED, generator(seed))
    mean, _ = mean_and_variance(sample)
    rmse, _ = rmse_of_table(mean, true_values, hidden)
    model.train(training)
    return Shot(-loss, rmse.item(), mean[hidden], learned_curves(model, problem.masked.losing))


def learned_curves(model: MIWAE, losing: list[int]) -> Tensor | None:
    """P(missing | value) of each losing column on `GRID`; None without a missing process."""
    process = getattr(model, "missing_process", None)
    return None if process is None else curves(process, losing)


def curves(process: MissingProcess, losing: list[int]) -> Tensor:
    """P(missing | value) of each losing column, (columns, GRID), the others at their mean."""
    return torch.stack([process.curve(d, GRID) for d in losing])


@torch.no_grad()
def pieces(model: MIWAE, masked: Masked, samples: int, source: Source) -> Iterator[Completions]:
    """Weighted completions of all rows, a batch of rows at a time."""
    for _, piece in _batches(masked, samples):
        yield weighted_completions(model, piece, samples, source)


def _batches(masked: Masked, samples: int, at_once: int = 2**21) -> Iterator[tuple[slice, Masked]]:
    """Batches of rows, with at most `at_once` values in all samples of their entries."""
    count = max(1, at_once // (samples * masked.x.shape[1]))
    for start in range(0, len(masked), count):
        rows = slice(start, start + count)
        yield rows, masked[rows]


@stepwise
@torch.no_grad()
def answer(model: MIWAE, problem: Problem, config: Config) -> Steps[Answer]:
    """Mean, median, draws and their scores, with `samples` importance samples per row."""
    source = generator(config.seed)
    samples = max(20, min(config.samples, MAX_SAMPLES // len(problem.masked)))
    copies = min(COPIES, max(1, MAX_COPIED_CELLS // problem.masked.x.numel()))
    true_values, hidden = problem.original.x, problem.hidden
    parts = []
    for rows, piece in _batches(problem.masked, samples):
        sample = weighted_completions(model, piece, samples, source)
        yield None
        mean, variance = mean_and_variance(sample)
        yield None
        completions = sir_completions(sample, COPIES, source)
        yield None
        covered = coverage_hidden(completions, true_values[rows], ~hidden[rows])
        bound, ess = sample.bound, sample.effective_draws
        yield None
        middle = yield from median.steps(sample)
        completions = completions[:copies].clone()
        parts.append((mean, variance, middle, completions, bound, ess, covered))
        yield None
    mean, variance, middle, completions, bound, ess, covered = (
        torch.cat(each, 1 if each[0].dim() == 3 else 0) for each in zip(*parts, strict=True)
    )
    weight = hidden.sum(1).double()
    return Answer(
        rmse_of_table(mean, true_values, hidden),
        (middle - true_values)[hidden].abs().mean().item(),
        ((covered.nan_to_num() * weight).sum() / weight.sum()).item(),
        mean,
        variance.sqrt(),
        completions,
        bound.mean().item(),
        ess,
        learned_curves(model, problem.masked.losing),
    )
