"""`fit_adversarial`: training of a WGAN as a generator of progress that can be resumed.

    critic:     min over f of  E f(g(z)) − E f(x) + λ · lipschitz_penalty     `critic_steps` times
    synthesis:  min over g of  −E f(g(z))                                     then once

Instead of more steps, the critic can have a higher learning rate than the synthesis (Heusel et al.
2017). The result is the exponential average of the weights of g, because the weights oscillate
around the solution of the game.

As in `dgm_core.training`, each chunk of iterations draws its noise from (seed, chunk) alone and
ends with a checkpoint that is written whole or not at all. A run that was killed and resumed ends
with the same weights, bit for bit. Several processes may train one model together.

    >>> from torch import nn
    >>> _ = torch.manual_seed(0)
    >>> x = torch.full((64, 1, 1, 1), 204, dtype=torch.uint8)  # one pixel, 204 / 255 = .8
    >>> synthesis = nn.Sequential(nn.Linear(2, 1), nn.Unflatten(1, (1, 1, 1)))
    >>> critic = nn.Sequential(nn.Flatten(), nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    >>> model = WGAN(synthesis, critic, latent_dim=2)
    >>> schedule = AdversarialSchedule(
    ...     300, critic_steps=3, learning_rate=0.01, critic_rate=0.01, averaging=0.98
    ... )
    >>> *_, last = fit_adversarial(model, x, schedule)
    >>> images = model.sample(500, generator(seed=0))
    >>> abs(images.mean().item() - 0.8) < 0.05, abs(last.distance) < 0.05
    (True, True)
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core.distances.lipschitz import lipschitz_penalty
from dgm_core.models.wgan import WGAN, recompute_batch_statistics
from dgm_core.networks import bfloat16_networks
from dgm_core.rng import generator
from dgm_core.training import checkpoints, parallel
from dgm_core.training.loop import Progress
from dgm_core.training.losses import random_flip, shifted_together
from dgm_core.training.optimizers import Adam


@dataclass(frozen=True)
class AdversarialSchedule:
    """Number of iterations, learning rates and augmentation.

    The learning rates are constant for the first part of the iterations and then fall linearly to
    the fraction `final_rate`. With `shift`, the critic sees real and generated images shifted by
    the same random number of pixels, which reduces overfitting to few images (Zhao et al. 2020).
    """

    iterations: int  # steps of the synthesis
    batch_size: int = 64
    critic_steps: int = 1
    learning_rate: float = 1e-4
    critic_rate: float = 3e-4
    betas: tuple[float, float] = (0.0, 0.9)
    penalty: float = 10.0  # λ
    averaging: float = 0.999  # decay of the average of the weights, per iteration
    constant_part: float = 0.5
    final_rate: float = 0.1
    shift: int = 0
    mirrored: bool = False
    chunk: int = 100  # iterations between checkpoints
    seed: int = 0
    bfloat16: bool = False

    @property
    def chunks(self) -> int:
        """Number of chunks; the last may be shorter."""
        return math.ceil(self.iterations / self.chunk)

    def factor(self, iteration: int) -> float:
        """Factor of the learning rates at an iteration."""
        decay = max(1 - self.constant_part, 1e-9)
        after = (iteration / self.iterations - self.constant_part) / decay
        return 1 - (1 - self.final_rate) * max(after, 0.0)


class Round(NamedTuple):
    """State of a run after a chunk; its epochs are chunks, its loss is the critic's."""

    progress: Progress
    iteration: int
    distance: float  # E f(x) − E f(g(z)), mean over the chunk; NaN before the first
    penalty: float  # before it is multiplied by λ
    averaged: WGAN  # the average of the weights; its batch statistics are not up to date


@parallel.left_by_all
def fit_adversarial(
    model: WGAN,
    x: Tensor,
    schedule: AdversarialSchedule,
    *,
    checkpoint: Path | None = None,
) -> Generator[Round]:
    """Train `model` in place; when the loop ends or is left, it has the averaged weights.

    The first item is the state in which the run starts or resumes.

    With N processes each batch of real and of generated images is split among them, as in
    `training.fit`. The real images depend on (seed, chunk) and are the same for all N > 1. (A
    single process draws them between its noise.) The noise of process r depends on
    (seed, chunk, r). `BatchNorm` uses the images of its own process.

    Args:
        model: on its device; batches are moved there.
        x: training images (N, C, H, W), uint8.
        schedule: number of iterations, learning rates and augmentation.
        checkpoint: file to write after each chunk, and to resume from if it exists.

    Raises:
        FloatingPointError: a loss is no longer finite.
        RuntimeError: another process has left the training.
        ValueError: images are not uint8; the checkpoint is damaged, belongs to another schedule,
            or differs between processes; a process gets fewer than two images of a batch.
    """
    if x.dtype != torch.uint8:
        raise ValueError(f"expected images of dtype uint8, got {x.dtype}")
    least, got = 2 * parallel.size(), schedule.batch_size
    if parallel.size() > 1 and got < least:
        raise ValueError(
            f"expected batches of at least {least} images, two per process, got {got}"
        )
    parallel.start_with_same_weights(model)
    run = _Run(model, schedule)
    if checkpoint is not None and checkpoint.is_file():
        run.load(checkpoint)
    parallel.check_same_epoch(run.chunk)
    started = time.monotonic() - run.seconds
    try:
        yield run.round(math.nan, math.nan)
        while run.chunk < schedule.chunks:
            distance, penalty = run.train_chunk(x)
            run.seconds = time.monotonic() - started
            if checkpoint is not None and parallel.is_first():
                run.save(checkpoint)
            yield run.round(distance, penalty)
    finally:
        model.synthesis.load_state_dict(run.averaged.synthesis.state_dict())
        recompute_batch_statistics(
            model, generator(schedule.seed, next(model.parameters()).device)
        )


