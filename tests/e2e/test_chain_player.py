"""The chain player in a real browser: it receives, plays and stops the frames that were sent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.apps.chain_player_app import ITERATIONS, THIN, TOTAL, problem
from tests.e2e.conftest import NewPage, Serve
from tests.e2e.page_helpers import colours, levels
from tests.patience import PATIENCE
from tools.bench.server import ROOT

APP = ROOT / "tests/e2e/apps/chain_player_app.py"
LAST = TOTAL - 1


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP)


class Screen:
    """A page with the player on it."""

    def __init__(self, page: Page, url: str, scene: str, **query: object) -> None:
        self.page = page
        page.goto(f"{url}/?{urlencode({'scene': scene, **query})}")
        self.player = page.locator(".player")
        self.toggle = page.locator(".toggle")
        self.scrub = page.locator(".scrub")
        expect(self.player).to_have_attribute("data-frame", re.compile(r"^\d+$"))

    @property
    def frame(self) -> int:
        return int(self.player.get_attribute("data-frame") or -1)

    @property
    def mode(self) -> str:
        return self.player.get_attribute("data-mode") or ""

    @property
    def loaded(self) -> float:
        """Fraction of the run's frames that have arrived."""
        read = "range => parseFloat(range.style.getPropertyValue('--loaded')) / 100"
        return float(self.scrub.evaluate(read))

    def tile(self, kind: str, sampler: int = 0) -> Locator:
        return self.page.locator(f".card[data-sampler='{sampler}'] canvas[data-tile={kind}]")

    def pixels(self, kind: str, sampler: int = 0) -> np.ndarray:
        return levels(self.tile(kind, sampler).first)

    def shows(self, frame: int) -> None:
        expect(self.player).to_have_attribute("data-frame", str(frame))

    def rests(self) -> None:
        expect(self.player).to_have_attribute("data-mode", "paused")

    def seek(self, frame: int) -> None:
        self.scrub.fill(str(frame))


Open = Callable[..., Screen]


@pytest.fixture
def open_player(new_page: NewPage, server: str) -> Open:
    def opened(scene: str, *, reduced: bool = False, width: int = 1264, **query: object) -> Screen:
        page = new_page(
            viewport={"width": width, "height": 1200},
            reduced_motion="reduce" if reduced else "no-preference",
        )
        return Screen(page, server, scene, **query)

    return opened


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for a condition that no attribute of the page shows."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_complete_result_plays_to_its_end(open_player: Open) -> None:
    screen = open_player("complete")
    assert screen.mode == "playing"
    early = screen.frame
    until(lambda: early < screen.frame < LAST)
    screen.rests()
    screen.shows(LAST)
    name = f"Metropolis-within-Gibbs: posterior mean at iteration {ITERATIONS}"
    expect(screen.page.get_by_role("img", name=name)).to_be_visible()
    expect(screen.page.locator(".position")).to_have_text("iteration 500 of 500 · finished")
    screen.toggle.click()
    assert screen.mode == "playing"
    until(lambda: screen.frame < LAST)


@pytest.mark.parametrize("query", [{"autoplay": 0}, {"reduced": True}])
def test_playback_stops_at_the_last_frame(open_player: Open, query: dict[str, int]) -> None:
    screen = open_player("complete", **query)
    screen.shows(LAST)
    assert screen.mode == "paused"


def test_tiles_show_the_frames_that_were_sent(open_player: Open) -> None:
    original, hidden, samplers = problem(0)
    screen = open_player("complete", autoplay=0)
    screen.page.locator(".outlined input").uncheck()
    np.testing.assert_array_equal(screen.pixels("original"), 255 * original)
    np.testing.assert_array_equal(screen.pixels("observed")[~hidden], 255 * original[~hidden])
    for frame in (LAST, 0, 31):
        screen.seek(frame)
        screen.shows(frame)
        for s, sampler in enumerate(samplers.values()):
            np.testing.assert_array_equal(screen.pixels("draw", s), 255 * sampler.draws[frame, 0])
            np.testing.assert_allclose(screen.pixels("mean", s), 255 * sampler.mean[frame], atol=1)


