"""Many visitors at once, without a browser: `python -m tools.bench.load`.

It starts a server and opens sessions over the websocket (`tools.bench.visitors`). Each scenario
returns its measurements and raises an error if a session fails. `main` prints the numbers with
their goals.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

import numpy as np

from dgm_core.bench.timing import Line
from dgm_core.data.sizes import DIGIT_SIDE
from tools.bench.figures import SESSION, percentile
from tools.bench.output import parsed, print_lines
from tools.bench.server import LAB, Server, serving
from tools.bench.visitors import Visitor
from ui.components.bits import pack
from ui.server_limits import GC_INTERVAL

PAGE = "Inpainting"
LONG_RUN = "iterations=5000&seed="
ANSWER, STROKE, GROWTH, ENDED, LEFT, TOGETHER = 5.0, 300.0, 5.0, 2.0, 0.0, 8.0
"""Goals of the lines that use them, in s, ms, %, s, as a number of threads, and as a ratio."""
SETTLE = 3.0
"""Seconds for which the number of threads must be constant."""
CLASSES = {20: 0.8, 40: 2.5}
"""Number of visitors → goal for the 95th percentile of the time to the first new picture, s."""
EVERY = 5.0
"""Seconds between two strokes of a visitor in a class."""
PARTS = ("class", "samplers", "strokes", "reruns", "threads", "connects")


class Answers(NamedTuple):
    """Measurements of sessions that all start a run at the same time."""

    first: list[float]  # s from stroke to first picture, one per session
    end: list[float]  # s from stroke to the end of the run, one per session
    cut: int  # number of runs that did not finish, such as at the time limit
    megabytes: float  # growth of the server per session, after the runs


async def samplers(
    server: Server, count: int, query: str = "", between: float = GC_INTERVAL
) -> Answers:
    """Measure `count` sessions that hide different pixels at the same moment.

    Args:
        server: the server under test.
        count: number of sessions.
        query: query string of each session's address, with the settings of the run.
        between: seconds between two garbage collections of the server; 0 if memory is not needed.

    Raises:
        RuntimeError: a session failed.
    """
    async with AsyncExitStack() as tabs:
        visitors = [await opened(tabs, server.url, query) for _ in range(count)]
        before = await _without_garbage(server, visitors[0], between)

        async def run(number: int) -> tuple[float, float]:
            visitor, start = visitors[number], time.perf_counter()
            first = await visitor.stroke(1, mask_of(number))
            await visitor.until(lambda: visitor.player[1] != "running")
            if visitor.player[1] == "failed" or visitor.exceptions:
                raise RuntimeError(
                    f"expected a run without errors, got state {visitor.player[1]!r} and the "
                    f"exceptions {visitor.exceptions}"
                )
            return first, time.perf_counter() - start

        taken = await asyncio.gather(*(run(number) for number in range(count)))
        each = (await _without_garbage(server, visitors[0], between) - before) / count
        cut = sum(visitor.player[1] != "finished" for visitor in visitors)
    return Answers([first for first, _ in taken], [end for _, end in taken], cut, each)


async def _without_garbage(server: Server, visitor: Visitor, between: float) -> float:
    """Megabytes of the server after two garbage collections.

    The server collects garbage after a rerun, but at most once per `GC_INTERVAL`. The second
    collection frees objects that the first one still found referenced.
    """
    for _ in range(2):
        await asyncio.sleep(between)
        await visitor.rerun()
    return server.megabytes()


async def strokes(server: Server, times: int, others: int = 3) -> list[float]:
    """Milliseconds from a stroke to its first picture, while `others` sessions run long chains."""
    async with AsyncExitStack() as tabs:
        visitors = [
            await opened(tabs, server.url, f"{LONG_RUN}{number}") for number in range(others)
        ]
        painter = await opened(tabs, server.url)
        taken = []
        for number in range(times):
            for index, other in enumerate(visitors):
                if other.player[1] != "running":
                    await other.stroke(number + 1, mask_of(20 * (number + 1) + index))
            await asyncio.sleep(0.5)
            taken.append(1e3 * await painter.stroke(number + 1, mask_of(number)))
    return taken


class Lesson(NamedTuple):
    """Measurements of visitors who all paint for a while."""

    first: list[float]  # s from each stroke to the first new picture
    processor: float  # processor time of the server ÷ (duration × cores)


async def classroom(server: Server, count: int, seconds: float) -> Lesson:
    """Measure `count` visitors who each make a stroke every `EVERY` seconds.

    Their strokes are spread evenly over that interval. A visitor whose picture has not come after
    it makes the next stroke as soon as the picture is there; no time is counted twice.

    Args:
        server: the server under test.
        count: number of visitors.
        seconds: duration, after every page is open.
    """
    async with AsyncExitStack() as tabs:
        visitors = [await opened(tabs, server.url, f"seed={number}") for number in range(count)]
        taken: list[float] = []
        start, used = time.perf_counter(), server.cpu_seconds()

        async def paint(number: int) -> None:
            due = start + EVERY * number / count
            stroke = 0
            while due < start + seconds:
                await asyncio.sleep(due - time.perf_counter())
                stroke += 1
                mask = mask_of((7 * number + stroke) % (DIGIT_SIDE * DIGIT_SIDE // 2))
                taken.append(await visitors[number].stroke(stroke, mask))
                due = max(due + EVERY, time.perf_counter())

        await asyncio.gather(*(paint(number) for number in range(count)))
        wall = time.perf_counter() - start
        processor = (server.cpu_seconds() - used) / (wall * (os.cpu_count() or 1))
    return Lesson(taken, processor)


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
    """Number of additional threads during long runs, and seconds until they have ended.

    The time starts when the last tab has been closed.

    Raises:
        TimeoutError: the threads do not end.
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
    """Growth in threads and megabytes after `times` tabs were opened and closed in sequence."""
    before, megabytes = await _resting(server), server.megabytes()
    for number in range(times):
        async with AsyncExitStack() as tabs:
            await opened(tabs, server.url, f"seed={200 + number % 5}")
    await _until_threads(server, before, time.perf_counter())
    await asyncio.sleep(SETTLE)
    return server.threads() - before, server.megabytes() - megabytes


