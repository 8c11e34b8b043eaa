"""The pixel canvas in a real browser: Python receives the painted pixels."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from tests.e2e.board import Board
from tests.e2e.conftest import NewPage, Serve
from tests.e2e.page_helpers import settle
from tests.patience import PATIENCE
from tools.bench.server import ROOT
from ui.components.bits import unpack

APP = ROOT / "tests/e2e/apps/pixel_canvas_app.py"
Cells = set[tuple[int, int]]


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP, "--client.toolbarMode=developer")  # with all of Streamlit's hotkeys


class Screen(Board):
    """A page with the canvas; cells are given as (row, column)."""

    def __init__(self, page: Page, url: str, size: int = 28, **query: object) -> None:
        self.page = page
        page.goto(f"{url}/?{urlencode({'size': size, **query})}")
        self.board = page.locator("canvas.board")
        super().__init__(self.board, size)
        self.board.wait_for()
        self.settle()
        self.board.scroll_into_view_if_needed()

    def settle(self) -> None:
        settle(self.page)

    def tool(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def brush(self, size: int) -> None:
        self.page.get_by_role("slider", name="Brush size").fill(str(size))

    def report(self) -> dict[str, object]:
        return json.loads(self.page.locator("#report").text_content())

    def received(self, number: int | None) -> Cells | None:
        """The cells in Python, after it has received stroke `number`."""
        deadline = time.monotonic() + PATIENCE
        while (report := self.report())["number"] != number:
            assert time.monotonic() < deadline, f"expected stroke {number}, got {report}"
            self.page.wait_for_timeout(20)
        self.settle()
        cells = self.report()["cells"]
        return None if cells is None else {tuple(cell) for cell in cells}

    def inked(self, number: int) -> np.ndarray:
        """The fine ink in Python, (112, 112), after it has received stroke `number` of ink."""
        deadline = time.monotonic() + PATIENCE
        while (report := self.report())["ink_number"] != number:
            assert time.monotonic() < deadline, f"expected {number}, got {report['ink_number']}"
            self.page.wait_for_timeout(20)
        self.settle()
        return unpack(self.report()["ink"], 112, 112)

    def mode(self, name: str) -> Locator:
        return self.page.get_by_role("radio", name=name, exact=True)

    def expect_count(self, text: str) -> None:
        """Wait until the visible count contains `text`."""
        self.page.locator(".count", has_text=text).wait_for()

    def status(self) -> str | None:
        """The last announcement to screen readers."""
        return self.page.locator("[role=status].visually-hidden").text_content()


Opener = Callable[..., Screen]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(*, options: dict | None = None, **query: object) -> Screen:
        return Screen(new_page(**(options or {})), server, **query)

    return opener


def rows(first: int, last: int, size: int = 28) -> Cells:
    return {(row, column) for row in range(first, last) for column in range(size)}


def test_mouse_strokes_arrive_cell_by_cell(opened: Opener) -> None:
    screen = opened()
    screen.brush(1)
    screen.drag((3, 4), (3, 20))  # one jump gives a line without gaps
    assert screen.received(1) == {(3, column) for column in range(4, 21)}
    screen.drag((10, 2), (18, 10))
    diagonal = {(10 + step, 2 + step) for step in range(9)}
    assert screen.received(2) == {(3, column) for column in range(4, 21)} | diagonal
    screen.expect_count("26 of 784 pixels hidden")
    assert screen.status() == "26 of 784 pixels hidden"
    assert screen.report()["calls"] == screen.report()["in_callback"] == 2


def test_each_brush_paints_its_shape(opened: Opener) -> None:
    screen = opened()
    screen.board.focus()
    screen.page.keyboard.press("3")
    screen.drag((10, 10))
    square = {(row, column) for row in (9, 10, 11) for column in (9, 10, 11)}
    assert screen.received(1) == square
    screen.page.keyboard.press("c")
    assert screen.received(2) == set()
    screen.page.keyboard.press("5")
    screen.drag((10, 10))
    disc = {(r, c) for r in range(8, 13) for c in range(8, 13) if abs(r - 10) + abs(c - 10) < 4}
    assert screen.received(3) == disc
    screen.page.keyboard.press("Delete")
    screen.page.keyboard.press("4")
    screen.drag((0.2, 0.2))  # rows and columns -1 to 2, less the corners; the rest is cut off
    assert screen.received(5) == {(r, c) for r in range(3) for c in range(3)} - {(2, 2)}


def test_a_stroke_that_leaves_the_grid_continues_on_its_path(opened: Opener) -> None:
    screen = opened()
    screen.brush(1)
    screen.drag((25, 5), (32, 5), (32, 8), (26, 8))
    assert screen.received(1) == {(25, 5), (26, 5), (27, 5), (27, 8), (26, 8)}


def test_eraser_right_button_and_shift_erase(opened: Opener) -> None:
    screen = opened()
    screen.brush(1)
    row = {(5, column) for column in range(4, 12)}
    screen.drag((5, 4), (5, 11))
    assert screen.received(1) == row
    screen.tool("Eraser").click()
    assert screen.tool("Eraser").get_attribute("aria-pressed") == "true"
    screen.drag((5, 4))
    assert screen.received(2) == row - {(5, 4)}
    screen.page.keyboard.press("e")
    assert screen.tool("Eraser").get_attribute("aria-pressed") == "false"
    screen.drag((5, 11), button="right")
    assert screen.received(3) == row - {(5, 4), (5, 11)}
    screen.page.keyboard.down("Shift")
    screen.drag((5, 6))
    screen.page.keyboard.up("Shift")
    assert screen.received(4) == row - {(5, 4), (5, 11), (5, 6)}


def test_undo_redo_invert_and_clear_work(opened: Opener) -> None:
    screen = opened(mode="ink")
    screen.brush(1)
    screen.drag((1, 1))
    screen.drag((2, 2))
    assert screen.received(2) == {(1, 1), (2, 2)}
    screen.expect_count("2 of 784 pixels inked")
    screen.tool("Undo").click()
    assert screen.received(3) == {(1, 1)}
    screen.page.keyboard.press("Control+z")
    assert screen.received(4) == set()
    assert screen.tool("Undo").get_attribute("aria-disabled") == "true"
    screen.page.keyboard.press("u")  # nothing to undo: nothing is sent
    screen.page.keyboard.press("Control+Shift+Z")
    assert screen.received(5) == {(1, 1)}
    screen.tool("Redo").click()
    assert screen.received(6) == {(1, 1), (2, 2)}
    screen.tool("Invert").click()
    assert screen.received(7) == rows(0, 28) - {(1, 1), (2, 2)}
    screen.tool("Clear").click()
    assert screen.received(8) == set()
    screen.page.keyboard.press("u")
    screen.page.keyboard.press("u")
    assert screen.received(10) == {(1, 1), (2, 2)}
    screen.drag((3, 3))
    assert screen.received(11) == {(1, 1), (2, 2), (3, 3)}
    assert screen.tool("Redo").get_attribute("aria-disabled") == "true"


def test_the_keyboard_paints_and_triggers_no_hotkey_of_the_page(opened: Opener) -> None:
    screen = opened()
    keys = screen.page.keyboard
    screen.board.focus()
    keys.press("1")
    keys.press("ArrowLeft")
    keys.press("ArrowUp")
    keys.press("Space")  # from the middle (14, 14)
    assert screen.received(1) == {(13, 13)}
    keys.down("Space")
    for _ in range(3):
        keys.press("ArrowRight")
    keys.press("ArrowDown")
    keys.up("Space")
    trail = {(13, 13), (13, 14), (13, 15), (13, 16), (14, 16)}
    assert screen.received(2) == trail
    keys.press("Shift+Space")
    assert screen.received(3) == trail - {(14, 16)}
    keys.press("ArrowLeft")
    assert screen.status() == "Row 15, column 16, visible"
    runs = screen.report()["runs"]
    keys.press("r")  # Streamlit: rerun
    keys.press("c")  # Streamlit: the dialog that clears caches
    assert screen.received(4) == set()
    screen.page.wait_for_timeout(300)
    assert screen.page.get_by_role("dialog").count() == 0
    assert screen.report()["runs"] == runs + 1


def test_touch_paints_and_a_cancelled_touch_does_not(opened: Opener) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    screen = opened(options=phone | {"device_scale_factor": 3})
    assert screen.tool("Eraser").bounding_box()["height"] >= 44
    screen.brush(1)
    wire = screen.page.context.new_cdp_session(screen.page)

    def touch(kind: str, *cells: tuple[int, int]) -> None:
        points = [dict(zip("xy", screen.at(*cell), strict=True)) for cell in cells]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (4, 4))
    touch("touchMove", (4, 9))
    touch("touchMove", (8, 9))
    touch("touchEnd")
    bend = {(4, column) for column in range(4, 10)} | {(row, 9) for row in range(4, 9)}
    assert screen.received(1) == bend
    touch("touchStart", (20, 4))
    touch("touchMove", (20, 9))
    touch("touchCancel")
    screen.expect_count(f"{len(bend)} of 784")
    screen.tool("Undo").tap()
    assert screen.received(2) == set()


def test_a_preset_replaces_strokes_and_can_be_undone(opened: Opener) -> None:
    screen = opened()
    screen.brush(1)
    screen.drag((20, 20))
    assert screen.received(1) == {(20, 20)}
    screen.tool("Preset").click()
    screen.expect_count("392 of 784")
    assert screen.received(None) is None  # nothing has been painted since
    screen.drag((27, 0))
    assert screen.received(2) == rows(0, 14) | {(27, 0)}
    screen.tool("Undo").click()
    screen.tool("Undo").click()
    assert screen.received(4) == {(20, 20)}
    assert screen.report()["revision"] == 2


def test_a_stale_rerun_never_deletes_a_stroke(opened: Opener) -> None:
    screen = opened(delay=0.7)
    screen.brush(1)
    screen.drag((5, 5))
    mouse = screen.page.mouse
    mouse.move(*screen.at(9, 2))
    mouse.down()
    mouse.move(*screen.at(9, 6))
    assert screen.received(1) == {(5, 5)}  # the pixels of stroke 1 come back during stroke 2
    mouse.move(*screen.at(9, 12))
    mouse.up()
    expected = {(5, 5)} | {(9, column) for column in range(2, 13)}
    assert screen.received(2) == expected
    for row in range(20, 24):  # strokes faster than the script
        screen.drag((row, 3), (row, 4))
        screen.page.wait_for_timeout(200)
    expected |= {(row, column) for row in range(20, 24) for column in (3, 4)}
    assert screen.received(6) == expected
    screen.expect_count("20 of 784")


def test_a_remount_shows_the_latest_pixels(opened: Opener) -> None:
    screen = opened()
    screen.brush(2)
    screen.drag((6, 6))
    painted = screen.received(1)
    assert len(painted) == 4
    toggle = screen.page.get_by_text("Show", exact=True)
    toggle.click()
    screen.board.wait_for(state="detached")
    assert screen.received(None) is None
    toggle.click()
    screen.board.wait_for()
    screen.settle()
    screen.expect_count("4 of 784")
    screen.brush(1)
    screen.drag((20, 20))
    assert screen.received(2) == painted | {(20, 20)}


@pytest.mark.parametrize(("size", "picture"), [(32, "rgb"), (64, "rgb"), (64, "none")])
def test_canvases_of_other_sizes_work(opened: Opener, size: int, picture: str) -> None:
    screen = opened(size=size, picture=picture)
    screen.brush(1)
    last = size - 1
    screen.drag((0, 0), (last, last))
    assert screen.received(1) == {(step, step) for step in range(size)}
    screen.tool("Invert").click()
    assert len(screen.received(2)) == size * size - size
    box = screen.board.bounding_box()
    assert abs(box["width"] - box["height"]) < 0.01
    assert box["width"] <= 360


@pytest.mark.parametrize("peek", [False, True])
def test_hidden_cells_show_the_image_only_on_request(opened: Opener, peek: bool) -> None:
    screen = opened(picture="rgb", **({"peek": 1} if peek else {}))
    screen.tool("Invert").click()
    screen.received(1)
    screen.page.mouse.move(0, 0)
    here, there = screen.board.evaluate(  # different in the image, equal in the hatching
        """board => {
            const cell = board.width / 28
            const look = (x, y) => board.getContext("2d")
                .getImageData(x * cell + 1, y * cell + 1, cell - 2, cell - 2).data.join()
            return [look(2, 2), look(24, 14)]
        }"""
    )
    assert (here != there) == peek


def test_the_canvas_is_redrawn_in_the_dark_theme(opened: Opener) -> None:
    screen = opened(options={"color_scheme": "light"})
    screen.tool("Invert").click()
    screen.received(1)

    def look() -> str:
        return screen.board.evaluate("board => board.toDataURL()")

    light = look()
    screen.page.emulate_media(color_scheme="dark")
    screen.page.wait_for_timeout(500)
    assert look() != light
    assert screen.received(1) == rows(0, 28)


def test_everything_fits_a_narrow_screen(opened: Opener) -> None:
    screen = opened(options={"viewport": {"width": 320, "height": 640}})
    right = [screen.page.locator(part).bounding_box() for part in (".head", ".board", ".tools")]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 320 for box in right)
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 320


# --- a drawing, and what is hidden of it


def test_a_round_pen_draws_and_erases_on_the_finer_grid(opened: Opener) -> None:
    screen = opened(draw=1)
    screen.board.focus()
    screen.page.keyboard.press("5")  # three pixels across
    screen.drag((13.5, 13.5))  # the corner of four pixels
    rows, columns = np.indices((112, 112)) + 0.5
    from_there = np.hypot(rows - 56, columns - 56)
    dab = screen.inked(1)
    assert dab[from_there <= 5.5].all()
    assert not dab[from_there > 6.5].any()
    screen.page.keyboard.press("[")
    screen.page.keyboard.press("]")
    screen.page.keyboard.press("]")
    assert screen.page.get_by_role("slider", name="Brush size").input_value() == "6"
    screen.page.keyboard.press("e")
    screen.drag((13.5, 13.5))
    assert not screen.inked(2).any()
    screen.page.keyboard.press("e")
    screen.page.keyboard.press("u")
    assert np.array_equal(screen.inked(3), dab)
    assert screen.received(None) is None  # the mask is empty


@pytest.mark.slow
def test_strokes_are_smoothed_on_request(opened: Opener) -> None:
    screen = opened(draw=1)
    screen.brush(1)
    thick = {}
    for number, smooth in ((1, True), (3, False)):
        assert screen.tool("Smooth").get_attribute("aria-pressed") == str(smooth).lower()
        screen.drag(*((13 + 0.6 * (-1) ** step, 4 + 0.25 * step) for step in range(80)))
        ink = screen.inked(number)
        assert ink[:, 18:96].any(0).all()  # from end to end
        thick[smooth] = ink[:, 24:80].any(1).sum()
        screen.tool("Clear").click()
        screen.page.keyboard.press("s")
    assert thick[True] <= 0.75 * thick[False]


def test_one_canvas_draws_and_hides_with_separate_histories(opened: Opener) -> None:
    screen = opened(draw=1)
    screen.drag((10, 10), (10, 20))
    line = screen.inked(1)
    screen.expect_count("pixels inked")
    assert screen.mode("Draw").get_attribute("aria-checked") == "true"
    screen.page.keyboard.press("h")  # the ink is centred
    moved = screen.inked(2)
    assert moved.sum() == line.sum()
    assert moved[0].any()
    assert moved[:, 0].any()
    assert screen.mode("Hide").get_attribute("aria-checked") == "true"
    assert screen.tool("Smooth").count() == 0
    screen.brush(1)
    screen.drag((20, 4), (20, 9))
    hidden = {(20, column) for column in range(4, 10)}
    assert screen.received(1) == hidden
    screen.tool("Invert").click()
    assert screen.received(2) == rows(0, 28) - hidden
    screen.page.keyboard.press("u")
    assert screen.received(3) == hidden
    screen.page.keyboard.press("u")
    assert screen.received(4) == set()
    screen.page.keyboard.press("u")  # the ink has a separate history
    screen.page.keyboard.press("d")
    assert np.array_equal(screen.inked(2), moved)
    screen.page.keyboard.press("u")
    assert np.array_equal(screen.inked(3), line)
    screen.mode("Hide").click()
    assert np.array_equal(screen.inked(4), moved)
    screen.mode("Hide").press("ArrowLeft")
    assert screen.mode("Draw").get_attribute("aria-checked") == "true"
    assert screen.received(4) == set()


@pytest.mark.slow
def test_ink_drawn_before_the_server_answers_is_kept(opened: Opener) -> None:
    screen = opened(draw=1, delay=0.7)
    screen.drag((5, 5), (5, 9))
    screen.page.keyboard.press("h")  # before Python has received the stroke
    screen.drag((20, 3), (20, 8))
    screen.page.keyboard.press("d")
    for column in (12, 16, 20):  # faster than the script
        screen.drag((14, column), (20, column))
        screen.page.wait_for_timeout(150)
    ink = screen.inked(4)
    coverage = ink.reshape(28, 4, 28, 4).mean((1, 3))
    assert (coverage[5, 5:10] > 0.5).all()
    assert (coverage[14:21, [12, 16, 20]] > 0.5).all()
    assert screen.received(1)
    screen.page.keyboard.press("h")
    moved = np.argwhere(screen.inked(5))
    assert np.array_equal(moved, np.argwhere(ink) - np.argwhere(ink).min(0))


def test_keys_draw_on_the_finer_grid(opened: Opener) -> None:
    screen = opened(draw=1)
    keys = screen.page.keyboard
    screen.board.focus()
    keys.press("1")
    keys.down("Space")
    for _ in range(4):
        keys.press("ArrowRight")
    keys.up("Space")
    coverage = screen.inked(1).reshape(28, 4, 28, 4).mean((1, 3))
    assert set(map(tuple, np.argwhere(coverage > 0.5).tolist())) == {
        (14, c) for c in range(14, 19)
    }
    keys.press("ArrowLeft")
    assert screen.status() == "Row 15, column 18, inked"


def test_touch_draws_and_does_not_scroll_the_page(opened: Opener) -> None:
    phone = {"viewport": {"width": 400, "height": 500}, "has_touch": True, "is_mobile": True}
    screen = opened(options=phone, draw=1)
    for each in (screen.mode("Draw"), screen.mode("Hide"), screen.tool("Smooth")):
        assert each.bounding_box()["height"] >= 44
    wire = screen.page.context.new_cdp_session(screen.page)
    before = screen.board.bounding_box()
    for kind, cell in (("touchStart", (18, 6)), ("touchMove", (12, 9)), ("touchMove", (5, 12))):
        point = dict(zip("xy", screen.at(*cell), strict=True))
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    ink = screen.inked(1)
    assert ink[4 * 18 + 2, 4 * 6 + 2]
    assert ink[4 * 5 + 2, 4 * 12 + 2]
    assert screen.board.bounding_box() == before
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 400
