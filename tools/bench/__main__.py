"""`python -m tools.bench`: print each line of the table as soon as it is measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dgm_core.bench.timing import Line
from tools.bench import figures, sessions, strokes
from tools.bench.browser import NoBrowser, browser
from tools.bench.output import parsed, print_lines
from tools.bench.server import ECHO, LAB, serving
from ui.navigation import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PARTS = ("strokes", "reruns", "start", "memory")


def main(arguments: list[str] | None = None) -> int:
    """Measure the requested parts; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="number of strokes and of reruns")
    parser.add_argument("--starts", type=int, default=3, help="number of servers started per page")
    parser.add_argument("--sessions", type=int, default=10, help="sessions besides the first")
    options = parsed(parser, PARTS, arguments)
    try:
        print_lines(measured(options))
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measured(options: argparse.Namespace) -> Iterator[Line]:
    """Lines of the requested parts, each as soon as it is measured."""
    parts = options.parts
    with browser() as chromium:
        if "start" in parts:
            pages = {page.label if path else figures.FRONT: path for path, page in PAGES.items()}
            taken: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
            import_times = []
            for _ in range(options.starts):
                for name, path in pages.items():
                    import_times.append(sessions.importing())
                    taken[name].append(sessions.start(chromium, path))
                    _print_progress(f"{name}: {taken[name][-1]}, imports {import_times[-1]:.2f} s")
            yield from figures.starts(import_times, taken)
        if "strokes" in parts or "reruns" in parts:
            with serving(ECHO) as echo, serving(LAB) as lab:
                yield from _interactions(chromium, echo.url, lab.url, options.times, parts)
        if "memory" in parts:
            for ran, state in ((False, "page opened"), (True, "run finished")):
                found = sessions.sizes(chromium, options.sessions, ran=ran, report=_print_progress)
                yield from figures.memory(found, state)


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr)


def _interactions(
    chromium: Browser, echo_url: str, lab_url: str, times: int, parts: Sequence[str]
) -> Iterator[Line]:
    """Lines of the parts "strokes" and "reruns"."""
    echo, lab = strokes.Echo(chromium, echo_url), strokes.Lab(chromium, lab_url)
    if "strokes" in parts:
        yield from figures.strokes(*strokes.alternating(echo, lab, times))
        yield from figures.sent("a stroke until its picture", lab.sizes())
        long = strokes.Lab(chromium, lab_url, "?iterations=5000")
        yield from figures.during_runs(strokes.during_runs(long, times))
        long.page.context.close()
    else:
        lab.stroke()
        lab.finish()
    if "reruns" in parts:
        (bare, _), (taken, sizes) = strokes.reruns([echo.page, lab.page], times)
        yield from figures.no_op(bare, taken)
        yield from figures.sent("one such rerun", sizes)


if __name__ == "__main__":
    sys.exit(main())
