"""The movable square in a real browser: Python receives its position."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import NewPage, Serve
from tests.e2e.page_helpers import settle
from tools.bench.server import ROOT

APP = ROOT / "tests/e2e/apps/square_crop_app.py"
CLOSE = 0.006  # a little more than one screen pixel, as a fraction of the photograph
Spot = tuple[float, float]


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP, "--client.toolbarMode=developer")  # with all of Streamlit's hotkeys


class Screen:
    """A page with a photograph; positions are fractions (x, y) of its width and height."""

    def __init__(self, page: Page, url: str, **query: object) -> None:
        self.page = page
        page.goto(f"{url}/?{urlencode(query)}")
        self.square = page.locator(".square")
        self.stage = page.locator(".stage")
        self.square.wait_for()
        self.settle()
        self.stage.scroll_into_view_if_needed()

    def settle(self) -> None:
        settle(self.page)

    def wait_for_square(self, square: tuple[float, float, float], seconds: float = 20) -> None:
        """Wait for the square that a rerun of the script brings."""
        until = time.monotonic() + seconds
        while self.shown() != pytest.approx(square, abs=CLOSE) and time.monotonic() < until:
            self.page.wait_for_timeout(50)
        assert self.shown() == pytest.approx(square, abs=CLOSE)

    def at(self, x: float, y: float) -> Spot:
        """Position on screen of a point of the photograph."""
        box = self.stage.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def drag(self, *spots: Spot) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(*spots[0]))
        mouse.down()
        for spot in spots[1:]:
            mouse.move(*self.at(*spot))
        mouse.up()

    def shown(self) -> tuple[float, float, float]:
        """Centre and size of the square on screen."""
        box, stage = self.square.bounding_box(), self.stage.bounding_box()
        x = (box["x"] + box["width"] / 2 - stage["x"]) / stage["width"]
        y = (box["y"] + box["height"] / 2 - stage["y"]) / stage["height"]
        assert box["width"] == pytest.approx(box["height"], abs=0.5)
        return x, y, box["width"] / min(stage["width"], stage["height"])

    def report(self) -> dict:
        return json.loads(self.page.locator("#report").text_content())

    def received(self) -> list[float]:
        """The square in Python, after it equals the one on screen."""
        deadline = time.monotonic() + 10
        while (report := self.report())["square"] != pytest.approx(self.shown(), abs=CLOSE):
            assert time.monotonic() < deadline, f"expected {self.shown()}, got {report}"
            self.page.wait_for_timeout(20)
        self.settle()
        report = self.report()
        assert report["square"] == report["in_callback"] == report["kept"]
        return report["square"]


Opener = Callable[..., Screen]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(*, options: dict | None = None, **query: object) -> Screen:
        return Screen(new_page(**(options or {})), server, **query)

    return opener


@pytest.mark.slow
def test_the_first_square_is_the_one_sent_by_python(opened: Opener) -> None:
    screen = opened()
    assert screen.shown() == pytest.approx((0.5, 0.5, 1), abs=CLOSE)
    assert screen.report()["square"] is None
    photo = screen.page.locator(".photo")
    assert photo.evaluate("photo => photo.decode().then(() => photo.naturalWidth)") == 320
    stage = screen.stage.bounding_box()
    assert stage["width"] / stage["height"] == pytest.approx(320 / 240, rel=0.01)


def test_a_drag_moves_the_square_and_stops_at_the_edge(opened: Opener) -> None:
    screen = opened()
    screen.drag((0.5, 0.5), (0.55, 0.9), (0.6, 0.5))  # it can move to the right, not up or down
    assert screen.received() == pytest.approx([0.6, 0.5, 1], abs=CLOSE)
    screen.drag((0.5, 0.2), (-2, 0.2))
    assert screen.received() == pytest.approx([240 / 320 / 2, 0.5, 1], abs=CLOSE)
    red, green, _ = screen.report()["mean"]  # the crop equals the framed part
    assert red / 255 == pytest.approx(0.375, abs=0.01)
    assert green / 255 == pytest.approx(0.5, abs=0.01)
    screen.drag((0.3, 0.5), (0.3, 0.9))  # the square cannot move: nothing is sent
    screen.page.wait_for_timeout(300)
    assert screen.report()["calls"] == 2


def test_python_receives_the_square_at_the_end_of_a_drag(opened: Opener) -> None:
    screen = opened()
    mouse = screen.page.mouse
    mouse.move(*screen.at(0.5, 0.5))
    mouse.down()
    mouse.move(*screen.at(0.6, 0.5))
    screen.page.wait_for_timeout(400)
    assert screen.report()["calls"] == 0
    assert screen.shown()[0] == pytest.approx(0.6, abs=CLOSE)
    mouse.up()
    screen.received()


@pytest.mark.parametrize(("right", "below"), [(-1, -1), (1, -1), (-1, 1), (1, 1)])
def test_dragging_a_corner_resizes_and_the_opposite_corner_stays(
    opened: Opener, right: int, below: int
) -> None:
    screen = opened(height=300, width=300)
    start = (0.5 + right * 0.5, 0.5 + below * 0.5)
    screen.drag(start, (start[0] - right * 0.4, start[1] - below * 0.6))
    centre = 0.5 - right * 0.2, 0.5 - below * 0.2  # the longer pull decides, so that both fit
    assert screen.received() == pytest.approx([*centre, 0.6], abs=0.01)
    screen.drag((start[0] - right * 0.4, start[1] - below * 0.4), (start[0] + right, start[1]))
    assert screen.received() == pytest.approx([0.5, 0.5, 1], abs=CLOSE)
    screen.drag(start, (start[0] - right * 2, start[1] - below * 2))
    assert screen.received()[2] == pytest.approx(0.1, abs=1e-6)


def test_arrows_plus_and_minus_work_and_trigger_no_hotkey_of_the_page(opened: Opener) -> None:
    screen = opened(height=300, width=300)
    keys = screen.page.keyboard
    screen.square.focus()
    for _ in range(3):
        keys.press("-")
    assert screen.received() == pytest.approx([0.5, 0.5, 1.05**-3], abs=1e-6)
    keys.press("ArrowLeft")
    keys.press("ArrowDown")
    assert screen.received() == pytest.approx([0.49, 0.51, 1.05**-3], abs=1e-6)
    keys.press("Shift+ArrowRight")
    assert screen.received()[0] == pytest.approx(0.54, abs=1e-6)
    assert "Side 86 %" in screen.page.locator(".visually-hidden[role=status]").text_content()
    runs = screen.report()["runs"]
    keys.press("r")
    keys.press("c")
    screen.page.wait_for_timeout(400)
    assert screen.page.get_by_role("dialog").count() == 0
    assert screen.report()["runs"] == runs
    calls = screen.report()["calls"]
    for _ in range(6):  # one message when the key is released
        keys.down("+")
    keys.up("+")
    assert screen.received()[2] == pytest.approx(1)
    assert screen.report()["calls"] == calls + 1


def test_the_wheel_resizes_a_square_in_focus_only(opened: Opener) -> None:
    screen = opened(height=400, width=300)
    mouse = screen.page.mouse
    mouse.move(*screen.at(0.5, 0.5))
    mouse.wheel(0, 120)
    screen.page.wait_for_timeout(400)
    assert screen.report()["calls"] == 0
    assert screen.shown()[2] == pytest.approx(1, abs=CLOSE)
    screen.stage.scroll_into_view_if_needed()
    screen.square.focus()
    mouse.move(*screen.at(0.5, 0.5))
    for _ in range(3):
        mouse.wheel(0, 120)
    size = screen.received()[2]
    assert 0.6 < size < 0.9
    mouse.wheel(0, -120)
    assert screen.received()[2] > size


def test_a_click_outside_the_square_moves_it_there(opened: Opener) -> None:
    screen = opened()
    screen.page.get_by_role("button", name="Upper left").click()
    screen.wait_for_square((0.1875, 0.25, 0.5))  # moved into the photograph
    screen.page.mouse.click(*screen.at(0.7, 0.6))
    assert screen.received() == pytest.approx([0.7, 0.6, 0.5], abs=CLOSE)
    screen.page.keyboard.press("ArrowUp")  # the square has the focus
    assert screen.received()[1] < 0.6


def test_touch_drags_and_a_cancelled_touch_does_not(opened: Opener) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    screen = opened(options=phone | {"device_scale_factor": 3})
    wire = screen.page.context.new_cdp_session(screen.page)

    def touch(kind: str, *spots: Spot, off: float = 0) -> None:
        points = [{"x": x + off, "y": y + off} for x, y in (screen.at(*spot) for spot in spots)]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.5))
    touch("touchMove", (0.45, 0.5))
    touch("touchMove", (0.4, 0.5))
    touch("touchEnd")
    assert screen.received() == pytest.approx([0.4, 0.5, 1], abs=CLOSE)
    corner = 0.4 - 0.375, 0.0
    touch("touchStart", corner, off=-8)  # a finger close to the handle still moves it
    touch("touchMove", (corner[0] + 0.375, corner[1] + 0.5), off=-8)
    touch("touchEnd")
    x, y, size = screen.received()
    assert (x, y, size) == pytest.approx((0.4 + 0.1875, 0.75, 0.5), abs=0.01)
    touch("touchStart", (x, y))
    touch("touchMove", (x - 0.2, y - 0.2))
    touch("touchCancel")
    screen.page.wait_for_timeout(300)
    assert screen.report()["calls"] == 2
    assert screen.shown() == pytest.approx((x, y, size), abs=CLOSE)


def test_only_a_new_revision_moves_the_square_of_the_visitor(opened: Opener) -> None:
    screen = opened(delay=0.6)
    screen.drag((0.5, 0.5), (0.6, 0.5))
    mouse = screen.page.mouse
    mouse.move(*screen.at(0.5, 0.5))
    mouse.down()
    mouse.move(*screen.at(0.4, 0.5))
    for _ in range(100):  # the first drag returns during the second
        screen.page.wait_for_timeout(100)
        if screen.report()["calls"]:
            break
    assert screen.report()["calls"] == 1
    assert screen.shown()[0] == pytest.approx(0.5, abs=CLOSE)
    mouse.up()
    assert screen.received() == pytest.approx([0.5, 0.5, 1], abs=CLOSE)
    screen.page.get_by_role("button", name="Upper left").click()
    screen.page.locator(".count", has_text="50 %").wait_for()
    screen.settle()
    assert screen.report()["square"] is None  # not moved since


def test_a_remount_shows_the_latest_square(opened: Opener) -> None:
    screen = opened()
    screen.drag((0.5, 0.5), (0.6, 0.5))
    put = screen.received()
    toggle = screen.page.get_by_text("Show", exact=True)
    toggle.click()
    screen.square.wait_for(state="detached")
    screen.settle()
    toggle.click()
    screen.square.wait_for()
    screen.settle()
    assert screen.shown() == pytest.approx(put, abs=CLOSE)
    screen.drag((0.6, 0.5), (0.5, 0.5))
    assert screen.received() == pytest.approx([0.5, 0.5, 1], abs=CLOSE)


@pytest.mark.parametrize(("height", "width"), [(218, 178), (1024, 300), (300, 1024), (8, 8)])
def test_every_photograph_fits_a_narrow_screen(opened: Opener, height: int, width: int) -> None:
    options = {"viewport": {"width": 320, "height": 800}}
    screen = opened(options=options, height=height, width=width)
    stage = screen.stage.bounding_box()
    assert stage["x"] >= 0
    assert stage["x"] + stage["width"] <= 320
    assert stage["height"] <= 481
    assert stage["width"] / stage["height"] == pytest.approx(width / height, rel=0.02)
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_edge_follows_the_theme_and_shows_the_focus(opened: Opener) -> None:
    screen = opened(options={"color_scheme": "light"})
    corner = screen.page.locator(".corner").first

    def colour() -> str:
        return corner.evaluate("corner => getComputedStyle(corner).backgroundColor")

    def edge() -> str:
        return screen.square.evaluate("square => getComputedStyle(square).boxShadow")

    light, plain = colour(), edge()
    screen.page.emulate_media(color_scheme="dark")
    screen.page.wait_for_timeout(500)
    assert colour() != light
    screen.page.keyboard.press("Tab")
    for _ in range(30):
        if screen.square.evaluate("square => square.matches(':focus')"):
            break
        screen.page.keyboard.press("Tab")
    assert screen.square.evaluate("square => square.matches(':focus-visible')")
    assert edge() != plain
    assert screen.square.get_attribute("aria-label") == "Choose a square"
