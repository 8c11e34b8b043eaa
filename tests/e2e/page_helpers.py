"""Helpers of the browser tests: wait until a page is idle, read its figures and canvases."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.patience import PATIENCE

LONG = int(1000 * PATIENCE)
"""Milliseconds."""
NewPage = Callable[..., Page]

# Colour at the centre of each of the n × n cells of a canvas.
_READ = """(canvas, n) => {
  const {width, height} = canvas
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data
  const at = (i, side) => Math.floor((i + 0.5) * side / n)
  return Array.from({length: n * n}, (_, i) => {
    const from = 4 * (at(Math.floor(i / n), height) * width + at(i % n, width))
    return [...data.slice(from, from + 3)]
  })
}"""


def settle(page: Page) -> None:
    """Wait until the script is not running and all components have their scripts."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    expect(page.locator(".until-mounted[inert]")).to_have_count(0)


def opened(new_page: NewPage, address: str, title: str, **options: object) -> Page:
    """An idle page with this heading; `options` are those of the browser's context."""
    page = new_page(**options)
    page.goto(address)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    settle(page)
    return page


_CURVE = """([selector, trace, axis]) => {
  const find = (each, i) => each.name === trace || String(i) === trace
  const found = document.querySelector(selector)?._fullData?.find(find)
  return found && Array.from(found[axis])
}"""


def curve(page: Page, figure: str, trace: str, axis: str = "y") -> list[float]:
    """Values of a curve, given by name or number, after its figure has been drawn."""
    selector = f".st-key-figure-{figure} .js-plotly-plot"
    expect(page.locator(f"{selector} .main-svg").first).to_be_visible()
    arguments = [selector, trace, axis]
    return page.wait_for_function(_CURVE, arg=arguments).json_value()


def until(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition is true.

    Raises:
        AssertionError: the condition stayed false until the time limit.
    """
    for _ in range(LONG // 200):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"waited in vain: {what}")


def moved(page: Page, figure: str, trace: str, before: Sequence[float]) -> np.ndarray:
    """Values of a curve, after they differ from `before`."""
    now = np.array(before)

    def changed() -> bool:
        nonlocal now
        now = np.array(curve(page, figure, trace), float)
        return now.shape != np.shape(before) or not np.allclose(now, before, equal_nan=True)

    until(page, changed, f"{figure} changes")
    return now


def assert_no_horizontal_overflow(page: Page) -> None:
    """Assert that the page is not wider than its window."""
    wider = page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
    )
    assert wider <= 0


def choose(box: Locator, option: str | re.Pattern[str]) -> None:
    """Choose an option of a select box.

    On a busy machine the box may close again at once, because it opens when the mouse button is
    pressed and may receive the focus later.
    """
    wanted = box.page.get_by_role("option", name=option)
    for _ in range(10):
        box.get_by_role("combobox").click()
        try:
            wanted.wait_for(timeout=3000)
        except TooLate:
            continue
        break
    wanted.click()


def colours(canvas: Locator, cells: int = 28) -> np.ndarray:
    """Colours at the middle of each cell of a square image: (cells, cells, 3), 0 … 255."""
    return np.array(canvas.evaluate(_READ, cells)).reshape(cells, cells, 3)


def levels(canvas: Locator, cells: int = 28) -> np.ndarray:
    """Mean of the colour channels of each cell: (cells, cells), 0 … 255."""
    return colours(canvas, cells).mean(-1)
