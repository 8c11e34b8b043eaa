"""Loops around samplers, as generators: warm-up, switch of kernels, and running means.

The caller can stop after any iteration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import Source
from dgm_core.types import Sampler


class Iteration(NamedTuple):
    """One iteration of all chains; `state` and `info` are those of the sampler."""

    number: int  # from 1
    state: Any
    info: Any
    warming_up: bool


def run(
    sampler: Sampler,
    source: Source,
    iterations: int,
    warmup: int = 0,
    warmup_sampler: Sampler | None = None,
    state: Any = None,
) -> Iterator[Iteration]:
    """Run all chains for `iterations`, of which the first `warmup` use `warmup_sampler`.

    Args:
        sampler: the kernel.
        source: a generator, or one stream per row.
        iterations: number of iterations, warm-up included.
        warmup: number of iterations at the start that are marked as warm-up.
        warmup_sampler: the kernel of the warm-up, for example pseudo-Gibbs; None = `sampler`.
        state: the start; None = `sampler.init`.
    """
    with torch.inference_mode():
        current = sampler.init(source) if state is None else state
    for number in range(1, iterations + 1):
        warming_up = number <= warmup
        kernel = (warmup_sampler or sampler) if warming_up else sampler
        # Entered again each time: a generator that yields inside the block would leave inference
        # mode on in the caller's thread.
        with torch.inference_mode():
            current, info = kernel.step(current, source)
        yield Iteration(number, current, info, warming_up)


class RunningMean:
    """Mean of tensors added one by one.

    Adding each iteration's E[x | z] rather than its draw of x gives the same limit with less
    Monte-Carlo noise (Rao-Blackwell).
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """The mean so far.

        Raises:
            ValueError: nothing has been added.
        """
        if self._mean is None:
            raise ValueError("expected at least one tensor, got none")
        return self._mean

    def add(self, value: Tensor) -> Tensor:
        """Add `value` and return the mean so far."""
        self.count += 1
        if self._mean is None:
            self._mean = value.clone()
        else:
            self._mean += (value - self._mean) / self.count
        return self._mean
