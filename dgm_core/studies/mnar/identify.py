"""Identifiability: several trainings of not-MIWAE that start from different mechanisms.

not-MIWAE with self-masking of unknown direction, logit p(s_d = 1|x) = −W_d (x_d − b_d), is trained
`restarts` times at once. All start from the same networks and each from its own W: in the first,
high values go missing in every column; in the second, low values; the others have random signs. If
the trainings end with different signs, `agreement` compares their bounds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor

from dgm_core.bounds import log_likelihood
from dgm_core.child_process import Call
from dgm_core.distributions.columns import Column
from dgm_core.metrics import MeanAndError, rmse_of_table
from dgm_core.missing.amputation import Problem, ampute
from dgm_core.missing.processes import ByColumn, MissingProcess, Restricted, SelfMasking
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import generator, normal
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.stepwise import Steps, stepwise
from dgm_core.studies.mnar import side_by_side
from dgm_core.studies.mnar.agreement import Verdict, directions, sentence, verdict
from dgm_core.studies.mnar.side_by_side import UNKNOWN
from dgm_core.training import fit, latest_weights
from dgm_core.training.losses import negative_completion_bound
from dgm_core.training.restarts import Restarts, on_each
from dgm_core.types import Masked

__all__ = ["Config", "Frame", "Result", "Verdict", "build", "run", "sentence"]

SPREAD = 2.0
"""Standard deviation of the initial W, nats per standard deviation of the column."""

RESTARTS = (2, 10)


@dataclass(frozen=True)
class Config(side_by_side.Config):
    """Everything that determines a run, except the table itself.

    Attributes:
        restarts: R.
        steps, batch_size, learning_rate: smaller batches and more steps than in a single training.
            They raise the bounds, which are compared here, by 2 nats per row (WDBC).

    Raises:
        ValueError: as `side_by_side.Config`; R is out of `RESTARTS`; or another assumption.
    """

    assumed: str | None = UNKNOWN
    steps: int = 800
    batch_size: int = 64
    learning_rate: float = 3e-3
    frames: int = 20
    baselines: tuple[str, ...] = ()
    restarts: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = RESTARTS
        if not low <= self.restarts <= high:
            raise ValueError(f"expected restarts from {low} to {high}, got {self.restarts}")
        if self.assumed != UNKNOWN:
            raise ValueError(f"expected the assumption {UNKNOWN!r}, got {self.assumed!r}")


class Frame(NamedTuple):
    """All trainings after the same number of steps."""

    step: int
    done: float
    seconds: float  # since training began
    bounds: Tensor  # (R,) nats per row, on `side_by_side.watched_rows`, with few draws
    rmse: Tensor  # (R,) on the hidden entries of these rows
    curves: Tensor  # (R, losing columns, GRID): P(missing | value)


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a run: R trainings in the order in which they were started."""

    bounds: Tensor  # (R,) nats per row, all rows
    bound_errors: Tensor  # (R,) Monte-Carlo errors
    rmse: tuple[MeanAndError, ...]  # on all hidden entries
    curves: Tensor  # (R, losing columns, GRID)
    signs: Tensor  # (R, losing columns) +1, −1 or 0
    verdict: Verdict
    models: tuple[NotMIWAE, ...]


def build(config: Config, columns: tuple[Column, ...], losing: list[int]) -> list[NotMIWAE]:
    """The R models before training: the same networks, and a different W for each.

    Args:
        config: of the run.
        columns: of the table.
        losing: entries of a row with missing values.
    """
    features = sum(column.width for column in columns)
    starts = SPREAD * normal((config.restarts, features), generator(config.seed))
    starts[0], starts[1] = starts[0].abs(), -starts[1].abs()
    models = [side_by_side.not_miwae(config, columns, losing) for _ in starts]
    for model, start in zip(models, starts, strict=True):
        _self_masking(model.missing_process).weight.data.copy_(start)
    return models


