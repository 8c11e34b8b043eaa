"""The method grid in a real browser: images of the methods are shown, and Stop is sent once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from dgm_core.metrics import DEFINITIONS
from tests.e2e.apps.method_grid_app import (
    CHAIN,
    DIFFUSION,
    DMFA,
    LAIR,
    METHODS,
    MFA,
    MIWAE,
    NEAREST,
    STEPS,
    outcome,
    problem,
)
from tests.e2e.conftest import NewPage, Serve
from tests.e2e.page_helpers import colours, settle
from tools.bench.server import ROOT

APP = ROOT / "tests/e2e/apps/method_grid_app.py"
PROBLEM, ORIGINAL = ":problem", ":original"


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP, "--client.toolbarMode=developer")  # with all of Streamlit's hotkeys


class Screen:
    """A page with the grid on it."""

    def __init__(self, page: Page, url: str, **query: object) -> None:
        self.page = page
        page.goto(f"{url}/?{urlencode(query)}")
        self.root = page.locator(".methods")
        self.card(ORIGINAL).wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until the script is not running and the images are decoded and painted."""
        settle(self.page)
        self.page.wait_for_timeout(250)

    def card(self, method: str) -> Locator:
        return self.page.locator(f".card[data-method='{method}']")

    def picture(self, method: str) -> Locator:
        return self.card(method).locator(".image")

    def view(self, name: str) -> None:
        self.page.locator(f".views [data-view={name}]").click()
        expect(self.root).to_have_attribute("data-shown", name)

    def shown(self, method: str, cells: int = 28) -> np.ndarray:
        return colours(self.card(method).locator("canvas"), cells)

    def report(self) -> dict:
        self.settle()
        return json.loads(self.page.locator("#report").text_content() or "{}")

    def advance(self, times: int = 1) -> None:
        for _ in range(times):
            self.page.get_by_role("button", name="Advance").click()
            self.settle()

    def row(self, method: str) -> Locator:
        return self.page.locator(f"tbody tr[data-method='{method}']")

    def order(self) -> list[str]:
        rows = self.page.locator("tbody tr").all()
        return [row.get_attribute("data-method") or "" for row in rows]

    def header(self, column: str) -> Locator:
        return self.page.locator(f"thead th[data-column='{column}']")


Open = Callable[..., Screen]


@pytest.fixture
def open_grid(new_page: NewPage, server: str) -> Open:
    def opened(*, width: int = 1264, theme: str = "light", **query: object) -> Screen:
        page = new_page(
            viewport={"width": width, "height": 1100},
            color_scheme=theme,
            has_touch=width < 500,
        )
        return Screen(page, server, **query)

    return opened


def final(method: str, kind: str = "digit") -> np.ndarray:
    """The posterior mean when the method has ended, (C, H, W)."""
    return outcome(problem(kind, "box"), method, STEPS).mean


@pytest.mark.slow
def test_pictures_are_those_that_were_sent(open_grid: Open) -> None:
    screen = open_grid()
    config = problem("digit", "box")
    screen.page.locator(".outlined input").uncheck()
    np.testing.assert_array_equal(screen.shown(ORIGINAL)[..., 0], 255 * config.original[0])
    seen = screen.shown(PROBLEM)[..., 0]
    np.testing.assert_array_equal(seen[config.observed], 255 * config.original[0][config.observed])
    assert not {0, 255} & set(seen[~config.observed].tolist())  # neither black nor white
    for method in (DMFA, LAIR, CHAIN, NEAREST):
        wanted = np.rint(255 * final(method)[0])
        np.testing.assert_allclose(screen.shown(method)[..., 0], wanted, atol=1)
    expect(screen.card(MFA)).to_contain_text("its file celeba-mfa is damaged")
    expect(screen.card(DMFA)).to_contain_text("70 ms · trained on MNIST")
    expect(screen.card(ORIGINAL)).to_contain_text("Original")


