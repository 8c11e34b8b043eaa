"""`fit`: training as a generator of progress that can be killed and resumed at any time.

    for progress in fit(model, objective, x, validate, schedule, checkpoint=path):
        draw(progress)          # or log it, or stop by leaving the loop

Each epoch draws its order and its noise from (seed, epoch) alone and ends with a checkpoint that
is written whole or not at all. A resumed run repeats the interrupted epoch from its start and ends
with the same weights, bit for bit, as a run without interruption.

An objective may return (R,) losses of R models whose parameters are stacked along a first
dimension R, and the validation (R,) scores. Then R independent runs train at once: gradients are
clipped, runs are stopped, and weights are kept for each run separately. See
`dgm_core.training.restarts`.

Several processes may train one model together. See `training.parallel`, and `fit` for what then
depends on their number.

    >>> def distance(model, x, source):
    ...     return (model.weight - x).square().mean()
    >>> model, x = nn.Linear(1, 1, bias=False), torch.full((8, 1), 3.0)
    >>> schedule = Schedule(epochs=4, batch_size=8, learning_rate=0.3)
    >>> history = list(fit(model, distance, x, latest_weights(), schedule))
    >>> history[-1].finished, history[-1].loss < history[0].loss
    (True, True)
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.networks import bfloat16_networks
from dgm_core.rng import generator
from dgm_core.training import checkpoints, parallel
from dgm_core.training.optimizers import Adam
from dgm_core.types import Labelled, LabelledImages, Masked

Data = Tensor | Masked | Labelled | LabelledImages
"""N rows."""

Objective = Callable[[Any, Any, torch.Generator], Tensor]
"""(model, batch of `Data`, generator) → the loss to minimise, () or (R,)."""

Validation = Callable[[Any], float | Tensor]
"""model → a score to maximise, in nats, () or (R,); it must depend on the model alone.

A score that counts epochs, for example, would start again when a run is resumed."""


def latest_weights(models: int | None = None) -> Validation:
    """A constant score +∞, with which `fit` always keeps the latest weights.

    Args:
        models: R, the number of stacked models; None = one model.
    """

    def score(_: nn.Module) -> float | Tensor:
        return math.inf if models is None else torch.full((models,), math.inf)

    return score


GRADIENT_LIMIT = 200.0
"""Largest norm of a gradient, so that a rare outlier batch cannot ruin a long training."""


@dataclass(frozen=True)
class Schedule:
    """Number of epochs, batch size and learning rate.

    The learning rate is constant for the first part of the epochs and then falls linearly to the
    fraction `final_rate`. The run stops after `patience` epochs without a better validation score.
    With `bfloat16` the networks compute in half precision; densities and weights do not.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    constant_part: float = 0.5
    final_rate: float = 0.02
    weight_decay: float = 0.0
    patience: int | None = None
    validate_every: int = 1
    seed: int = 0
    bfloat16: bool = False

    def rate(self, epoch: float) -> float:
        """The learning rate at a (fractional) epoch counted from 0."""
        after = (epoch / self.epochs - self.constant_part) / max(1 - self.constant_part, 1e-9)
        return self.learning_rate * (1 - (1 - self.final_rate) * min(max(after, 0.0), 1.0))


def schedule_of_steps(
    steps: int, rows: int, batch_size: int, learning_rate: float, *, seed: int = 0
) -> Schedule:
    """Schedule of about `steps` steps on `rows` rows, rounded to whole epochs, at least one."""
    epochs = max(1, round(steps * batch_size / rows))
    return Schedule(epochs, batch_size, learning_rate, constant_part=0.6, seed=seed)


class Progress(NamedTuple):
    """State of a run. For R stacked models: the mean loss and the best scores."""

    epoch: int  # finished epochs
    epochs: int
    step: int  # within the current epoch
    steps: int
    loss: float  # mean over the epoch so far, nats per image
    validation: float  # at the end of the last validated epoch; NaN before
    best: float
    seconds: float  # in this run, including the time before it was resumed
    eta: float  # remaining seconds without early stopping
    finished: bool


