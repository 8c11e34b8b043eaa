"""Many visitors at once, without a browser: `python -m tools.bench.load`.

It starts a server and opens sessions over the websocket (`tools.bench.visitors`). Each scenario
returns what it measured and raises where a session fails; `main` sets the figures beside their
goals.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

import numpy as np

from dgm_core.bench.timing import Line
from tools.bench.figures import SESSION, percentile
from tools.bench.server import LAB, Server, serving
from tools.bench.telling import asked_of, tell
from tools.bench.visitors import Visitor
from ui.components.bits import pack
from ui.server_limits import GC_INTERVAL

PAGE = "Inpainting"
SIDE = 28
LONG_RUN = "iterations=5000&seed="
ANSWER, STROKE, GROWTH, GONE, LEFT = 5.0, 300.0, 5.0, 2.0, 0.0
"""Goals: s, ms, %, s, threads."""
SETTLE = 3.0
"""Seconds that a server has to come to rest."""
PARTS = ("samplers", "strokes", "reruns", "threads", "connects")


class Answers(NamedTuple):
    """Sessions that each started a run at the same time."""

    first: list[float]  # s until the first picture, one a session
    end: list[float]  # s until the run has ended
    cut: int  # runs that the limit of one run's time has ended
    megabytes: float  # of the server for each session, with the run that has ended


async def samplers(
    server: Server, count: int, query: str = "", between: float = GC_INTERVAL
) -> Answers:
    """Seconds of `count` sessions that all hide something else at the same moment.

    Args:
        server: which serves them.
        count: of them.
        query: in their address: settings of the run.
        between: two searches of the server for garbage, seconds; 0 = its memory does not matter.

    Raises:
        RuntimeError: a session failed.
    """
    async with AsyncExitStack() as tabs:
        visitors = [await opened(tabs, server.url, query) for _ in range(count)]
        before = await _without_garbage(server, visitors[0], between)

        async def run(number: int) -> tuple[float, float]:
            visitor, begun = visitors[number], time.perf_counter()
            first = await visitor.stroke(1, mask_of(number))
            await visitor.until(lambda: visitor.player[1] != "running")
            if visitor.player[1] == "failed" or visitor.exceptions:
                raise RuntimeError(f"run {visitor.player[1]}, {visitor.exceptions}")
            return first, time.perf_counter() - begun

        taken = await asyncio.gather(*(run(number) for number in range(count)))
        each = (await _without_garbage(server, visitors[0], between) - before) / count
        cut = sum(visitor.player[1] != "finished" for visitor in visitors)
    return Answers([first for first, _ in taken], [end for _, end in taken], cut, each)


async def _without_garbage(server: Server, visitor: Visitor, between: float) -> float:
    """Megabytes of the server, which searches for garbage after a rerun, but seldom.

    Twice: what it throws away may have held other things.
    """
    for _ in range(2):
        await asyncio.sleep(between)
        await visitor.rerun()
    return server.megabytes()


async def strokes(server: Server, times: int, others: int = 3) -> list[float]:
    """Milliseconds from a stroke to its first picture, while `others` run long chains."""
    async with AsyncExitStack() as tabs:
        visitors = [
            await opened(tabs, server.url, f"{LONG_RUN}{number}") for number in range(others)
        ]
        painter = await opened(tabs, server.url)
        taken = []
        for number in range(times):
            for at, other in enumerate(visitors):
                if other.player[1] != "running":
                    await other.stroke(number + 1, mask_of(20 * (number + 1) + at))
            await asyncio.sleep(0.5)
            taken.append(1e3 * await painter.stroke(number + 1, mask_of(number)))
    return taken


async def reruns(server: Server, times: int, warmup: int) -> tuple[float, float]:
    """Megabytes of the server before and after reruns of one session that change nothing."""
    async with AsyncExitStack() as tabs:
        visitor = await opened(tabs, server.url)
        for _ in range(warmup):
            await visitor.rerun()
        before = server.megabytes()
        for _ in range(times):
            await visitor.rerun()
        return before, server.megabytes()


async def threads(server: Server, count: int) -> tuple[int, float]:
    """Threads more than before while long runs are under way, and seconds until they are gone.

    The seconds count from the closing of the last tab.

    Raises:
        TimeoutError: they stay.
    """
    before = await _resting(server)
    async with AsyncExitStack() as tabs:
        for number in range(count):
            await opened(tabs, server.url, f"{LONG_RUN}{100 + number}")
        more = server.threads() - before
        closing = time.perf_counter()
    closed = time.perf_counter()
    await _until_threads(server, before, closing)
    return more, time.perf_counter() - closed


async def connects(server: Server, times: int) -> tuple[int, float]:
    """Threads and megabytes more than before, after tabs were opened and closed one by one."""
    before, size = await _resting(server), server.megabytes()
    for number in range(times):
        async with AsyncExitStack() as tabs:
            await opened(tabs, server.url, f"seed={200 + number % 5}")
    await _until_threads(server, before, time.perf_counter())
    await asyncio.sleep(SETTLE)
    return server.threads() - before, server.megabytes() - size


def measured(asked: argparse.Namespace) -> Iterator[Line]:
    """The parts that are asked for, one by one."""
    parts = asked.parts
    with serving(LAB) as server:
        asyncio.run(warm(server))
        if "samplers" in parts:
            alone = asyncio.run(samplers(server, 1))
            yield Line("one session runs alone: first picture", alone.first[0], "s", None)
            yield Line("the same: run ended", alone.end[0], "s", None)
            yield from _answers(asyncio.run(samplers(server, asked.sessions)), asked.sessions)
        if "strokes" in parts:
            taken = asyncio.run(strokes(server, asked.strokes))
            what = "stroke to first picture amid three runs"
            yield Line(f"{what}, median", statistics.median(taken), "ms", None)
            yield Line(f"{what}, 95th percentile", percentile(taken, 0.95), "ms", STROKE)
        if "reruns" in parts:
            before, after = asyncio.run(reruns(server, asked.reruns, 100))
            yield Line("server before the reruns", before, "MB", None)
            what = f"its growth over {asked.reruns} reruns"
            yield Line(what, 100 * (after - before) / before, "%", GROWTH)
        if "threads" in parts:
            more, seconds = asyncio.run(threads(server, asked.sessions))
            yield Line(f"threads more with {asked.sessions} live runs", more, "", None)
            yield Line("until they are gone once the tabs are closed", seconds, "s", GONE)
        if "connects" in parts:
            left, size = asyncio.run(connects(server, asked.connects))
            what = f"after {asked.connects} connects and disconnects"
            yield Line(f"threads left {what}", left, "", LEFT)
            yield Line(f"memory left {what}", size, "MB", None)


async def warm(server: Server) -> None:
    """One visitor, whose run brings everybody's models."""
    async with AsyncExitStack() as tabs:
        visitor = await opened(tabs, server.url)
        for number in range(2):
            await visitor.stroke(number + 1, mask_of(number))
            await visitor.until(lambda: visitor.player[1] == "finished")