def measured(options: argparse.Namespace) -> Iterator[Line]:
    """Lines of the requested parts, each as soon as it is measured."""
    parts = options.parts
    with serving(LAB) as server:
        asyncio.run(warm(server))
        if "class" in parts:
            for count in options.classes:
                yield from _lesson(asyncio.run(classroom(server, count, options.seconds)), count)
        if "samplers" in parts:
            alone = asyncio.run(samplers(server, 1))
            yield Line("one session alone: stroke to first picture", alone.first[0], "s", None)
            yield Line("the same: stroke to end of run", alone.end[0], "s", None)
            together = asyncio.run(samplers(server, options.sessions))
            yield from together_lines(alone, together, options.sessions)
        if "strokes" in parts:
            taken = asyncio.run(strokes(server, options.strokes))
            what = "stroke to first picture during three other runs"
            yield Line(f"{what}, median", statistics.median(taken), "ms", None)
            yield Line(f"{what}, 95th percentile", percentile(taken, 0.95), "ms", STROKE)
        if "reruns" in parts:
            before, after = asyncio.run(reruns(server, options.reruns, 100))
            yield Line("server before the reruns", before, "MB", None)
            what = f"growth of the server over {options.reruns} reruns"
            yield Line(what, 100 * (after - before) / before, "%", GROWTH)
        if "threads" in parts:
            more, seconds = asyncio.run(threads(server, options.sessions))
            yield Line(f"additional threads with {options.sessions} active runs", more, "", None)
            yield Line("time until they end after the tabs are closed", seconds, "s", ENDED)
        if "connects" in parts:
            left, size = asyncio.run(connects(server, options.connects))
            what = f"after {options.connects} connects and disconnects"
            yield Line(f"threads left {what}", left, "", LEFT)
            yield Line(f"memory growth {what}", size, "MB", None)