def test_faces_keep_their_colours(open_grid: Open) -> None:
    screen = open_grid(image="face")
    original = problem("face", "box").original.transpose(1, 2, 0)
    # Smooth enlargement: at the edges of the drawing a pixel mixes with its neighbours.
    apart = np.abs(screen.shown(ORIGINAL, 64) - 255 * original)
    assert np.median(apart) < 3
    assert np.quantile(apart, 0.9) < 12


@pytest.mark.slow
def test_cards_appear_as_methods_begin_and_end(open_grid: Open) -> None:
    screen = open_grid(scene="stream")
    states = [screen.card(method).get_attribute("data-state") for method in METHODS]
    assert states == ["finished"] + ["waiting"] * 6
    expect(screen.picture(LAIR)).to_have_text("waiting")
    expect(screen.row(LAIR)).to_contain_text("waiting")
    screen.advance(3)
    expect(screen.card(LAIR)).to_have_attribute("data-state", "running")
    bar = screen.card(LAIR).get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "40")
    early = screen.shown(LAIR)
    screen.view("draws")
    expect(screen.picture(LAIR)).to_have_text("draws appear at the end")
    screen.view("mean")
    screen.advance()
    expect(bar).to_have_attribute("aria-valuenow", "60")
    assert np.abs(screen.shown(LAIR) - early).max() > 1
    screen.advance(2)
    expect(screen.card(LAIR)).to_have_attribute("data-state", "finished")
    expect(bar).to_be_hidden()
    expect(screen.page.locator("[aria-live]")).to_have_text(re.compile("LAIR has finished"))
    screen.page.get_by_role("button", name="New run").click()
    screen.settle()
    expect(screen.card(LAIR)).to_have_attribute("data-state", "waiting")


@pytest.mark.slow
def test_stop_is_received_once(open_grid: Open) -> None:
    screen = open_grid(scene="stream")
    screen.advance(3)
    stop = screen.card(LAIR).get_by_role("button", name="Stop LAIR")
    stop.click()
    expect(screen.page.locator("#report")).to_contain_text(f'"stop_requests": ["{LAIR}"]')
    screen.advance()
    expect(screen.card(LAIR)).to_have_attribute("data-state", "stopped")
    expect(screen.card(LAIR)).to_contain_text("stopped")
    expect(stop).to_be_hidden()
    expect(screen.card(CHAIN)).to_have_attribute("data-state", "running")
    screen.advance(2)
    assert screen.report()["stop_requests"] == [LAIR]
    screen.view("draws")
    expect(screen.picture(LAIR)).to_have_text("")  # its last draws


@pytest.mark.slow
def test_stop_is_received_while_messages_arrive(open_grid: Open) -> None:
    screen = open_grid(scene="live")
    screen.page.get_by_role("button", name="Advance").click()
    screen.card(CHAIN).get_by_role("button", name=f"Stop {CHAIN}").click()
    expect(screen.card(CHAIN)).to_have_attribute("data-state", "stopped")
    expect(screen.card(LAIR)).to_have_attribute("data-state", "finished")
    assert screen.report()["stop_requests"] == [CHAIN]


def test_each_view_shows_its_own_images(open_grid: Open) -> None:
    screen = open_grid()
    config = problem("digit", "box")
    hidden = ~config.observed
    screen.page.locator(".outlined input").uncheck()
    neutral = {}
    for view in ("uncertainty", "error", "difference"):
        screen.view(view)
        shown = screen.shown(LAIR)
        assert len(np.unique(shown[~hidden], axis=0)) == 1  # observed pixels are neutral
        assert len(np.unique(shown[hidden], axis=0)) > 2
        neutral[view] = tuple(shown[0, 0])
        expect(screen.page.locator(".scale")).to_be_visible()
    assert len(set(neutral.values())) == 1
    screen.view("uncertainty")
    expect(screen.picture(DIFFUSION)).to_have_text("one completion, no uncertainty")
    screen.view("draws")
    expect(screen.picture(DIFFUSION)).to_have_text("one completion, no draws")
    draws = outcome(config, NEAREST, STEPS).draws[:, 0] > 0.5
    canvas = screen.card(NEAREST).locator("canvas")
    side = canvas.evaluate("canvas => canvas.width")
    size = (side - 3) // 4  # at least one pixel between two tiles
    starts = [round(k * (side - size) / 3) for k in range(4)]
    cells = [[int(start + (k + 0.5) * size / 28) for k in range(28)] for start in starts]
    mosaic = colours(canvas, side)[..., 0] > 127
    tiles = np.stack([mosaic[np.ix_(y, x)] for y in cells for x in cells])[:, None]
    alike = (tiles == draws)[..., hidden].mean(-1)  # (tile, draw)
    assert alike.argmax(1).tolist() == list(range(16))
    screen.view("factors")
    expect(screen.picture(DMFA)).to_have_text("")
    expect(screen.picture(LAIR)).to_have_text("no factors")


