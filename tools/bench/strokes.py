"""Milliseconds that a stroke and a rerun take, in the lab and in the minimal app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

from dgm_core.data.sizes import DIGIT_SIDE
from tools.bench.browser import (
    answer,
    bounds,
    context,
    first_picture,
    listen,
    recorded,
    rerun,
    rest,
    sizes,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

WARMUP = 3
"""Strokes that are not counted: the first imports torch, and later ones fill caches."""
BETWEEN = 700
"""Milliseconds from a picture to the next stroke during a run."""


class Echo:
    """The minimal app in a page of its own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.page = _opened(browser, url)

    def stroke(self) -> float:
        """Milliseconds from pointer-up to the picture."""
        _press(self.page.locator("canvas.echo"), 14, 14)
        taken = answer(self.page)
        rest(self.page)
        return taken


class Lab:
    """The inpainting lab; `query`, such as "?iterations=5000", is added to its address."""

    def __init__(self, browser: Browser, url: str, query: str = "") -> None:
        self.page = _opened(browser, f"{url}/Inpainting{query}")
        self.player = self.page.locator(".player")
        canvas = self.page.locator(".st-key-mask_canvas")
        self.board = canvas.locator("canvas.board")
        canvas.get_by_role("slider", name="Brush size").fill("1")
        self._pixels = _observed_pixels()

    def stroke(self) -> float:
        """Milliseconds from pointer-up to the first picture of the run that the stroke starts."""
        _press(self.board, *next(self._pixels))
        return answer(self.page)

    def sizes(self) -> dict[str, int]:
        """Bytes per kind of message from a stroke to its picture."""
        self.finish()
        listen(self.page)
        self.stroke()
        return sizes(recorded(self.page))

    def finish(self) -> None:
        """Wait until the run has ended."""
        self.page.locator(".player[data-state=finished]").wait_for()
        rest(self.page)

    def wait_for_run(self) -> None:
        """Wait until a long run has started, and then `BETWEEN` milliseconds."""
        self.page.locator(".player[data-state=running]").wait_for()
        self.page.wait_for_timeout(BETWEEN)


def alternating(echo: Echo, lab: Lab, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of strokes in both apps, which alternate; no run computes meanwhile."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARMUP + times):
        taken[0].append(echo.stroke())
        taken[1].append(lab.stroke())
        lab.finish()
    return taken[0][WARMUP:], taken[1][WARMUP:]


def during_runs(lab: Lab, times: int) -> list[float]:
    """Milliseconds of strokes, each made while the run of the previous stroke computes."""
    lab.stroke()
    taken = []
    for _ in range(times):
        lab.wait_for_run()
        taken.append(lab.stroke())
    return taken


def reruns(pages: Sequence[Page], times: int) -> list[tuple[list[float], dict[str, int]]]:
    """For each page: milliseconds of reruns without a change, and bytes per kind of message of
    the last one. The pages take turns."""
    taken: list[list[float]] = [[] for _ in pages]
    sizes: list[dict[str, int]] = [{} for _ in pages]
    for turn in range(WARMUP + times):
        for number, page in enumerate(pages):
            milliseconds, sizes[number] = _rerun(page)
            if turn >= WARMUP:
                taken[number].append(milliseconds)
    return list(zip(taken, sizes, strict=True))


def _rerun(page: Page) -> tuple[float, dict[str, int]]:
    rest(page)
    page.evaluate("document.activeElement.blur()")  # a focused canvas would take the key "r"
    listen(page)
    page.keyboard.press("r")
    page.wait_for_function("stopwatch.messages.length > 1")
    rest(page)
    return rerun(recorded(page))


def _opened(browser: Browser, address: str) -> Page:
    page = context(browser).new_page()
    page.goto(address)
    first_picture(page)
    rest(page)
    return page


def _observed_pixels() -> Iterator[tuple[int, int]]:
    """Pixels that are observed at first, (row, column); each once, none next to the previous."""
    rows, columns = range(16, DIGIT_SIDE - 1), range(1, DIGIT_SIDE - 1)
    pixels = list(product(rows, columns))
    for i in range(len(pixels)):
        yield pixels[i * 101 % len(pixels)]  # 101 and their number have no common factor
    raise RuntimeError(f"all {len(pixels)} pixels are hidden already")


def _press(canvas: Locator, row: float, column: float) -> None:
    box = bounds(canvas)
    size = box["width"] / DIGIT_SIDE
    mouse = canvas.page.mouse
    mouse.move(box["x"] + (column + 0.5) * size, box["y"] + (row + 0.5) * size)
    mouse.down()
    mouse.up()
