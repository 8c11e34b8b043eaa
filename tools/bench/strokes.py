"""What a stroke and a rerun cost: milliseconds, in the lab and in a bare app."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from tools.bench.browser import answer, context, first_picture, heard, listen, rerun, rest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

SIDE = 28
WARMUP = 3
"""Strokes that do not count: the first imports torch, and later ones fill caches."""
BETWEEN = 700
"""Milliseconds from a picture to the next stroke amid a run."""


class Echo:
    """The bare app."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.page = _opened(browser, url)

    def stroke(self) -> float:
        """Milliseconds from pointer-up to the picture."""
        _press(self.page.locator("canvas.echo"), 14, 14)
        taken = answer(self.page)
        rest(self.page)
        return taken


class Lab:
    """The inpainting lab and its default run, or another: `asked` stands in its address."""

    def __init__(self, browser: Browser, url: str, asked: str = "") -> None:
        self.page = _opened(browser, f"{url}/Inpainting{asked}")
        self.player = self.page.locator(".player")
        canvas = self.page.locator(".st-key-mask_canvas")
        self.board = canvas.locator("canvas.board")
        canvas.get_by_role("slider", name="Brush size").fill("1")
        self.places = _places()

    def stroke(self) -> float:
        """Milliseconds from pointer-up to the first picture of the run that it brings."""
        _press(self.board, *next(self.places))
        return answer(self.page)

    def finish(self) -> None:
        """Wait until the run has ended."""
        self.page.locator(".player[data-state=finished]").wait_for()
        rest(self.page)

    def go_on(self) -> None:
        """Let a long run get under way."""
        self.page.locator(".player[data-state=running]").wait_for()
        self.page.wait_for_timeout(BETWEEN)


def in_turns(echo: Echo, lab: Lab, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of strokes, each when nothing runs."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARMUP + times):
        taken[0].append(echo.stroke())
        taken[1].append(lab.stroke())
        lab.finish()
    return taken[0][WARMUP:], taken[1][WARMUP:]


def amid_runs(lab: Lab, times: int) -> list[float]:
    """Milliseconds of strokes, each while the long run of the one before goes on."""
    lab.stroke()
    taken = []
    for _ in range(times):
        lab.go_on()
        taken.append(lab.stroke())
    return taken


def reruns(page: Page, times: int) -> tuple[list[float], dict[str, int]]:
    """Milliseconds of reruns that change nothing, and the bytes of the last by what they are."""
    taken, sizes = [], {}
    for turn in range(WARMUP + times):
        rest(page)
        page.evaluate("document.activeElement.blur()")  # a canvas keeps its keys to itself
        listen(page)
        page.keyboard.press("r")
        page.wait_for_function("stopwatch.messages.length > 1")
        rest(page)
        milliseconds, sizes = rerun(heard(page))
        if turn >= WARMUP:
            taken.append(milliseconds)
    return taken, sizes


def _opened(browser: Browser, address: str) -> Page:
    page = context(browser).new_page()
    page.goto(address)
    first_picture(page)
    rest(page)
    return page


def _places() -> Iterator[tuple[int, int]]:
    """Cells that are seen at first, no two alike and no two in a row neighbours."""
    rows, columns = range(16, SIDE - 1), range(1, SIDE - 1)
    cells = list(product(rows, columns))
    for i in range(len(cells)):
        yield cells[i * 101 % len(cells)]  # 101 is prime to their number
    raise RuntimeError("no cell is left to hide")


def _press(canvas: Locator, row: float, column: float) -> None:
    box = canvas.bounding_box()
    cell = box["width"] / SIDE
    mouse = canvas.page.mouse
    mouse.move(box["x"] + (column + 0.5) * cell, box["y"] + (row + 0.5) * cell)
    mouse.down()
    mouse.up()