@parallel.left_by_all
def fit(
    model: nn.Module,
    objective: Objective,
    x: Data,
    validate: Validation,
    schedule: Schedule,
    *,
    parameters: list[nn.Parameter] | None = None,
    checkpoint: Path | None = None,
    report_every: int = 50,
) -> Generator[Progress]:
    """Train `model` in place; at the end it has the weights of the best validation score.

    It also has them when the loop ends early, if at least one epoch was finished.

    With N processes each batch is split among them. A step always uses `batch_size` rows, in an
    order that depends on (seed, epoch), and the reported loss is that of the whole batch. Only the
    noise depends on N: the noise of process r depends on (seed, epoch, r). The first process
    validates and writes the checkpoint, which a run with another N can resume from.

    Args:
        model: on its device; batches are moved there.
        objective: the loss; see `Objective`.
        x: training data (N, \\*event), or incomplete rows.
        validate: the score for early stopping and for the choice of weights.
        schedule: epochs, batch size, learning rate, patience, seed.
        parameters: the parameters to train; None = all.
        checkpoint: file to write after each epoch, and to resume from if it exists.
        report_every: steps between reports within an epoch.

    Raises:
        FloatingPointError: the loss is no longer finite; for R models: no loss is finite.
        RuntimeError: another process has left the training.
        ValueError: the checkpoint is damaged, belongs to another schedule or model, or differs
            between processes.
    """
    parallel.start_with_same_weights(model)
    run = _Run(model, schedule, parameters)
    if checkpoint is not None and checkpoint.is_file():
        run.load(checkpoint)
    parallel.check_same_epoch(run.epoch)
    started = time.monotonic() - run.seconds
    device = next(model.parameters()).device
    steps = math.ceil(len(x) / schedule.batch_size)
    loss_so_far = math.nan

    def report(step: int) -> Progress:
        run.seconds = time.monotonic() - started
        done = run.epoch + step / steps
        eta = run.seconds / done * (schedule.epochs - done) if done else math.nan
        return Progress(
            run.epoch,
            schedule.epochs,
            step,
            steps,
            loss_so_far,
            _largest(run.validation),
            _largest(run.best),
            run.seconds,
            eta,
            run.is_finished(),
        )

    def mean_over_models(loss: Tensor) -> float:
        loss = parallel.total(loss)
        finite = loss[loss.isfinite()]
        if not len(finite):
            raise FloatingPointError(f"the loss is {loss.tolist()} in epoch {run.epoch + 1}")
        return finite.mean().item()

    try:
        while not run.is_finished():
            source = generator(schedule.seed * 1_000_003 + run.epoch, device)
            order = torch.randperm(len(x), generator=source, device=device).to(x.device)
            source = parallel.noise_per_process(source)
            model.train()
            total = torch.zeros((), dtype=torch.float64, device=device)
            for step, rows in enumerate(order.split(schedule.batch_size)):
                run.optimizer.rate = schedule.rate(run.epoch + step / steps)
                with (
                    parallel.own_part(rows) as (own, weight),
                    bfloat16_networks(enabled=schedule.bfloat16),
                ):
                    loss = objective(model, x[own].to(device), source)
                run.optimizer.zero_grad()
                loss.sum().backward()
                parallel.sum_gradients(run.parameters, weight)
                clip_gradients(run.parameters, GRADIENT_LIMIT, stacked=loss.dim() > 0)
                run.optimizer.step()
                total = total + weight * loss.detach()
                if (step + 1) % report_every == 0 and step + 1 < steps:
                    loss_so_far = mean_over_models(total / (step + 1))
                    yield report(step + 1)
            loss_so_far = mean_over_models(total / steps)
            model.eval()
            run.end_epoch(validate)
            run.seconds = time.monotonic() - started
            if checkpoint is not None and parallel.is_first():
                run.save(checkpoint)
            yield report(0)
    finally:
        if run.best_epoch.any():
            model.load_state_dict(run.best_weights)
        model.eval()
    yield report(0)


def clip_gradients(parameters: list[nn.Parameter], limit: float, *, stacked: bool = False) -> None:
    """Scale gradients to a joint norm of at most `limit`.

    If parameters are stacked (R, …), the gradients of each of the R models are scaled separately.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    models = int(stacked)  # leading dimensions
    flat = (each.reshape(*each.shape[:models], -1) for each in gradients)
    norms = torch.stack([torch.linalg.vector_norm(each, dim=-1) for each in flat])
    factor = (limit / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp_max(1.0)
    for each in gradients:
        each.mul_(factor.reshape(factor.shape + (1,) * (each.dim() - models)))


def _largest(scores: Tensor) -> float:
    """The largest score that is not NaN; NaN if there is none."""
    available = scores[~scores.isnan()]
    return available.max().item() if len(available) else math.nan


class _Run:
    """State of a run, as its checkpoint stores it."""

    def __init__(
        self, model: nn.Module, schedule: Schedule, parameters: list[nn.Parameter] | None
    ) -> None:
        self.model, self.schedule = model, schedule
        self.parameters = parameters or list(model.parameters())
        self.optimizer = Adam(self.parameters, weight_decay=schedule.weight_decay)
        self.epoch, self.seconds = 0, 0.0
        # () for one model; (R,) after the first validation of R stacked models.
        self.validation, self.best = torch.tensor(math.nan), torch.tensor(-math.inf)
        self.best_epoch = torch.tensor(0)
        self.best_weights = copy.deepcopy(model.state_dict())

    def is_finished(self) -> bool:
        return self.epoch >= self.schedule.epochs or bool(self._out_of_patience().all())

    def _out_of_patience(self) -> Tensor:
        patience = self.schedule.patience
        return self.epoch - self.best_epoch >= (math.inf if patience is None else patience)

    def end_epoch(self, validate: Validation) -> None:
        running = ~self._out_of_patience()
        self.epoch += 1
        if self.epoch % self.schedule.validate_every and self.epoch < self.schedule.epochs:
            return
        self.validation = parallel.by_first(
            lambda: torch.as_tensor(validate(self.model), dtype=torch.float64).cpu()
        )
        better = running & ((self.validation > self.best) | self.validation.isposinf())
        self.best = torch.where(better, self.validation, self.best)
        self.best_epoch = torch.where(better, self.epoch, self.best_epoch)
        if not better.any():
            return
        for name, current in self.model.state_dict().items():
            chosen = better.reshape(better.shape + (1,) * (current.dim() - better.dim()))
            best = self.best_weights[name]
            self.best_weights[name] = torch.where(chosen.to(current.device), current, best)

    def save(self, path: Path) -> None:
        state = {
            "numbers": {name: getattr(self, name) for name in self._NUMBERS},
            "model": self.model.state_dict(),
            "best_weights": self.best_weights,
            "optimizer": self.optimizer.state_dict(),
        }
        checkpoints.write(path, self.schedule, state)

    def load(self, path: Path) -> None:
        device = next(self.model.parameters()).device
        checkpoints.read(path, self.schedule, device, self._restore)

    def _restore(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for name, value in saved["numbers"].items():
            setattr(self, name, value)
        self.best_weights = saved["best_weights"]

    _NUMBERS = ("epoch", "best_epoch", "validation", "best", "seconds")