async def warm(server: Server) -> None:
    """Run the lab twice, so that the shared models are loaded."""
    async with AsyncExitStack() as tabs:
        visitor = await opened(tabs, server.url)
        for number in range(2):
            await visitor.stroke(number + 1, mask_of(number))
            await visitor.until(lambda: visitor.player[1] == "finished")


def together_lines(alone: Answers, found: Answers, count: int) -> Iterator[Line]:
    """Lines on `count` simultaneous runs, compared with one run alone on the same server."""
    what = f"{count} simultaneous runs: first picture"
    yield Line(f"{what}, median", statistics.median(found.first), "s", None)
    yield Line(f"{what}, 95th percentile", percentile(found.first, 0.95), "s", ANSWER)
    what = "the same: stroke to end of run"
    yield Line(f"{what}, median", statistics.median(found.end), "s", None)
    yield Line(f"{what}, 95th percentile", percentile(found.end, 0.95), "s", None)
    ratio = max(found.end) / alone.end[0]
    yield Line(f"the last of {count} to end ÷ one session alone", ratio, "×", TOGETHER)
    yield Line("number of these runs that did not finish", found.cut, "", 0.0)
    yield Line("memory per session, run ended", found.megabytes, "MB", SESSION)


def _lesson(found: Lesson, count: int) -> Iterator[Line]:
    what = f"{count} visitors, a stroke every {EVERY:g} s: first new picture"
    yield Line(f"{what}, median", statistics.median(found.first), "s", None)
    yield Line(f"{what}, 95th p.", percentile(found.first, 0.95), "s", CLASSES.get(count))
    yield Line("the server's processor time, of all cores", 100 * found.processor, "%", None)


async def opened(tabs: AsyncExitStack, url: str, query: str = "") -> Visitor:
    """A new visitor of the inpainting lab, after its first picture."""
    visitor = await tabs.enter_async_context(Visitor(url, PAGE, query))
    await visitor.until(lambda: visitor.runs > 0 and visitor.player[0] != "")
    return visitor


def mask_of(number: int) -> str:
    """Packed mask of the top half and one further pixel, which depends on `number`."""
    hidden = np.zeros((DIGIT_SIDE, DIGIT_SIDE), bool)
    hidden[: DIGIT_SIDE // 2] = True
    hidden[DIGIT_SIDE // 2 + number // DIGIT_SIDE, number % DIGIT_SIDE] = True
    return pack(hidden)


async def _resting(server: Server) -> int:
    """Number of threads of the server, once it has been constant for `SETTLE` seconds."""
    latest = (server.threads(), time.perf_counter())
    while time.perf_counter() - latest[1] < SETTLE:
        await asyncio.sleep(0.1)
        if server.threads() != latest[0]:
            latest = (server.threads(), time.perf_counter())
    return latest[0]


async def _until_threads(server: Server, count: int, since: float, patience: float = 60) -> None:
    while server.threads() > count:
        if time.perf_counter() - since > patience:
            raise TimeoutError(
                f"expected {count} threads again within {patience:g} s, got {server.threads()}"
            )
        await asyncio.sleep(0.02)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the requested parts; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, help="simultaneous sessions")
    parser.add_argument(
        "--classes", type=int, nargs="+", default=[5, 10, 15, 20, 40], help="visitors in a class"
    )
    parser.add_argument("--seconds", type=float, default=30, help="duration of a class")
    parser.add_argument("--strokes", type=int, default=100, help="strokes during three other runs")
    parser.add_argument("--reruns", type=int, default=600, help="reruns of one session")
    parser.add_argument("--connects", type=int, default=50, help="tabs opened and closed")
    print_lines(measured(parsed(parser, PARTS, arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