def test_error_and_difference_are_those_of_the_pixels(open_grid: Open) -> None:
    screen = open_grid()
    config = problem("digit", "box")
    hidden = ~config.observed
    screen.page.locator(".outlined input").uncheck()
    signed = (final(CHAIN)[0] - config.original[0])[hidden]
    screen.view("error")
    darkness = 765 - screen.shown(CHAIN).sum(-1)[hidden]  # light theme: large is dark
    order = np.argsort(np.abs(signed), kind="stable")
    steps = np.diff(darkness[order])
    assert (steps >= -6).all()  # grows with the error
    assert darkness[order[-1]] > darkness[order[0]] + 100
    screen.view("difference")
    red, _, blue = screen.shown(CHAIN)[hidden].T
    assert (red[signed > 0.05] > blue[signed > 0.05]).all()
    assert (red[signed < -0.05] < blue[signed < -0.05]).all()


def test_the_reference_of_a_difference_is_chosen(open_grid: Open) -> None:
    screen = open_grid()
    hidden = ~problem("digit", "box").observed
    screen.page.locator(".outlined input").uncheck()
    expect(screen.page.locator(".reference")).to_be_hidden()
    screen.view("difference")
    against_original = screen.shown(LAIR)
    screen.page.get_by_label("Reference of the difference").select_option(LAIR)
    assert len(np.unique(screen.shown(LAIR)[hidden], axis=0)) == 1  # zero
    assert len(np.unique(against_original[hidden], axis=0)) > 2
    red, _, blue = screen.shown(DMFA)[hidden].T
    signed = (final(DMFA) - final(LAIR))[0][hidden]
    assert (red[signed > 0.05] > blue[signed > 0.05]).all()
    assert (red[signed < -0.05] < blue[signed < -0.05]).all()
    screen.page.get_by_label("Reference of the difference").select_option(MFA)
    expect(screen.picture(DMFA)).to_have_text("the reference has no mean yet")


@pytest.mark.slow
def test_pressing_shows_the_original(open_grid: Open) -> None:
    screen = open_grid()
    screen.page.locator(".outlined input").uncheck()
    original, own = screen.shown(ORIGINAL), screen.shown(NEAREST)
    assert np.abs(original - own).max() > 50
    hold = screen.page.locator(".hold")

    def expect_original(expected: bool) -> None:
        expect(hold).to_have_attribute("aria-pressed", str(expected).lower())
        for view in (NEAREST, PROBLEM):
            same = np.array_equal(screen.shown(view), original)
            assert same == expected

    hold.hover()
    screen.page.mouse.down()
    expect_original(True)
    screen.page.mouse.move(5, 5)  # still pressed
    expect_original(True)
    screen.page.mouse.up()
    expect_original(False)
    screen.page.keyboard.down("o")
    expect_original(True)
    screen.page.keyboard.up("o")
    expect_original(False)
    hold.focus()
    screen.page.keyboard.down("Space")
    expect_original(True)
    screen.page.keyboard.up("Space")
    expect_original(False)
    screen.page.get_by_role("textbox").click()
    screen.page.keyboard.down("o")
    expect_original(False)
    screen.page.keyboard.up("o")


