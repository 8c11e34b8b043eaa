"""Loops around samplers: warm-up, hand-over, and running means, as generators.

The caller decides when to stop, by no longer asking.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import Source
from dgm_core.samplers.state import Info, State
from dgm_core.types import Sampler


class Iteration(NamedTuple):
    """One iteration of all chains; `number` counts from 1."""

    number: int
    state: State
    info: Info
    warming_up: bool


def run(
    sampler: Sampler,
    source: Source,
    iterations: int,
    warmup: int = 0,
    warmup_sampler: Sampler | None = None,
    state: State | None = None,
) -> Iterator[Iteration]:
    """Run all chains for `iterations`, of which the first `warmup` use `warmup_sampler`.

    Args:
        sampler: the kernel.
        source: randomness; a generator, or one stream a row.
        iterations: how many in all, warm-up included.
        warmup: how many at the start are marked as warm-up.
        warmup_sampler: the kernel for those, pseudo-Gibbs say; None = `sampler`.
        state: go on from here instead of from `sampler.init`.
    """
    with torch.inference_mode():
        state = sampler.init(source) if state is None else state
    for number in range(1, iterations + 1):
        warming_up = number <= warmup
        kernel = (warmup_sampler or sampler) if warming_up else sampler
        # Entered anew each time: a generator that yields inside the block would leave it open
        # in the caller's thread.
        with torch.inference_mode():
            state, info = kernel.step(state, source)
        yield Iteration(number, state, info, warming_up)


class RunningMean:
    """Mean of tensors added one by one.

    Adding each iteration's E[x | z] rather than its draw of x gives the same limit with less
    Monte-Carlo noise (Rao-Blackwell).
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | None = None

    def add(self, value: Tensor) -> Tensor:
        """Take in `value`; returns the mean so far."""
        self.count += 1
        if self.mean is None:
            self.mean = value.clone()
        else:
            self.mean += (value - self.mean) / self.count
        return self.mean