def test_the_original_is_shown_while_its_key_or_button_is_pressed_and_the_difference_is_shown(
    open_player: Open,
) -> None:
    original, _, samplers = problem(0)
    screen = open_player("complete", autoplay=0)
    screen.page.locator(".outlined input").uncheck()
    draw = next(iter(samplers.values())).draws[LAST, 0]
    screen.page.keyboard.down("o")
    np.testing.assert_array_equal(screen.pixels("draw"), 255 * original)
    np.testing.assert_array_equal(screen.pixels("mean", 1), 255 * original)
    screen.page.keyboard.up("o")
    np.testing.assert_array_equal(screen.pixels("draw"), 255 * draw)
    screen.page.locator(".card h4").first.click()
    screen.page.keyboard.press("d")
    shown = colours(screen.tile("draw"))
    missing, too_much = original & ~draw, draw & ~original
    assert missing.any()
    assert too_much.any()
    blue, red = shown[missing], shown[too_much]
    assert (blue[:, 2] > blue[:, 0]).all()
    assert (red[:, 0] > red[:, 2]).all()
    assert shown[original == draw].max() < 30
    expect(screen.page.locator(".draw-caption")).to_have_text("minus the original")


def test_a_chosen_pixel_is_marked_in_every_image_and_described(open_player: Open) -> None:
    original, hidden, samplers = problem(0)
    screen = open_player("complete", autoplay=0)
    row, column = np.argwhere(hidden)[40]
    box = screen.tile("draw", 1).bounding_box()
    assert box is not None
    cell = box["width"] / 28
    before = [screen.tile(kind).evaluate("c => c.toDataURL()") for kind in ("original", "mean")]
    screen.page.mouse.move(box["x"] + (column + 0.5) * cell, box["y"] + (row + 0.5) * cell)
    details = screen.page.locator(".card header small")
    for s, sampler in enumerate(samplers.values()):
        p, inked = sampler.mean[LAST, row, column], sampler.draws[LAST, :, row, column].sum()
        words = f"row {row + 1}, column {column + 1}: ink with probability {p:.2f}, ink in {inked}"
        expect(details.nth(s)).to_contain_text(words)
        expect(details.nth(s)).to_contain_text(
            f"original: {'ink' if original[row, column] else 'no ink'}"
        )
    after = [screen.tile(kind).evaluate("c => c.toDataURL()") for kind in ("original", "mean")]
    assert before[0] != after[0]
    assert before[1] != after[1]
    screen.page.mouse.move(1, 1)
    expect(details.first).to_contain_text("numbers at iteration")
    screen.page.locator(".tiles").first.focus()
    screen.page.keyboard.press("ArrowRight")
    expect(details.first).to_contain_text("row 15, column 16")
    screen.shows(LAST)  # the arrow keys moved the marked pixel
    screen.page.keyboard.press("Escape")
    expect(details.first).to_contain_text("numbers at iteration")