def test_views_are_a_radio_group_for_the_keyboard(open_grid: Open) -> None:
    screen = open_grid()
    screen.page.evaluate("() => { window.seen = []; window.onkeydown = (e) => seen.push(e.key) }")
    screen.page.get_by_role("radio", name="Mean").focus()
    for key, view in (
        ("ArrowRight", "draws"),
        ("ArrowDown", "uncertainty"),
        ("ArrowLeft", "draws"),
        ("End", "factors"),
        ("ArrowRight", "mean"),
    ):
        screen.page.keyboard.press(key)
        expect(screen.root).to_have_attribute("data-shown", view)
        checked = screen.page.locator(".views [aria-checked=true]")
        expect(checked).to_have_attribute("data-view", view)
        expect(checked).to_be_focused()
    screen.page.keyboard.press("c")  # Streamlit's own hotkey
    assert screen.page.evaluate("seen") == []


def test_a_card_is_enlarged_and_closed_again(open_grid: Open) -> None:
    screen = open_grid()
    screen.picture(LAIR).focus()
    screen.page.keyboard.press("Enter")
    dialog = screen.page.get_by_role("dialog")
    expect(dialog).to_contain_text("LAIR")
    expect(dialog.locator("[data-set=draws] canvas")).to_have_count(16)
    tail = dialog.locator("dl div", has_text="Pareto k")
    expect(tail.locator("dd").first).to_have_text(re.compile("0.84.*warning"))
    expect(dialog.locator("dl")).to_contain_text("−61.4")
    expect(dialog.locator("dl")).to_contain_text("± 0.31")
    screen.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(screen.picture(LAIR)).to_be_focused()
    screen.picture(MIWAE).click()
    expect(dialog.locator("dl .warn")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    screen.picture(DMFA).click()
    expect(dialog.locator("[data-set=part]")).to_have_count(2)
    expect(dialog).to_contain_text("Noise")
    screen.page.mouse.click(5, 5)
    expect(dialog).to_be_hidden()


def test_an_enlarged_card_shows_all_draws(open_grid: Open) -> None:
    screen = open_grid()
    screen.picture(NEAREST).click()
    canvases = screen.page.locator("[data-set=draws] canvas")
    expect(canvases).to_have_count(16)
    draws = outcome(problem("digit", "box"), NEAREST, STEPS).draws[:, 0]
    for canvas, draw in zip(canvases.all(), draws, strict=True):
        np.testing.assert_array_equal(colours(canvas)[..., 0] > 127, draw > 0.5)


@pytest.mark.slow
def test_an_enlarged_card_follows_its_method(open_grid: Open) -> None:
    screen = open_grid(scene="live")
    screen.page.get_by_role("button", name="Advance").click()
    expect(screen.card(LAIR)).to_have_attribute("data-state", "running")
    screen.picture(LAIR).click()
    dialog = screen.page.get_by_role("dialog")
    expect(dialog.locator("[data-set=draws]")).to_have_count(0)
    expect(dialog.locator("[data-set=draws] canvas")).to_have_count(16)


def test_an_enlarged_card_closes_when_a_new_run_lacks_its_method(open_grid: Open) -> None:
    screen = open_grid(without=LAIR, image="digit")
    screen.picture(LAIR).click()
    dialog = screen.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    screen.page.get_by_text("New run").evaluate("text => text.click()")  # without the pointer
    expect(screen.card(LAIR)).to_have_count(0)
    expect(dialog).to_be_hidden()
    screen.settle()
    assert np.abs(screen.shown(DMFA) - screen.shown(ORIGINAL)).max() > 1


def test_the_best_scores_are_bold(open_grid: Open) -> None:
    screen = open_grid()
    names = screen.page.locator("thead th").evaluate_all("all => all.map(th => th.dataset.column)")
    assert names == [
        "method",
        *("F1", "MSE", "SSE", "PSNR", "SSIM", "NLL", "NLL, density", "CRPS"),
        *("90 % coverage", "seconds"),
    ]
    bold = {
        method: screen.row(method)
        .locator("b")
        .evaluate_all("all => all.map(b => b.closest('td').cellIndex)")
        for method in METHODS
    }
    at = names.index
    assert at("F1") in bold[DMFA]
    assert at("90 % coverage") in bold[DMFA]
    assert bold[MIWAE] == [at("NLL")]
    assert at("NLL, density") not in bold[DMFA]  # no other method has this score
    assert bold[CHAIN] == bold[MFA] == []
    expect(screen.row(LAIR).locator("td").nth(0)).to_contain_text("± 0.012")
    assert screen.row(MFA).locator("td").all_inner_texts() == ["–"] * 10


def test_rows_are_sorted_by_a_heading(open_grid: Open) -> None:
    screen = open_grid()
    unsorted = screen.order()
    assert unsorted == list(METHODS)
    header = screen.header("F1")
    expect(header).to_have_attribute("aria-sort", "none")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    best_first = [DMFA, MIWAE, LAIR, CHAIN, NEAREST, DIFFUSION]
    assert screen.order() == [*best_first, MFA]  # methods without a score come last in both orders
    header.get_by_role("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert screen.order() == [*best_first[::-1], MFA]
    screen.header("SSE").get_by_role("button").click()
    expect(screen.header("SSE")).to_have_attribute("aria-sort", "ascending")
    expect(header).to_have_attribute("aria-sort", "none")
    for _ in range(2):
        screen.header("SSE").get_by_role("button").click()
    assert screen.order() == unsorted


def test_headings_define_their_scores(open_grid: Open) -> None:
    screen = open_grid()
    button = screen.header("CRPS").get_by_role("button")
    tip = screen.page.locator(".tip")
    expect(button).to_have_accessible_description(DEFINITIONS["CRPS"])
    expect(tip).to_be_hidden()
    button.hover()
    expect(tip).to_have_text(DEFINITIONS["CRPS"])
    expect(tip).to_be_visible()
    screen.page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    screen.header("SSE").get_by_role("button").focus()
    expect(tip).to_have_text(DEFINITIONS["SSE"])
    screen.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_two_cards_a_row_and_scrolls_the_table_alone(
    open_grid: Open, theme: str
) -> None:
    screen = open_grid(width=360, theme=theme)
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = [screen.card(name).bounding_box() for name in (PROBLEM, ORIGINAL, DMFA, LAIR)]
    assert boxes[0]["y"] == boxes[1]["y"] < boxes[2]["y"] == boxes[3]["y"]
    assert boxes[0]["x"] == boxes[2]["x"] < boxes[1]["x"] == boxes[3]["x"]
    assert all(132 <= box["width"] <= 200 and box["x"] + box["width"] <= 360 for box in boxes)
    scores = screen.page.locator(".scores")
    name = screen.row(LAIR).locator("th")
    before = name.bounding_box()["x"]
    scores.evaluate("box => { box.scrollLeft = 200 }")
    assert scores.evaluate("box => box.scrollLeft") == 200
    assert name.bounding_box()["x"] == before
    screen.header("F1").get_by_role("button").scroll_into_view_if_needed()
    screen.header("F1").get_by_role("button").tap()
    expect(screen.page.locator(".tip")).to_have_text(DEFINITIONS["F1"])
    box = screen.page.locator(".tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_the_theme_is_that_of_the_page(open_grid: Open) -> None:
    paper = {}
    for theme in ("light", "dark"):
        screen = open_grid(theme=theme)
        screen.view("uncertainty")
        screen.page.locator(".outlined input").uncheck()
        paper[theme] = screen.shown(LAIR)[0, 0].mean()  # an observed pixel
        ink = screen.card(LAIR).locator("h4").evaluate("h => getComputedStyle(h).color")
        assert (int(re.findall(r"\d+", ink)[0]) > 128) == (theme == "dark")
    assert paper["dark"] < 80
    assert paper["light"] > 200


@pytest.mark.slow
def test_an_image_without_hidden_pixels_is_shown(open_grid: Open) -> None:
    screen = open_grid(mask="none")
    original = screen.shown(ORIGINAL)
    np.testing.assert_array_equal(screen.shown(LAIR), original)
    for view in ("draws", "uncertainty", "error", "difference", "factors"):
        screen.view(view)
    screen.view("draws")
    expect(screen.picture(LAIR)).to_have_text("no pixel is hidden")
