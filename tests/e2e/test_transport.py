"""The transport to a point in a real browser: its costs agree with NumPy."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.apps.transport_app import distribution_of
from tests.e2e.conftest import NewPage, Serve
from tests.e2e.page_helpers import settle
from tools.bench.server import ROOT

APP = ROOT / "tests/e2e/apps/transport_app.py"
SAMPLE = distribution_of(1)
MARGINS = 34, 12  # of the picture, left and right of the range


def w1(a: float) -> float:
    return float(SAMPLE.weights @ np.abs(SAMPLE.values - a))


def w2(a: float) -> float:
    return float(np.sqrt(SAMPLE.weights @ (SAMPLE.values - a) ** 2))


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP, "--client.toolbarMode=developer")  # with all of Streamlit's hotkeys


class Screen:
    """A page with the figure; positions are values of the cell."""

    def __init__(self, page: Page, url: str, **query: object) -> None:
        self.page = page
        page.goto(f"{url}/?{urlencode(query)}")
        self.figure = page.locator(".figure")
        self.handle = page.get_by_role("slider", name="Point estimate a")
        self.handle.wait_for()
        settle(page)
        self.figure.scroll_into_view_if_needed()

    def button(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def spot(self, value: float, height: float = 0.43) -> tuple[float, float]:
        """Position of a value on screen."""
        box, (left, right) = self.figure.bounding_box(), MARGINS
        fraction = (value - SAMPLE.low) / (SAMPLE.high - SAMPLE.low)
        width = box["width"] - left - right
        return box["x"] + left + fraction * width, box["y"] + height * box["height"]

    def drag(self, *values: float, release: bool = True) -> None:
        mouse = self.page.mouse
        mouse.move(*self.spot(values[0]))
        mouse.down()
        for value in values[1:]:
            mouse.move(*self.spot(value), steps=4)
        if release:
            mouse.up()

    def point(self) -> float:
        return float(self.handle.get_attribute("aria-valuenow"))

    def wait_for_point(self, point: float) -> None:
        """Wait until the moving point has this value."""
        deadline = time.monotonic() + 10
        while self.point() != pytest.approx(point, abs=1e-12):
            assert time.monotonic() < deadline, f"expected {point}, got {self.point()}"
            self.page.wait_for_timeout(20)

    def cost_lines(self) -> list[str]:
        return [part.text_content() for part in self.page.locator(".costs p").all()]

    def selected_minima(self) -> set[str]:
        """The minimisers that are marked as equal to the point."""
        classes = self.page.locator(".transport").get_attribute("class").split()
        names = {"least-w1": "median", "least-w2": "mean"}
        return {name for sign, name in names.items() if sign in classes}

    def report(self) -> dict:
        return json.loads(self.page.locator("#report").text_content())

    def received(self, point: float) -> dict:
        """The report, after Python has received the point."""
        deadline = time.monotonic() + 10
        while (report := self.report())["point"] != pytest.approx(point, abs=1e-9):
            assert time.monotonic() < deadline, f"expected {point}, got {report}"
            self.page.wait_for_timeout(20)
        settle(self.page)
        return self.report()


Opener = Callable[..., Screen]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(*, options: dict | None = None, **query: object) -> Screen:
        return Screen(new_page(**(options or {})), server, **query)

    return opener


def test_the_first_point_is_the_mean_and_nothing_is_sent(opened: Opener) -> None:
    screen = opened()
    assert screen.point() == pytest.approx(SAMPLE.mean)
    assert screen.selected_minima() == {"mean"}
    assert screen.cost_lines()[1] == f"W₂ = {w2(SAMPLE.mean):.2f} SD, the smallest: a is the mean"
    assert screen.report() == {"point": None, "calls": 0, "runs": 1}


def test_the_costs_shown_are_those_of_numpy(opened: Opener) -> None:
    screen = opened(at=-2.5)
    least = f"{w1(SAMPLE.median):.2f}", f"{w2(SAMPLE.mean):.2f}"
    screen.handle.focus()
    for _ in range(6):
        a = screen.point()
        assert screen.cost_lines() == [
            f"W₁ = {w1(a):.2f} SD; the smallest is {least[0]}, at the median",
            f"W₂ = {w2(a):.2f} SD; the smallest is {least[1]}, at the mean",
        ]
        for _ in range(3):
            screen.page.keyboard.press("PageUp")
        screen.page.keyboard.press("ArrowRight")
    assert screen.point() > SAMPLE.mean
    for _ in range(3):  # the minima are those of the curves
        a = screen.point()
        assert w1(a) > w1(SAMPLE.median)
        assert w2(a) > w2(SAMPLE.mean)
        screen.page.keyboard.press("PageDown")


def test_a_drag_updates_the_costs_and_python_receives_the_point_at_its_end(opened: Opener) -> None:
    screen = opened(at=2)
    screen.drag(2, 1.5, 1, release=False)
    a = screen.point()
    assert a == pytest.approx(1, abs=0.02)
    assert screen.cost_lines()[0].startswith(f"W₁ = {w1(a):.2f} SD;")
    screen.page.wait_for_timeout(300)
    assert screen.report()["calls"] == 0
    screen.page.mouse.up()
    assert screen.received(a)["calls"] == 1
    live = screen.page.locator(".transport [aria-live]").text_content()
    assert live.startswith(f"a = {a:.2f} SD; W₁ = {w1(a):.2f} SD")


def test_dragging_to_the_median_shows_the_minimum(opened: Opener) -> None:
    screen = opened(at=2)
    screen.drag(2, 1, SAMPLE.median + 0.01)  # one pixel next to it
    screen.received(SAMPLE.median)
    smallest = min(w1(a) for a in np.linspace(SAMPLE.low, SAMPLE.high, 20001))
    assert w1(SAMPLE.median) <= smallest
    assert screen.cost_lines()[0] == f"W₁ = {smallest:.2f} SD, the smallest: a is the median"
    assert screen.cost_lines()[1].endswith("at the mean")
    assert screen.selected_minima() == {"median"}


def test_buttons_move_the_point_to_both_minima(opened: Opener) -> None:
    screen = opened(at=2)
    for name, best in (("median", SAMPLE.median), ("mean", SAMPLE.mean)):
        screen.button(f"To the {name}")
        screen.received(best)  # while the point still moves
        screen.wait_for_point(best)
        assert screen.selected_minima() == {name}


def test_keys_stop_at_the_minima_and_trigger_no_hotkey_of_the_page(opened: Opener) -> None:
    screen = opened(at=0.5)
    keys = screen.page.keyboard
    screen.handle.focus()
    keys.press("ArrowLeft")
    screen.received(0.5 - 7 / 200)
    seen = set()
    for _ in range(40):
        keys.press("ArrowLeft")
        seen |= screen.selected_minima()
    assert seen == {"mean", "median"}
    keys.press("Home")
    screen.received(SAMPLE.low)
    keys.press("ArrowDown")
    assert screen.point() == SAMPLE.low
    keys.press("End")
    screen.received(SAMPLE.high)
    expect(screen.handle).to_have_attribute("aria-valuetext", re.compile(r"^a = 4.00 SD; W₁ = "))
    runs = screen.report()["runs"]
    keys.press("r")
    keys.press("c")
    screen.page.wait_for_timeout(400)
    assert screen.page.get_by_role("dialog").count() == 0
    assert screen.report()["runs"] == runs


def test_the_point_survives_a_remount_and_is_reset_for_another_cell(opened: Opener) -> None:
    screen = opened(at=0.9)
    assert screen.point() == pytest.approx(0.9)
    screen.drag(0.9, -1.5)
    a = screen.point()
    screen.received(a)
    toggle = screen.page.get_by_text("Show", exact=True)
    toggle.click()
    screen.figure.wait_for(state="detached")
    settle(screen.page)
    toggle.click()
    screen.handle.wait_for()
    settle(screen.page)
    assert screen.point() == pytest.approx(a)
    screen.button("Other entry")
    expect(screen.handle).to_have_attribute("aria-valuenow", "0.5")
    settle(screen.page)
    assert screen.report()["point"] is None  # not moved since


PHONE = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True}


def test_touch_drags_and_a_cancelled_touch_does_not(opened: Opener) -> None:
    screen = opened(options=PHONE | {"device_scale_factor": 2}, at=0.9)
    wire = screen.page.context.new_cdp_session(screen.page)

    def touch(kind: str, *values: float) -> None:
        points = [dict(zip("xy", screen.spot(value), strict=True)) for value in values]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.9)
    touch("touchMove", 1.5)
    touch("touchMove", 2.0)
    touch("touchEnd")
    a = screen.point()
    assert a == pytest.approx(2, abs=0.03)
    screen.received(a)
    touch("touchStart", 2.0)
    touch("touchMove", 1.0)
    touch("touchCancel")
    screen.page.wait_for_timeout(300)
    assert screen.point() == a
    assert screen.report()["calls"] == 1
    for button in screen.page.locator(".costs button").all():
        assert button.bounding_box()["height"] >= 44


def test_the_figure_has_the_width_of_its_column(opened: Opener) -> None:
    screen = opened(options={"viewport": {"width": 800, "height": 900}}, at=3.9, true_value=-2.9)
    for width in (360, 400, 600, 900, 1400):
        screen.page.set_viewport_size({"width": width, "height": 900})
        screen.page.wait_for_timeout(500)
        box = screen.figure.bounding_box()
        around = screen.page.locator(".transport").bounding_box()
        assert box["width"] == pytest.approx(around["width"], abs=1)
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= width
        for text in screen.figure.locator("text").all():
            at = text.bounding_box()
            assert at["x"] >= box["x"] - 1
            assert at["x"] + at["width"] <= box["x"] + box["width"] + 1
        handle = screen.page.locator(".knob").bounding_box()
        assert handle["x"] + handle["width"] / 2 == pytest.approx(screen.spot(3.9)[0], abs=1)


def test_the_true_value_is_shown_where_it_is_known(opened: Opener) -> None:
    expect(opened().page.locator("g.true-value text")).to_be_hidden()
    screen = opened(true_value=1.25)
    expect(screen.page.locator("g.true-value text")).to_be_visible()
    line = screen.page.locator("g.true-value path").bounding_box()
    assert line["x"] + line["width"] / 2 == pytest.approx(screen.spot(1.25)[0], abs=1)


def test_reduced_motion_is_respected_and_colours_follow_the_theme(opened: Opener) -> None:
    screen = opened(options={"color_scheme": "light"}, at=2)
    packet = screen.page.locator(".packets path").first
    screen.button("To the median")
    motion = "path => getComputedStyle(path).animationName"
    assert packet.evaluate(motion) == "travel"
    screen.page.emulate_media(reduced_motion="reduce")
    screen.button("To the mean")
    assert screen.selected_minima() == {"mean"}  # at once
    assert packet.evaluate(motion) == "none"
    stem = "stem => getComputedStyle(stem).stroke"
    light = screen.page.locator(".stem").evaluate(stem)
    screen.page.emulate_media(color_scheme="dark")
    screen.page.wait_for_timeout(500)
    assert screen.page.locator(".stem").evaluate(stem) != light
