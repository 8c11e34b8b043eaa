"""Live sliders in a real browser: Python receives every drag and its last values."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NewPage, Serve
from tests.e2e.page_helpers import settle
from tests.patience import PATIENCE
from tools.bench.server import ROOT

APP = ROOT / "tests/e2e/apps/live_sliders_app.py"


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP, "--client.toolbarMode=developer")  # with all of Streamlit's hotkeys


class Screen:
    """A page with sliders on it, and what Python reports of them."""

    def __init__(self, page: Page, url: str, **query: object) -> None:
        self.page = page
        page.goto(f"{url}/?{urlencode(query)}")
        self.group = page.get_by_role("group", name="Latent code")
        self.group.wait_for()
        settle(page)

    def slider(self, name: str) -> Locator:
        return self.page.get_by_role("slider", name=name, exact=True)

    def report(self) -> dict:
        return json.loads(self.page.locator("#report").text_content())

    def wait_until(self, there: Callable[[dict], bool]) -> None:
        """Wait until Python has values of which something is true."""
        deadline = time.monotonic() + PATIENCE
        while not there(values := self.report()["values"]):
            assert time.monotonic() < deadline, f"last values: {values}"
            self.page.wait_for_timeout(20)

    def wait_for_values(self, **values: float) -> dict:
        """The report, after Python has received these values."""
        deadline = time.monotonic() + PATIENCE
        while (report := self.report())["values"] != report["values"] | values:
            assert time.monotonic() < deadline, f"expected {values}, got {report}"
            self.page.wait_for_timeout(20)
        settle(self.page)
        return self.report()

    def press_thumb(self, slider: Locator) -> Callable[[float], None]:
        """Press the mouse on a thumb; return its mover, which takes a fraction of the track."""
        box, (low, high, value) = (
            slider.bounding_box(),
            slider.evaluate("input => [input.min, input.max, input.value].map(Number)"),
        )

        def move(fraction: float) -> None:
            x = box["x"] + 9 + fraction * (box["width"] - 18)
            self.page.mouse.move(x, box["y"] + box["height"] / 2)

        move((value - low) / (high - low))
        self.page.mouse.down()
        return move


Opener = Callable[..., Screen]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(*, options: dict | None = None, **query: object) -> Screen:
        return Screen(new_page(**(options or {})), server, **query)

    return opener


@pytest.mark.slow
def test_python_receives_values_during_a_drag_without_a_page_rerun(opened: Opener) -> None:
    screen = opened()
    before = screen.report()
    move = screen.press_thumb(screen.slider("Shift"))
    for i in range(60):
        move(0.6 + 0.4 * i / 59)
        screen.page.wait_for_timeout(25)
    screen.wait_until(lambda values: values["shift"] > 2)  # the button is still down
    assert screen.report()["pictures"] - before["pictures"] > 3
    screen.page.mouse.up()
    assert screen.wait_for_values(shift=3.0, width=16.0)["runs"] == before["runs"] == 1


@pytest.mark.slow
def test_during_a_slow_rerun_only_the_newest_values_are_sent(opened: Opener) -> None:
    screen = opened(draw=0.3)
    before = screen.report()["calls"]
    start = time.monotonic()
    move = screen.press_thumb(screen.slider("Shift"))
    for i in range(100):
        move(0.6 - 0.6 * i / 99)
        screen.page.wait_for_timeout(10)
    screen.page.mouse.up()
    calls = screen.wait_for_values(shift=-3.0)["calls"] - before
    assert 3 <= calls <= (time.monotonic() - start) / 0.3 + 2


def test_python_overwrites_only_with_a_new_revision(opened: Opener) -> None:
    screen = opened(draw=0.3)
    shift, width = screen.slider("Shift"), screen.slider("Width")
    assert (shift.input_value(), width.input_value()) == ("0.5", "16")
    shift.fill("2")
    screen.wait_for_values(shift=2.0)
    move = screen.press_thumb(shift)
    move(1)
    screen.page.wait_for_timeout(1200)  # answers arrive while the thumb is pressed
    assert shift.input_value() == "3"
    screen.page.mouse.up()
    screen.wait_for_values(shift=3.0)
    screen.page.get_by_role("button", name="Preset").click()
    screen.wait_for_values(shift=-1.0, width=40.0)
    assert (shift.input_value(), width.input_value()) == ("-1", "40")
    width.fill("41")
    screen.wait_for_values(shift=-1.0, width=41.0)


def test_a_remount_keeps_the_values_and_the_sliders_work(opened: Opener) -> None:
    screen = opened()
    for value in (1.0, 1.5, 2.0):
        screen.slider("Shift").fill(str(value))
        screen.wait_for_values(shift=value)
    toggle = screen.page.get_by_text("Show", exact=True)
    toggle.click()
    screen.group.wait_for(state="detached")
    settle(screen.page)
    toggle.click()
    screen.group.wait_for()
    assert screen.wait_for_values(shift=2.0)["values"]["width"] == 16
    assert screen.slider("Shift").input_value() == "2"
    for value in (-0.5, 0.25):
        screen.slider("Shift").fill(str(value))
        screen.wait_for_values(shift=value)


def test_keys_move_a_slider_and_trigger_no_hotkey_of_the_page(opened: Opener) -> None:
    screen = opened()
    shift, keys = screen.slider("Shift"), screen.page.keyboard
    shift.focus()
    for _ in range(3):
        keys.press("ArrowRight")
    assert screen.wait_for_values(shift=0.65)
    expect(shift).to_have_attribute("aria-valuetext", "0.65 SD")
    keys.press("Home")
    screen.wait_for_values(shift=-3.0)
    expect(shift).to_have_attribute("aria-valuetext", "−3.00 SD")
    expect(shift).to_have_accessible_description("Of the latent code.")
    runs = screen.report()["runs"]
    keys.press("r")
    keys.press("c")
    screen.page.wait_for_timeout(400)
    assert screen.page.get_by_role("dialog").count() == 0
    assert screen.report()["runs"] == runs


def test_double_click_and_buttons_reset_the_values(opened: Opener) -> None:
    screen = opened()
    shift, width = screen.slider("Shift"), screen.slider("Width")
    back = screen.page.get_by_role("button", name="Reset Shift")
    every = screen.page.get_by_role("button", name="Reset all")
    expect(back).to_be_hidden()
    expect(every).to_be_hidden()
    shift.fill("2")
    screen.wait_for_values(shift=2.0)
    back.click()
    screen.wait_for_values(shift=0.5)
    expect(back).to_be_hidden()
    box = shift.bounding_box()
    shift.dblclick(position={"x": 0.2 * box["width"], "y": box["height"] / 2})
    screen.wait_for_values(shift=0.5)
    assert shift.input_value() == "0.5"
    screen.page.get_by_role("button", name="Preset").click()
    screen.wait_for_values(shift=-1.0, width=40.0)
    expect(back).to_be_hidden()  # the preset is the new default of this slider
    width.fill("50")
    shift.fill("0")
    screen.wait_for_values(shift=0.0, width=50.0)
    every.click()
    screen.wait_for_values(shift=-1.0, width=16.0)  # width has its own default
    expect(every).to_be_hidden()


PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def test_twenty_sliders_fit_a_phone_and_can_be_touched(opened: Opener) -> None:
    screen = opened(options=PHONE | {"device_scale_factor": 2}, count=20, compact=1)
    assert screen.group.get_by_role("slider").count() == 20
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 360
    thumb = screen.slider("z3")
    box = thumb.bounding_box()
    assert box["height"] >= 44
    columns = {round(s.bounding_box()["x"]) for s in screen.group.get_by_role("slider").all()}
    assert len(columns) == 2
    wire = screen.page.context.new_cdp_session(screen.page)
    y = box["y"] + box["height"] / 2

    def touch(kind: str, *fractions: float) -> None:
        points = [{"x": box["x"] + f * box["width"], "y": y} for f in fractions]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.5)
    for step in range(20):
        touch("touchMove", 0.5 + 0.025 * step)
    screen.wait_until(lambda values: values["z2"] > 2)  # the finger is still down
    touch("touchMove", 1.2)
    touch("touchEnd")
    screen.wait_for_values(z2=3.0, z1=0.0)
    back = screen.page.get_by_role("button", name="Reset z3").bounding_box()
    assert min(back["width"], back["height"]) >= 44


def test_the_value_is_shown_and_the_colours_follow_the_theme(opened: Opener) -> None:
    screen = opened(options={"color_scheme": "light"})
    value = screen.group.locator(".value").first
    expect(value).to_have_text("0.50 SD")
    screen.slider("Width").fill("64")
    expect(screen.group.locator(".value").nth(1)).to_have_text("64 pixels")

    def colour() -> str:
        return value.evaluate("value => getComputedStyle(value).color")

    light = colour()
    screen.page.emulate_media(color_scheme="dark")
    screen.page.wait_for_timeout(500)
    assert colour() != light