def test_the_iteration_is_sent_to_the_page(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    screen.page.evaluate(
        "() => { window.sent = []; "
        "document.addEventListener('dgm-iteration', (e) => sent.push(e.detail.iteration)) }"
    )
    for frame in (10, 3):
        screen.seek(frame)
        screen.shows(frame)
    assert screen.page.evaluate("sent") == [THIN * 11, THIN * 4]


def test_the_pictures_can_be_saved(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    screen.page.locator(".card h4").first.click()
    with screen.page.expect_download() as download:
        screen.page.keyboard.press("s")
    with Image.open(download.value.path()) as picture:
        side = screen.tile("mean").evaluate("c => c.width")
        assert picture.size == (5 * (side + 8) - 8, 2 * (side + 8) - 8)


def test_outline_marks_the_hidden_region(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    picture = "canvas => canvas.toDataURL()"
    outlined = screen.tile("draw").evaluate(picture)
    original = screen.tile("original").evaluate(picture)
    screen.page.locator(".outlined input").uncheck()
    assert screen.tile("draw").evaluate(picture) != outlined
    assert screen.tile("original").evaluate(picture) == original


def test_buttons_and_keys_move_by_one_frame(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    screen.page.evaluate("() => { window.seen = []; window.onkeydown = (e) => seen.push(e.key) }")
    screen.page.locator(".previous").click()
    screen.shows(LAST - 1)
    screen.page.locator(".card h4").first.click()
    for key, frame in (("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("End", LAST)):
        screen.page.keyboard.press(key)
        screen.shows(frame)
    screen.seek(10)
    screen.page.keyboard.press("ArrowRight")  # the focus is on the slider
    screen.shows(11)
    screen.page.locator(".next").click()
    screen.shows(12)
    screen.page.locator(".card h4").first.click()
    screen.page.keyboard.press("Space")
    until(lambda: screen.frame > 13)
    screen.page.keyboard.press("Space")
    screen.rests()
    assert screen.page.evaluate("seen") == []
    screen.page.keyboard.press("x")
    assert screen.page.evaluate("seen") == ["x"]


def test_the_plot_moves_the_player(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    region = screen.page.locator(".plot .warmup").bounding_box()
    assert region is not None
    middle, height = region["x"] + region["width"] / 2, region["y"] + region["height"] / 2
    screen.page.mouse.move(middle, height)
    screen.page.mouse.down()
    until(lambda: abs(THIN * (screen.frame + 1) - 50) <= THIN)
    screen.page.mouse.move(region["x"] + 2 * region["width"], height, steps=4)
    until(lambda: abs(THIN * (screen.frame + 1) - 200) <= THIN)
    screen.page.mouse.up()
    there = screen.frame
    screen.page.mouse.move(middle, height)
    assert screen.frame == there


@pytest.mark.slow
def test_chunks_arrive_and_are_followed(open_player: Open) -> None:
    screen = open_player("stream")
    assert screen.player.get_attribute("data-state") == "running"
    assert screen.mode == "following"
    seen = []
    until(lambda: seen.append(screen.frame) or screen.frame == LAST)
    assert seen == sorted(seen)
    assert len(set(seen)) > 20
    screen.rests()
    assert screen.player.get_attribute("data-state") == "finished"
    screen.seek(0)
    screen.shows(0)


def test_pausing_stops_the_player_from_following(open_player: Open) -> None:
    screen = open_player("stream", chunk=3)
    until(lambda: screen.frame > 5)
    screen.toggle.click()
    screen.rests()
    there, loaded = screen.frame, screen.loaded
    until(lambda: screen.loaded > loaded + 0.1)
    assert screen.frame == there
    screen.page.locator(".scrub").press("End")
    newest = screen.frame
    assert newest > there
    screen.toggle.click()
    # If more frames have arrived since the key press, it first plays up to the newest one.
    assert screen.mode in {"following", "playing"}
    until(lambda: screen.frame > newest)


@pytest.mark.slow
def test_lost_frames_show_the_previous_frame(open_player: Open) -> None:
    screen = open_player("stream", gap=1, stop=20)
    screen.shows(19)
    screen.seek(7)
    screen.shows(4)
    screen.seek(12)
    screen.shows(12)


def test_a_new_run_starts_again(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    original, _, samplers = problem(1)
    screen.seek(40)
    screen.page.get_by_role("button", name="New run").click()
    screen.shows(LAST)
    screen.page.locator(".outlined input").uncheck()
    np.testing.assert_array_equal(screen.pixels("original"), 255 * original)
    drawn = samplers["Pseudo-Gibbs"].draws[LAST, 0]
    np.testing.assert_array_equal(screen.pixels("draw"), 255 * drawn)


def test_warnings_and_missing_numbers_are_shown(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0)
    first, second = (screen.page.locator(f".card[data-sampler='{s}']") for s in (0, 1))
    expect(first.locator("[data-number=acceptance] dd")).to_have_text("–")
    expect(first.locator("[data-number=rhat] .warn")).to_be_visible()
    expect(first.locator("[data-number=stuck] .warn")).to_have_count(0)
    expect(second.locator("[data-number=rhat] .warn")).to_have_count(0)
    expect(second.locator("[data-number=stuck] .warn")).to_be_visible()


def test_a_message_says_that_nothing_can_be_scored(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0, hide="none", chains=1, samplers=1)
    screen.shows(LAST)
    expect(screen.page.locator(".plot")).to_contain_text("no score")


@pytest.mark.slow
def test_five_tiles_fit_a_phone(open_player: Open) -> None:
    screen = open_player("complete", autoplay=0, width=400, chains=16)
    boxes = [canvas.bounding_box() for canvas in screen.page.locator(".tiles canvas").all()[:5]]
    assert len({box["y"] for box in boxes if box}) == 1
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in boxes)
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 400