class _Run:
    """Networks and optimisers of a run, its checkpoints, and its training steps."""

    def __init__(self, model: WGAN, schedule: AdversarialSchedule) -> None:
        self.model, self.schedule = model, schedule
        self.averaged = copy.deepcopy(model).requires_grad_(False)
        self.synthesis_optimizer = Adam(model.synthesis.parameters(), betas=schedule.betas)
        self.critic_optimizer = Adam(model.critic.parameters(), betas=schedule.betas)
        self.chunk, self.seconds = 0, 0.0

    def train_chunk(self, x: Tensor) -> tuple[float, float]:
        """Train for the next chunk; mean distance and mean penalty over it."""
        schedule = self.schedule
        device = next(self.model.parameters()).device
        choice = generator(schedule.seed * 1_000_003 + self.chunk, device)
        source = parallel.noise_per_process(choice)
        self.model.train()
        first = self.chunk * schedule.chunk
        last = min(first + schedule.chunk, schedule.iterations)
        totals = torch.zeros(2, dtype=torch.float64, device=device)
        for iteration in range(first, last):
            factor = schedule.factor(iteration)
            with bfloat16_networks(enabled=schedule.bfloat16):
                for _ in range(schedule.critic_steps):
                    totals += self._critic_step(x, choice, source, factor)
                self._synthesis_step(source, factor)
            self._average(iteration)
        distance, penalty = (
            parallel.total(totals) / (last - first) / schedule.critic_steps
        ).tolist()
        if not math.isfinite(distance + penalty):
            raise FloatingPointError(f"the critic's loss is no longer finite by iteration {last}")
        self.chunk += 1
        return distance, penalty

    def _critic_step(
        self, x: Tensor, choice: torch.Generator, source: torch.Generator, factor: float
    ) -> Tensor:
        """Distance and penalty, (2,): this process's part of their means over the batch."""
        schedule, model = self.schedule, self.model
        rows = torch.randint(
            len(x), (schedule.batch_size,), generator=choice, device=choice.device
        )
        with parallel.own_part(rows.to(x.device)) as (own, weight):
            real = x[own].to(source.device).float() / 255
        if schedule.mirrored:
            real = random_flip(real, source)
        with torch.no_grad():
            generated = model.sample(len(real), source)
        both = shifted_together(torch.cat([real, generated]), schedule.shift, source)
        real, generated = both.chunk(2)
        real_score, generated_score = model.criticise(both).chunk(2)
        distance = real_score.mean() - generated_score.mean()
        penalty = lipschitz_penalty(model.criticise, real, generated, source)
        self.critic_optimizer.rate = factor * schedule.critic_rate
        _step(self.critic_optimizer, schedule.penalty * penalty - distance, weight)
        return weight * torch.stack([distance, penalty]).detach()

    def _synthesis_step(self, source: torch.Generator, factor: float) -> None:
        model, schedule = self.model, self.schedule
        with parallel.own_part(torch.arange(schedule.batch_size)) as (own, weight):
            generated = shifted_together(model.sample(len(own), source), schedule.shift, source)
        model.critic.requires_grad_(False)
        self.synthesis_optimizer.rate = factor * schedule.learning_rate
        _step(self.synthesis_optimizer, -model.criticise(generated).mean(), weight)
        model.critic.requires_grad_(True)

    @torch.no_grad()
    def _average(self, iteration: int) -> None:
        """Move the average towards the current weights, faster in the first iterations."""
        rate = 1 - min(self.schedule.averaging, (1 + iteration) / (10 + iteration))
        pairs = zip(
            self.averaged.synthesis.parameters(), self.model.synthesis.parameters(), strict=True
        )
        for mean, current in pairs:
            mean.lerp_(current, rate)

    def round(self, distance: float, penalty: float) -> Round:
        done, chunks = self.chunk, self.schedule.chunks
        loss = self.schedule.penalty * penalty - distance
        eta = self.seconds / done * (chunks - done) if done else math.nan
        finished = done == chunks
        return Round(
            Progress(done, chunks, 0, 1, loss, math.nan, math.nan, self.seconds, eta, finished),
            min(done * self.schedule.chunk, self.schedule.iterations),
            distance,
            penalty,
            self.averaged,
        )

    def save(self, path: Path) -> None:
        state = {name: getattr(self, name).state_dict() for name in self._STATES}
        state |= {"chunk": self.chunk, "seconds": self.seconds}
        checkpoints.write(path, self.schedule, state)

    def load(self, path: Path) -> None:
        device = next(self.model.parameters()).device
        checkpoints.read(path, self.schedule, device, self._restore)

    def _restore(self, saved: dict[str, Any]) -> None:
        for name in self._STATES:
            getattr(self, name).load_state_dict(saved[name])
        self.chunk, self.seconds = saved["chunk"], saved["seconds"]

    _STATES = ("model", "averaged", "synthesis_optimizer", "critic_optimizer")


def _step(optimizer: Adam, loss: Tensor, weight: float) -> None:
    """One step of Adam; `weight` is the fraction of the batch that this process has."""
    optimizer.zero_grad()
    loss.backward()
    parallel.sum_gradients(optimizer.parameters, weight)
    optimizer.step()
