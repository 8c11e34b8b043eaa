"""`fit_adversarial`: a WGAN's training as a generator of progress that survives being killed.

    critic:     min over f of  E f(g(z)) − E f(x) + λ · lipschitz_penalty     `critic_steps` times
    synthesis:  min over g of  −E f(g(z))                                     then once

The critic may learn faster than the synthesis instead of more often (Heusel et al. 2017). What is
kept is the exponential average of the weights of g: the game circles its solution, and the average
of a circle is its centre.

As in `dgm_core.training`, each chunk of iterations draws its noise from (seed, chunk) alone and
ends in a checkpoint that is written whole or not at all, so that a killed run ends bit for bit as
one that was not; and several processes may train one model together.

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
    >>> made = model.sample(500, generator(seed=0))
    >>> abs(made.mean().item() - 0.8) < 0.05, abs(last.distance) < 0.05
    (True, True)
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core.distances.lipschitz import lipschitz_penalty
from dgm_core.models.wgan import WGAN, recompute_batch_statistics
from dgm_core.networks import bfloat16_networks
from dgm_core.rng import generator, uniform
from dgm_core.training import checkpoints, parallel
from dgm_core.training.loop import Progress
from dgm_core.training.losses import moved_together


@dataclass(frozen=True)
class AdversarialSchedule:
    """How long and how fast.

    The learning rates are constant for the first part of the iterations and then fall linearly to
    `final_rate` of themselves. With `shift` the critic sees real and made images moved by the same
    random number of pixels, which keeps it from learning few images by heart (Zhao et al. 2020).
    """

    iterations: int  # steps of the synthesis
    batch_size: int = 64
    critic_steps: int = 1
    learning_rate: float = 1e-4
    critic_rate: float = 3e-4
    betas: tuple[float, float] = (0.0, 0.9)
    penalty: float = 10.0  # λ
    averaging: float = 0.999  # of the weights, each iteration
    constant_part: float = 0.5
    final_rate: float = 0.1
    shift: int = 0
    mirrored: bool = False
    chunk: int = 100  # iterations between checkpoints
    seed: int = 0
    bfloat16: bool = False

    @property
    def chunks(self) -> int:
        """How many chunks there are, the last of which may be shorter."""
        return math.ceil(self.iterations / self.chunk)

    def factor(self, iteration: int) -> float:
        """What the learning rates are multiplied by."""
        after = (iteration / self.iterations - self.constant_part) / max(
            1 - self.constant_part, 1e-9
        )
        return 1 - (1 - self.final_rate) * max(after, 0.0)


class Round(NamedTuple):
    """Where a run stands after a chunk: its epochs are chunks, its loss is the critic's."""

    progress: Progress
    iteration: int
    distance: float  # E f(x) − E f(g(z)), mean over the chunk; NaN before the first
    penalty: float  # before it is multiplied by λ
    averaged: WGAN  # the average of the weights, not yet settled


