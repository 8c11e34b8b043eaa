"""Lines of the table, computed from measured times and sizes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from dgm_core.bench.timing import Line

MORE_THAN_ECHO, NO_OP, FRONT_DOOR, LAB, SESSION = 80.0, 0.8, 1.1, 1.2, 5.0
"""Goals of the lines that use them, in ms, as ratios, and in MB. Each compares two measurements of
the same run, so a busy machine affects both."""
FRONT = "front door"
"""Name of the front page among the pages whose start is measured."""


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
    yield Line("during a run: 95th percentile", percentile(values, 0.95), "ms", None)


def sent(what: str, sizes: Mapping[str, int]) -> Iterator[Line]:
    """Lines on the bytes that the server sends: all, and the largest kinds of message."""
    yield Line(f"data sent by {what}", sum(sizes.values()) / 1024, "kB", None)
    for kind, size in sorted(sizes.items(), key=lambda item: -item[1])[:5]:
        yield Line(f"  of which {kind}", size / 1024, "kB", None)


def no_op(echo: Sequence[float], lab: Sequence[float]) -> Iterator[Line]:
    """Lines on reruns without a change, in ms; `echo` (minimal app) and `lab` took turns."""
    bare, ours = statistics.median(echo), statistics.median(lab)
    yield Line("bare Streamlit: a rerun without change, median", bare, "ms", None)
    yield Line("the lab: the same, median", ours, "ms", None)
    yield Line("the lab ÷ bare Streamlit, medians", ours / bare, "×", NO_OP)
    yield Line("the lab: 90th percentile", percentile(lab, 0.9), "ms", None)


def starts(
    importing: Sequence[float], pages: Mapping[str, Sequence[tuple[float, float]]]
) -> Iterator[Line]:
    """Lines on starts of servers, in seconds.

    Args:
        importing: the times to import torch and Streamlit.
        pages: page → the times until its first picture is drawn, and until it is complete.
    """
    shortest = min(importing)
    yield Line("import torch, streamlit: fastest", shortest, "s", None)
    for name, seconds in pages.items():
        picture, complete = (min(each) / shortest for each in zip(*seconds, strict=True))
        goal = FRONT_DOOR if name == FRONT else LAB
        yield Line(f"{name}: start to first picture ÷ imports", picture, "×", goal)
        yield Line(f"{name}: start to complete page ÷ imports", complete, "×", None)


def memory(sizes: Sequence[tuple[int, float]], state: str) -> Iterator[Line]:
    """Lines on server memory in MB for the fewest and the most sessions, and per session."""
    (few, small), (many, large) = sizes[0], sizes[-1]
    yield Line(f"server with {few} idle, {state}", small, "MB", None)
    yield Line(f"server with {many} idle, {state}", large, "MB", None)
    yield Line(f"each further session, {state}", (large - small) / (many - few), "MB", SESSION)
