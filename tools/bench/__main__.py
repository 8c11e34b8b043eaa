"""`python -m tools.bench`: the table, line by line as it is measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from dgm_core.bench.timing import Line
from tools.bench import figures, sessions, strokes
from tools.bench.browser import NoBrowser, browser
from tools.bench.server import ECHO, LAB, serving
from tools.bench.telling import asked_of, tell

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PARTS = ("strokes", "reruns", "start", "memory")


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="strokes and reruns of a kind")
    parser.add_argument("--starts", type=int, default=3, help="servers started for each page")
    parser.add_argument("--sessions", type=int, default=10, help="beside the first")
    asked = asked_of(parser, PARTS, arguments)
    try:
        tell(measured(asked))
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measured(asked: argparse.Namespace) -> Iterator[Line]:
    """The parts that are asked for, one by one."""
    parts = asked.parts
    with browser() as chromium:
        if "start" in parts:
            pages = {"front door": "", "inpainting lab": "Inpainting"}
            taken: dict[str, list[float]] = {name: [] for name in pages}
            importing = []
            for _ in range(asked.starts):
                importing.append(sessions.importing())
                for name, path in pages.items():
                    taken[name].append(sessions.start(chromium, path))
            yield from figures.starts(importing, taken)
        if "strokes" in parts or "reruns" in parts:
            with serving(ECHO) as echo, serving(LAB) as lab:
                yield from _under_the_finger(chromium, echo.url, lab.url, asked.times, parts)
        if "memory" in parts:
            say: Callable[[str], None] = lambda text: print(text, file=sys.stderr)  # noqa: E731
            for ran, of in ((False, "page opened"), (True, "run finished")):
                found = sessions.sizes(chromium, asked.sessions, ran=ran, say=say)
                yield from figures.memory(found, of)


def _under_the_finger(
    chromium: Browser, echo_url: str, lab_url: str, times: int, parts: Sequence[str]
) -> Iterator[Line]:
    echo, lab = strokes.Echo(chromium, echo_url), strokes.Lab(chromium, lab_url)
    if "strokes" in parts:
        yield from figures.strokes(*strokes.in_turns(echo, lab, times))
        long = strokes.Lab(chromium, lab_url, "?iterations=5000")
        yield from figures.amid_runs(strokes.amid_runs(long, times))
        long.page.context.close()
    else:
        lab.stroke()
        lab.finish()
    if "reruns" in parts:
        bare, _ = strokes.reruns(echo.page, times)
        taken, sent = strokes.reruns(lab.page, times)
        yield from figures.no_op(bare, taken, sum(sent.values()))
        largest = sorted(sent.items(), key=lambda item: -item[1])[:6]
        print("  of these " + ", ".join(f"{name} {size / 1024:.1f}" for name, size in largest))


if __name__ == "__main__":
    sys.exit(main())