@parallel.left_by_all
def fit_adversarial(
    model: WGAN,
    x: Tensor,
    schedule: AdversarialSchedule,
    *,
    checkpoint: Path | None = None,
) -> Iterator[Round]:
    """Train `model` in place; at the end, or where the loop is left, it has the averaged weights.

    The first round is where the run begins or is taken up.

    With N processes each batch, of real and of made images, is split among them, as in
    `training.fit`. The real ones come from (seed, chunk) and are the same for all N > 1 (a single
    process draws them between its noise); the noise of process r comes from (seed, chunk, r).
    `BatchNorm` sees the share of its process.

    Args:
        model: on its device; batches are moved there.
        x: training images (N, C, H, W), uint8.
        schedule: how long and how fast.
        checkpoint: file to write after each chunk and to resume from if it is there.

    Raises:
        FloatingPointError: a loss is no longer finite.
        RuntimeError: another process has left the training.
        ValueError: images are not uint8; the checkpoint is damaged, or of another schedule, or
            other processes have another; a process gets less than two images of a batch.
    """
    if x.dtype != torch.uint8:
        raise ValueError(f"expected images of dtype uint8, got {x.dtype}")
    least, got = 2 * parallel.size(), schedule.batch_size
    if parallel.size() > 1 and got < least:
        raise ValueError(f"expected batches of {least} images, two a process, got {got}")
    parallel.start_alike(model)
    run = _Run(model, schedule)
    if checkpoint is not None and checkpoint.is_file():
        run.load(checkpoint)
    parallel.check_alike(run.chunk)
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
    """What a checkpoint holds, and how it changes."""

    def __init__(self, model: WGAN, schedule: AdversarialSchedule) -> None:
        self.model, self.schedule = model, schedule
        self.averaged = copy.deepcopy(model).requires_grad_(False)

        def adam(network: torch.nn.Module, rate: float) -> torch.optim.Adam:
            return torch.optim.Adam(network.parameters(), rate, schedule.betas, fused=True)

        self.synthesis_optimizer = adam(model.synthesis, schedule.learning_rate)
        self.critic_optimizer = adam(model.critic, schedule.critic_rate)
        self.chunk, self.seconds = 0, 0.0

    def train_chunk(self, x: Tensor) -> tuple[float, float]:
        """Go through the next chunk; mean distance and mean penalty over it."""
        schedule = self.schedule
        device = next(self.model.parameters()).device
        choice = generator(schedule.seed * 1_000_003 + self.chunk, device)
        source = parallel.noise_of_its_own(choice)
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
        """Distance and penalty, (2,), as this process's part of their means over the batch."""
        schedule, model = self.schedule, self.model
        rows = torch.randint(
            len(x), (schedule.batch_size,), generator=choice, device=choice.device
        )
        with parallel.share(rows.to(x.device)) as (mine, weight):
            real = x[mine].to(source.device).float() / 255
        if schedule.mirrored:
            real = torch.where(uniform((len(real), 1, 1, 1), source) < 0.5, real.flip(3), real)
        with torch.no_grad():
            made = model.sample(len(real), source)
        real, made = moved_together(torch.cat([real, made]), schedule.shift, source).chunk(2)
        real_score, made_score = model.criticise(torch.cat([real, made])).chunk(2)
        distance = real_score.mean() - made_score.mean()
        penalty = lipschitz_penalty(model.criticise, real, made, source)
        _step(self.critic_optimizer, schedule.penalty * penalty - distance, weight, factor)
        return weight * torch.stack([distance, penalty]).detach()

    def _synthesis_step(self, source: torch.Generator, factor: float) -> None:
        model, schedule = self.model, self.schedule
        with parallel.share(torch.arange(schedule.batch_size)) as (mine, weight):
            made = moved_together(model.sample(len(mine), source), schedule.shift, source)
        model.critic.requires_grad_(False)
        _step(self.synthesis_optimizer, -model.criticise(made).mean(), weight, factor)
        model.critic.requires_grad_(True)

    @torch.no_grad()
    def _average(self, iteration: int) -> None:
        """Move the average towards the weights, faster at the beginning."""
        share = 1 - min(self.schedule.averaging, (1 + iteration) / (10 + iteration))
        pairs = zip(
            self.averaged.synthesis.parameters(), self.model.synthesis.parameters(), strict=True
        )
        for mean, now in pairs:
            mean.lerp_(now, share)

    def round(self, distance: float, penalty: float) -> Round:
        done, chunks = self.chunk, self.schedule.chunks
        loss = self.schedule.penalty * penalty - distance
        eta = self.seconds / done * (chunks - done) if done else math.nan
        over = done == chunks
        return Round(
            Progress(done, chunks, 0, 1, loss, math.nan, math.nan, self.seconds, eta, over),
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
        checkpoints.read(path, self.schedule, device, self._take)

    def _take(self, saved: dict[str, Any]) -> None:
        for name in self._STATES:
            getattr(self, name).load_state_dict(saved[name])
        self.chunk, self.seconds = saved["chunk"], saved["seconds"]

    _STATES = ("model", "averaged", "synthesis_optimizer", "critic_optimizer")


def _step(optimizer: torch.optim.Adam, loss: Tensor, weight: float, factor: float) -> None:
    """One step of Adam at `factor` times its learning rate.

    `weight` is what fraction of the batch the loss of this process is of.
    """
    for group in optimizer.param_groups:
        group["lr"] = optimizer.defaults["lr"] * factor
    optimizer.zero_grad()
    loss.backward()
    parallel.sum_gradients([p for each in optimizer.param_groups for p in each["params"]], weight)
    optimizer.step()
