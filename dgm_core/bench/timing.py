"""Timing of alternatives, called alternately: other work on the machine affects all equally.

>>> taken = milliseconds({"sum": lambda: sum(range(999)), "none": lambda: None}, repeats=9)
>>> taken["sum"] > taken["none"]
True
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch


class Line(NamedTuple):
    """One measured number, with its goal."""

    what: str
    value: float
    unit: str
    goal: float | None  # largest value; None without a goal


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with a single thread, as the published numbers were measured."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def milliseconds(
    alternatives: dict[str, Callable[[], object]], repeats: int = 60, warmup: int = 5
) -> dict[str, float]:
    """Median time of one call of each alternative, ms; they are called alternately."""
    taken: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(warmup + repeats):
        for name, call in alternatives.items():
            _wait_for_gpu()
            start = time.perf_counter()
            call()
            _wait_for_gpu()
            if turn >= warmup:
                taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def _wait_for_gpu() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