def _self_masking(process: MissingProcess) -> SelfMasking:
    """The self-masking inside a process that is restricted to some columns."""
    while isinstance(process, ByColumn | Restricted):
        process = process.process
    assert isinstance(process, SelfMasking), f"expected self-masking, got {process.kind}"
    return process


def _members(together: Restarts) -> tuple[NotMIWAE, ...]:
    """The models as they are now."""
    return cast("tuple[NotMIWAE, ...]", tuple(together.members()))


def run(config: Config, table: Masked, columns: tuple[Column, ...]) -> Iterator[Frame | Result]:
    """Frames of all trainings, then the result.

    Args:
        config: of the run.
        table: standardised rows (N, D).
        columns: of the table.

    Raises:
        ValueError: no value is missing, or a column has no value left.
    """
    items = steps(config, table, columns)
    return (item for item in items if isinstance(item, Frame | Result))


def steps(
    config: Config, table: Masked, columns: tuple[Column, ...]
) -> Iterator[Frame | Result | Call | None]:
    """What `run` yields, and None between these items, so that a run can stop soon."""
    problem = side_by_side.checked(ampute(table, config.plan))
    together = Restarts(build(config, columns, problem.masked.losing))
    schedule, watched = config.schedule(len(table)), side_by_side.watched_rows(problem)
    count = schedule.epochs * -(-len(table) // schedule.batch_size)
    every = max(1, count // config.frames)
    started, last = time.monotonic(), 0
    for progress in fit(
        together,
        on_each(negative_completion_bound(config.draws)),
        problem.masked,
        latest_weights(len(together)),
        schedule,
        report_every=1,
    ):
        step = progress.epoch * progress.steps + progress.step
        yield None
        if progress.step % every or step == last or (step - last < every and step < count):
            continue
        last = step
        shots = []
        for model in _members(together):
            shots.append(_shot(model, problem, watched, config.seed))
            yield None
        stacked = (torch.stack(each) for each in zip(*shots, strict=True))
        yield Frame(step, step / count, time.monotonic() - started, *stacked)
    yield (yield from _result.steps(config, _members(together), problem))


@torch.no_grad()
def _shot(
    model: NotMIWAE, problem: Problem, rows: Tensor, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    sample = weighted_completions(
        model, problem.masked[rows], side_by_side.DRAWS_WATCHED, generator(seed)
    )
    mean, _ = mean_and_variance(sample)
    rmse, _ = rmse_of_table(mean, problem.original.x[rows], problem.hidden[rows])
    return (
        sample.bound.mean(),
        rmse,
        side_by_side.curves(model.missing_process, problem.masked.losing),
    )


@stepwise
@torch.no_grad()
def _result(config: Config, models: tuple[NotMIWAE, ...], problem: Problem) -> Steps[Result]:
    bounds, errors, rmse = [], [], []
    samples = max(20, min(config.samples, side_by_side.MAX_SAMPLES // len(problem.masked)))
    for model in models:
        means, estimates = [], []
        pieces = side_by_side.pieces(model, problem.masked, samples, generator(config.seed))
        for sample in pieces:
            yield None
            means.append(mean_and_variance(sample)[0])
            estimates.append(log_likelihood(sample.log_w))
            yield None
        of_rows, error = (torch.cat(each) for each in zip(*estimates, strict=True))
        bounds.append(of_rows)
        errors.append(error.square().sum().sqrt() / len(error))
        rmse.append(rmse_of_table(torch.cat(means), problem.original.x, problem.hidden))
    processes = [model.missing_process for model in models]
    curves = torch.stack([side_by_side.curves(each, problem.masked.losing) for each in processes])
    signs = directions(curves)
    plan = config.plan
    true_sign = plan.sign if plan and plan.kind == "self-masking" else None
    of_all = torch.stack(bounds)  # (R, N)
    return Result(
        of_all.mean(1),
        torch.stack(errors),
        tuple(rmse),
        curves,
        signs,
        verdict(signs, of_all, true_sign),
        models,
    )
