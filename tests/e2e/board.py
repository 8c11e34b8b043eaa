"""The pixel canvas on a page; cells are given as (row, column)."""

from __future__ import annotations

from playwright.sync_api import Locator


class Board:
    """A drawing board of size × size cells."""

    def __init__(self, canvas: Locator, size: int = 28) -> None:
        self.canvas, self.size = canvas, size

    def at(self, row: float, column: float) -> tuple[float, float]:
        """Middle of a cell on screen."""
        box = self.canvas.bounding_box()
        assert box is not None
        cell = box["width"] / self.size
        return box["x"] + (column + 0.5) * cell, box["y"] + (row + 0.5) * cell

    def drag(self, *cells: tuple[float, float], button: str = "left") -> None:
        """Press at the first cell, jump from cell to cell, release at the last."""
        mouse = self.canvas.page.mouse
        self.canvas.hover()  # waits until the canvas does not move and nothing covers it
        mouse.move(*self.at(*cells[0]))
        mouse.down(button=button)  # type: ignore[arg-type]
        for cell in cells[1:]:
            mouse.move(*self.at(*cell))
        mouse.up(button=button)  # type: ignore[arg-type]

    def swipe(self, *cells: tuple[float, float]) -> None:
        """The same with a finger; the browser has to have a touch screen."""
        page = self.canvas.page
        wire = page.context.new_cdp_session(page)
        for kind, cell in zip(["touchStart", *["touchMove"] * len(cells)], cells, strict=False):
            x, y = self.at(*cell)
            points = [{"x": x, "y": y}]
            wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        wire.detach()