def _answers(found: Answers, count: int) -> Iterator[Line]:
    what = f"{count} sessions run at once: first picture"
    yield Line(f"{what}, median", statistics.median(found.first), "s", None)
    yield Line(f"{what}, 95th percentile", percentile(found.first, 0.95), "s", ANSWER)
    what = "the same: run ended"
    yield Line(f"{what}, median", statistics.median(found.end), "s", None)
    yield Line(f"{what}, 95th percentile", percentile(found.end, 0.95), "s", None)
    yield Line("runs of these that the limit of 180 s ended", found.cut, "", 0.0)
    yield Line("memory of each session, run ended", found.megabytes, "MB", SESSION)


async def opened(tabs: AsyncExitStack, url: str, query: str = "") -> Visitor:
    """A visitor of the inpainting lab, who has its first picture."""
    visitor = await tabs.enter_async_context(Visitor(url, PAGE, query))
    await visitor.until(lambda: visitor.runs > 0 and visitor.player[0] != "")
    return visitor


def mask_of(number: int) -> str:
    """A mask for a stroke: what is hidden: of every number something else."""
    hidden = np.zeros((SIDE, SIDE), bool)
    hidden[: SIDE // 2] = True
    hidden[SIDE // 2 + number // SIDE, number % SIDE] = True
    return pack(hidden)


async def _resting(server: Server) -> int:
    """The server's threads, once they have been the same for a while."""
    known = (server.threads(), time.perf_counter())
    while time.perf_counter() - known[1] < SETTLE:
        await asyncio.sleep(0.1)
        if server.threads() != known[0]:
            known = (server.threads(), time.perf_counter())
    return known[0]


async def _until_threads(server: Server, count: int, since: float, patience: float = 60) -> None:
    while server.threads() > count:
        if time.perf_counter() - since > patience:
            raise TimeoutError(f"expected {count} threads again, found {server.threads()}")
        await asyncio.sleep(0.02)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, help="that run at once")
    parser.add_argument("--strokes", type=int, default=100, help="amid three runs")
    parser.add_argument("--reruns", type=int, default=600, help="of one session")
    parser.add_argument("--connects", type=int, default=50, help="and disconnects")
    tell(measured(asked_of(parser, PARTS, arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
