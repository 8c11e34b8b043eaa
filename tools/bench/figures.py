"""Times and sizes → the table's lines."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from dgm_core.bench.timing import Line

MORE_THAN_ECHO, RUNNING, NO_OP, START, SESSION = 150.0, 300.0, 60.0, 1.5, 5.0
"""Goals: ms, ms, ms, ratio, MB."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least this share of them does not exceed."""
    ordered = sorted(values)
    at = -(-len(ordered) * round(1000 * share) // 1000)
    return ordered[max(at - 1, 0)]


def strokes(echo: Sequence[float], lab: Sequence[float]) -> Iterator[Line]:
    """Milliseconds from pointer-up to picture, of the bare app and of the lab."""
    for name, values in (("bare Streamlit", echo), ("the lab", lab)):
        yield Line(f"{name}: pointer-up to picture, median", statistics.median(values), "ms", None)
        yield Line(f"{name}: 90th percentile", percentile(values, 0.9), "ms", None)
    more = statistics.median(lab) - statistics.median(echo)
    yield Line("the lab more than bare Streamlit, median", more, "ms", MORE_THAN_ECHO)


def amid_runs(values: Sequence[float]) -> Iterator[Line]:
    """The same of the lab, while a run goes on."""
    yield Line("amid a run: pointer-up to picture, median", statistics.median(values), "ms", None)
    yield Line("amid a run: 95th percentile", percentile(values, 0.95), "ms", RUNNING)


def no_op(echo: Sequence[float], lab: Sequence[float], sent: int) -> Iterator[Line]:
    """Milliseconds of reruns that change nothing, and the bytes that one of the lab's sends."""
    yield Line(
        "bare Streamlit: a rerun without change, median", statistics.median(echo), "ms", None
    )
    yield Line("the lab: the same, median", statistics.median(lab), "ms", NO_OP)
    yield Line("the lab: 90th percentile", percentile(lab, 0.9), "ms", None)
    yield Line("the lab: what it sends", sent / 1024, "kB", None)


def starts(importing: Sequence[float], pages: dict[str, Sequence[float]]) -> Iterator[Line]:
    """Seconds of imports and from `streamlit run` to the first picture; the quickest of each."""
    least = min(importing)
    yield Line("import torch, streamlit: quickest", least, "s", None)
    for name, seconds in pages.items():
        yield Line(f"start to first picture, {name}: quickest", min(seconds), "s", None)
        yield Line(f"start to first picture, {name}: ÷ imports", min(seconds) / least, "×", START)


def memory(sizes: Sequence[tuple[int, float]], of: str) -> Iterator[Line]:
    """Megabytes of the server by number of idle sessions, first and last: a session's share."""
    (few, small), (many, large) = sizes[0], sizes[-1]
    yield Line(f"server with {few} idle, {of}", small, "MB", None)
    yield Line(f"server with {many} idle, {of}", large, "MB", None)
    yield Line(f"each further session, {of}", (large - small) / (many - few), "MB", SESSION)
