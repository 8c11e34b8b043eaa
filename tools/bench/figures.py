"""Lines of the table, computed from measured times and sizes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from dgm_core.bench.timing import Line

MORE_THAN_ECHO, RUNNING, NO_OP, START, SESSION = 150.0, 300.0, 60.0, 1.5, 5.0
"""Goals of the lines that use them, in ms, ms, ms, as a ratio, and in MB."""


def percentile(values: Sequence[float], fraction: float) -> float:
    """Smallest of `values` that is at least as large as this fraction of them."""
    ordered = sorted(values)
    at = -(-len(ordered) * round(1000 * fraction) // 1000)
    return ordered[max(at - 1, 0)]


def strokes(echo: Sequence[float], lab: Sequence[float]) -> Iterator[Line]:
    """Lines on the time from pointer-up to picture; `echo` (minimal app) and `lab` in ms."""
    for name, values in (("bare Streamlit", echo), ("the lab", lab)):
        yield Line(f"{name}: pointer-up to picture, median", statistics.median(values), "ms", None)
        yield Line(f"{name}: 90th percentile", percentile(values, 0.9), "ms", None)
    more = statistics.median(lab) - statistics.median(echo)
    yield Line("the lab minus bare Streamlit, median", more, "ms", MORE_THAN_ECHO)


def during_runs(values: Sequence[float]) -> Iterator[Line]:
    """Lines on the same time in the lab, in ms, while another run computes."""
    median = statistics.median(values)
    yield Line("during a run: pointer-up to picture, median", median, "ms", None)
    yield Line("during a run: 95th percentile", percentile(values, 0.95), "ms", RUNNING)


def no_op(echo: Sequence[float], lab: Sequence[float], sent: int) -> Iterator[Line]:
    """Lines on reruns without a change: times in ms, and the bytes that one in the lab sends."""
    yield Line(
        "bare Streamlit: a rerun without change, median", statistics.median(echo), "ms", None
    )
    yield Line("the lab: the same, median", statistics.median(lab), "ms", NO_OP)
    yield Line("the lab: 90th percentile", percentile(lab, 0.9), "ms", None)
    yield Line("the lab: data sent by one such rerun", sent / 1024, "kB", None)


def starts(importing: Sequence[float], pages: Mapping[str, Sequence[float]]) -> Iterator[Line]:
    """Lines on the shortest import and the shortest start of each page, both in seconds."""
    shortest = min(importing)
    yield Line("import torch, streamlit: fastest", shortest, "s", None)
    for name, seconds in pages.items():
        what = f"start to first picture, {name}"
        yield Line(f"{what}: fastest", min(seconds), "s", None)
        yield Line(f"{what}: ÷ imports", min(seconds) / shortest, "×", START)


def memory(sizes: Sequence[tuple[int, float]], state: str) -> Iterator[Line]:
    """Lines on server memory in MB for the fewest and the most sessions, and per session."""
    (few, small), (many, large) = sizes[0], sizes[-1]
    yield Line(f"server with {few} idle, {state}", small, "MB", None)
    yield Line(f"server with {many} idle, {state}", large, "MB", None)
    yield Line(f"each further session, {state}", (large - small) / (many - few), "MB", SESSION)
