"""The linked scatter as a page object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Locator, Page

from tests.e2e.page_helpers import settle

MARGIN = 18
"""Pixels around the points of a plane."""

# Colours at positions (x, y in CSS pixels) of a canvas.
_READ = """(canvas, places) => {
  const context = canvas.getContext("2d")
  const ratio = canvas.width / canvas.clientWidth
  return places.map(([x, y]) =>
    [...context.getImageData(Math.floor(x * ratio), Math.floor(y * ratio), 1, 1).data])
}"""


class Scatter:
    """The scatter on an idle page, with the positions of its points in each plane."""

    def __init__(self, page: Page, planes: list[np.ndarray]) -> None:
        self.page = page
        self.planes = planes
        self.root = page.locator(".linked-scatter")
        self.root.wait_for()
        settle(page)
        self.stages = self.root.locator(".stage")
        self.scroll_to(0)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def colouring(self, name: str) -> Locator:
        return self.root.get_by_role("radio", name=name, exact=True)

    def entry(self, name: str) -> Locator:
        """The button of an entry of the legend."""
        return self.root.locator(".key button", has=self.page.get_by_text(name, exact=True))

    def scroll_to(self, plane: int) -> None:
        """Scroll a plane to the middle of the screen, where nothing covers it."""
        self.stages.nth(plane).evaluate("stage => stage.scrollIntoView({block: 'center'})")

    def positions(self, plane: int) -> np.ndarray:
        """Points in CSS pixels from the corner of the plane, (N, 2): equal scales, full size."""
        xy, box = self.planes[plane], self.stages.nth(plane).bounding_box()
        sides = np.array([box["width"], box["height"]])
        low, high = xy.min(0), xy.max(0)
        scale = ((sides - 2 * MARGIN) / (high - low)).min()
        return sides / 2 + (xy - (low + high) / 2) * scale * [1, -1]

    def on_screen(self, plane: int, place: np.ndarray) -> tuple[float, float]:
        box = self.stages.nth(plane).bounding_box()
        return box["x"] + float(place[0]), box["y"] + float(place[1])

    def isolated_point(self, plane: int, among: np.ndarray) -> int:
        """The point of `among` that is farthest on screen from its nearest neighbour."""
        places = self.positions(plane)
        apart = np.linalg.norm(places[among][:, None] - places, axis=-1)
        apart[np.arange(len(among)), among] = np.inf
        nearest = apart.min(1)
        assert nearest.max() > 3, "no point stands alone"
        return int(among[nearest.argmax()])

    def wait_for_frame(self) -> None:
        """Wait for the next frame, so that the last action is visible."""
        self.page.evaluate(
            "() => new Promise((go) => requestAnimationFrame(() => setTimeout(go)))"
        )

    def colours(self, plane: int, points: np.ndarray) -> np.ndarray:
        """Colours of the pixels in the middle of points, (n, 3)."""
        self.wait_for_frame()
        canvas = self.stages.nth(plane).locator("canvas.points")
        places = self.positions(plane)[points].tolist()
        return np.array(canvas.evaluate(_READ, places))[:, :3]

    def lasso(self, plane: int, corners: np.ndarray, *, release: bool = True) -> None:
        """Draw a lasso through corners (n, 2), in pixels of the plane."""
        mouse = self.page.mouse
        mouse.move(*self.on_screen(plane, corners[0]))
        mouse.down()
        for corner in corners[1:]:
            mouse.move(*self.on_screen(plane, corner), steps=6)
        if release:
            mouse.up()

    def report(self) -> dict:
        return json.loads(self.page.locator("#report").text_content())

    def received(self, *, calls: int) -> list[int] | None:
        """The selection in Python, after Python has received this number of selections."""
        deadline = time.monotonic() + 20
        while (report := self.report())["calls"] != calls:
            assert time.monotonic() < deadline, f"expected {calls} calls, got {report['calls']}"
            self.page.wait_for_timeout(20)
        settle(self.page)
        return self.report()["chosen"]

    def after(self, act: Callable[[], object]) -> None:
        """Perform an action that causes a rerun, and wait for the end of the rerun."""
        runs = self.report()["runs"]
        act()
        deadline = time.monotonic() + 20
        while self.report()["runs"] == runs:
            assert time.monotonic() < deadline, "expected a rerun"
            self.page.wait_for_timeout(20)
        settle(self.page)

    def count(self) -> str:
        """The visible text of the count."""
        self.wait_for_frame()
        return self.root.locator(".count b").text_content()

    def announcement(self) -> str:
        """The last announcement to screen readers."""
        return self.root.locator("[aria-live]").text_content()

    def tooltip(self) -> dict[str, str]:
        """Names and values in the tooltip; empty if none is shown."""
        tip = self.root.locator(".tip")
        if not tip.is_visible():
            return {}
        names, values = (tip.locator(part).all_text_contents() for part in ("dt", "dd"))
        return dict(zip(names, values, strict=True))
