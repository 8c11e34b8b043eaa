"""`fit`: training as a generator of progress that survives being killed at any moment.

    for progress in fit(model, objective, x, validate, schedule, checkpoint=path):
        draw(progress)          # or log it, or stop by leaving the loop

Each epoch draws its order and its noise from (seed, epoch) alone and ends in a checkpoint that is
written whole or not at all. A killed run, started again, repeats the broken epoch from its
beginning and ends with the same weights, bit for bit, as a run that was never killed.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.files import written_whole
from dgm_core.networks import bfloat16_networks
from dgm_core.rng import generator
from dgm_core.types import Labelled, Masked

Data = Tensor | Masked | Labelled
"""N rows."""

Objective = Callable[[nn.Module, Any, torch.Generator], Tensor]
"""(model, batch of `Data`, generator) → a scalar loss to lower."""

Validation = Callable[[nn.Module], float]
"""model → a score to raise, in nats; it must not depend on anything but the model."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    The learning rate is constant for the first part of the epochs and then falls linearly to
    `final_rate` of itself; `patience` epochs without a better validation score end the run.
    With `bfloat16` the networks run in half precision, the densities and the weights do not.
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


class Progress(NamedTuple):
    """Where a run stands."""

    epoch: int  # finished epochs
    epochs: int
    step: int  # within the epoch under way
    steps: int
    loss: float  # mean over the epoch so far, nats per image
    validation: float  # at the end of the last validated epoch; NaN before
    best: float
    seconds: float  # spent in this run, earlier parts of it included
    eta: float  # seconds to go if no early stop
    finished: bool


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
) -> Iterator[Progress]:
    """Train `model` in place; at the end it holds the weights of the best validation score.

    Args:
        model: on its device; batches are moved there.
        objective: the loss; see `Objective`.
        x: training data (N, \\*event), or incomplete rows.
        validate: the score that early stopping and the choice of weights look at.
        schedule: epochs, batch size, learning rate, patience, seed.
        parameters: what to train; None = all.
        checkpoint: file to write after each epoch and to resume from if it is there.
        report_every: steps between reports within an epoch.

    Raises:
        FloatingPointError: the loss is no longer finite.
        ValueError: the checkpoint belongs to another schedule.
    """
    run = _Run(model, schedule, parameters)
    if checkpoint is not None and checkpoint.is_file():
        run.load(checkpoint)
    started = time.monotonic() - run.seconds
    device = next(model.parameters()).device
    steps = math.ceil(len(x) / schedule.batch_size)
    loss_so_far = math.nan

    def report(step: int) -> Progress:
        run.seconds = time.monotonic() - started
        done = run.epoch + step / steps
        eta = run.seconds / done * (schedule.epochs - done) if done else math.nan
        return Progress(
            run.epoch, schedule.epochs, step, steps, loss_so_far,
            run.validation, run.best, run.seconds, eta, run.is_over(),
        )  # fmt: skip

    while not run.is_over():
        source = generator(schedule.seed * 1_000_003 + run.epoch, device)
        order = torch.randperm(len(x), generator=source, device=device).to(x.device)
        model.train()
        total = 0.0
        for step, rows in enumerate(order.split(schedule.batch_size)):
            for group in run.optimizer.param_groups:
                group["lr"] = schedule.rate(run.epoch + step / steps)
            with bfloat16_networks(enabled=schedule.bfloat16):
                loss = objective(model, x[rows].to(device), source)
            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            # A rare outlier batch must not undo an hour of training.
            nn.utils.clip_grad_norm_(run.parameters, 200.0)
            run.optimizer.step()
            total += loss.item()
            loss_so_far = total / (step + 1)
            if not math.isfinite(loss_so_far):
                raise FloatingPointError(f"the loss is {loss_so_far} in epoch {run.epoch + 1}")
            if (step + 1) % report_every == 0 and step + 1 < steps:
                yield report(step + 1)
        model.eval()
        run.end_epoch(validate)
        run.seconds = time.monotonic() - started
        if checkpoint is not None:
            run.save(checkpoint)
        yield report(0)
    model.load_state_dict(run.best_weights)
    model.eval()
    yield report(0)


class _Run:
    """What a checkpoint holds."""

    def __init__(
        self, model: nn.Module, schedule: Schedule, parameters: list[nn.Parameter] | None
    ) -> None:
        self.model, self.schedule = model, schedule
        self.parameters = parameters or list(model.parameters())
        self.optimizer = torch.optim.Adam(
            self.parameters, schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self.epoch, self.best_epoch = 0, 0
        self.validation, self.best = math.nan, -math.inf
        self.seconds = 0.0
        self.best_weights = copy.deepcopy(model.state_dict())

    def is_over(self) -> bool:
        patience = self.schedule.patience
        tired = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.schedule.epochs or tired

    def end_epoch(self, validate: Validation) -> None:
        self.epoch += 1
        if self.epoch % self.schedule.validate_every and self.epoch < self.schedule.epochs:
            return
        self.validation = validate(self.model)
        if self.validation > self.best:
            self.best, self.best_epoch = self.validation, self.epoch
            self.best_weights = copy.deepcopy(self.model.state_dict())

    def save(self, path: Path) -> None:
        numbers = {name: getattr(self, name) for name in self._NUMBERS}
        with written_whole(path) as part:
            torch.save(
                {
                    "schedule": vars(self.schedule),
                    "numbers": numbers,
                    "model": self.model.state_dict(),
                    "best_weights": self.best_weights,
                    "optimizer": self.optimizer.state_dict(),
                },
                part,
            )

    def load(self, path: Path) -> None:
        device = next(self.model.parameters()).device
        saved = torch.load(path, map_location=device, weights_only=True)
        if saved["schedule"] != vars(self.schedule):
            raise ValueError(f"{path} belongs to another schedule; remove it to start anew")
        for name, value in saved["numbers"].items():
            setattr(self, name, value)
        self.model.load_state_dict(saved["model"])
        self.best_weights = saved["best_weights"]
        self.optimizer.load_state_dict(saved["optimizer"])

    _NUMBERS = ("epoch", "best_epoch", "validation", "best", "seconds")
