"""The view Live of the lab: the chains follow the canvas, and the server is asked for nothing."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Request, WebSocket, expect

from tests.e2e.board import Board
from tests.e2e.page_helpers import NewPage, assert_no_horizontal_overflow, levels, settle, until
from tests.e2e.test_accessibility import AXE, assert_wcag
from ui.components.bits import from_link

METROPOLIS = "[data-sampler^=Metropolis]"
_NUMBER = re.compile(r"\d+")


class LiveLab(Board):
    """The lab in the view Live, and what it has asked the server for."""

    def __init__(self, page: Page, url: str, query: str = "") -> None:
        self.page, self.url = page, url
        self.requests: list[str] = []
        self.messages = 0
        page.on("request", self._request)
        page.on("websocket", self._websocket)
        page.goto(f"{url}/Inpainting?view=Live{query}")
        super().__init__(page.locator("canvas.board"))
        self.wait_for_chains()

    def _request(self, request: Request) -> None:
        if request.url.startswith(self.url):  # not the scripts of workers
            self.requests.append(request.url)

    def _websocket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda _: setattr(self, "messages", self.messages + 1))

    @property
    def weights(self) -> list[str]:
        """Addresses of weights that were fetched."""
        return [each for each in self.requests if each.endswith(".bin")]

    @property
    def panel(self) -> Locator:
        return self.page.locator(METROPOLIS)

    def wait_for_chains(self) -> None:
        expect(self.panel).to_have_attribute("data-iteration", _NUMBER)
        settle(self.page)

    def open(self, view: str, shown: str) -> None:
        """Open a view, and wait for an element of it."""
        self.page.get_by_role("radio", name=view, exact=True).click()
        self.page.locator(shown).first.wait_for()
        settle(self.page)

    def iterations(self) -> int:
        return int(self.panel.get_attribute("data-iteration") or 0)

    def mean(self) -> np.ndarray:
        """The mean of Metropolis as it is shown, (28, 28), 0 to 255."""
        return levels(self.panel.locator("canvas").first)

    def hidden_in_address(self) -> np.ndarray:
        text = parse_qs(urlsplit(self.page.url).query).get("hide", [""])[0]
        return from_link(text, 28, 28) if len(text) > 12 else np.zeros((28, 28), bool)

    def wait_for_address(self, changed: np.ndarray) -> None:
        until(
            self.page, lambda: (self.hidden_in_address() == changed).all(), "the address changes"
        )


def top_half() -> np.ndarray:
    hidden = np.zeros((28, 28), bool)
    hidden[:14] = True
    return hidden


def show_pixels(lab: LiveLab) -> np.ndarray:
    """Show a row of hidden pixels with the eraser; the hidden pixels afterwards."""
    lab.page.get_by_role("button", name="Eraser").click()
    lab.page.get_by_role("slider", name="Brush size").fill("1")
    lab.drag((8, 9), (8, 18))
    hidden = top_half()
    hidden[8, 9:19] = False
    return hidden


def test_painting_changes_the_mask_while_the_chains_run_and_asks_the_server_for_nothing(
    server: str, new_page: NewPage
) -> None:
    lab = LiveLab(new_page(), server)
    assert len(lab.weights) == 1
    until(lab.page, lambda: lab.iterations() > 30, "the chains run")
    lab.requests.clear()
    lab.messages = 0
    hidden = show_pixels(lab)
    lab.wait_for_address(hidden)
    until(lab.page, lambda: set(lab.mean()[~hidden]) <= {0, 255}, "the chains observe the pixels")
    assert len(set(lab.mean()[hidden])) > 5
    until(lab.page, lambda: lab.iterations() > 30, "the chains continue")
    lab.page.get_by_role("button", name="Pause").click()
    lab.page.get_by_role("button", name="New chains").click()
    expect(lab.panel).to_have_attribute("data-iteration", "1")
    lab.canvas.focus()
    for key in ("ArrowDown", "u"):
        lab.page.keyboard.press(key)
    lab.wait_for_address(top_half())
    lab.page.keyboard.press("Control+y")
    lab.wait_for_address(hidden)
    assert "seed=1" in lab.page.url
    assert lab.messages == 0
    assert lab.requests == []

    # The other views get the mask and the seed, also after a view without a canvas.
    lab.open("Studies", ".js-plotly-plot .main-svg")
    lab.wait_for_address(hidden)
    lab.open("Step by step", ".player")
    lab.wait_for_address(hidden)
    expect(lab.page.get_by_text(f"{hidden.sum()} of 784 pixels hidden").first).to_be_attached()
    assert "seed=1" in lab.page.url
    again = LiveLab(new_page(), server, f"&{urlsplit(lab.page.url).query}")
    expect(again.page.get_by_text(f"{hidden.sum()} of 784 pixels hidden").first).to_be_attached()


def downloads(page: Page) -> int:
    """Weights that the server has sent for the open page, without those from the cache."""
    return page.evaluate(
        """() => performance.getEntriesByType("resource")
          .filter(({name, transferSize}) => name.endsWith(".bin") && transferSize > 0).length"""
    )


@pytest.mark.slow
def test_each_browser_fetches_the_weights_of_a_model_once(server: str, new_page: NewPage) -> None:
    """Also over plain http://, where a browser has no `caches`: nothing here uses them."""
    for _ in range(2):
        page = new_page(locale="en-GB")  # a browser with an empty cache
        page.add_init_script("delete window.caches; delete Window.prototype.caches;")
        lab = LiveLab(page, server)
        assert page.evaluate("typeof caches") == "undefined"
        assert downloads(page) == 1
        lab.open("Studies", ".js-plotly-plot .main-svg")
        lab.open("Live", "[data-iteration]")
        assert len(lab.weights) == 1
        page.reload()
        lab.wait_for_chains()
        assert downloads(page) == 0
    page.goto(f"{server}/Inpainting?view=Live&data=omniglot")
    lab.wait_for_chains()
    expect(page.get_by_text("drawn by the model itself").first).to_be_visible()
    expect(page.locator(".where")).to_contain_text("Computed in this browser, in WebAssembly")
    assert len(set(lab.weights)) == 2
    assert downloads(page) == 1


def test_a_finger_paints_on_the_canvas_and_does_not_scroll_the_page(
    server: str, new_page: NewPage
) -> None:
    page = new_page(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    lab = LiveLab(page, server)
    page.get_by_role("button", name="Eraser").tap()
    page.get_by_role("slider", name="Brush size").fill("1")
    lab.canvas.scroll_into_view_if_needed()
    top = lab.canvas.bounding_box()
    lab.swipe((3, 9), (8, 9), (11, 9))
    hidden = top_half()
    hidden[3:12, 9] = False
    lab.wait_for_address(hidden)
    assert lab.canvas.bounding_box() == top
    until(page, lambda: set(lab.mean()[~hidden]) <= {0, 255}, "the chains observe the pixels")


def test_other_views_say_that_the_server_computes_them(server: str, new_page: NewPage) -> None:
    lab = LiveLab(new_page(), server)
    said = lab.page.get_by_text("The server computes this view.")
    expect(said).to_have_count(0)
    lab.open("Studies", ".js-plotly-plot .main-svg")
    expect(said).to_be_visible()


def test_a_shape_chosen_after_a_stroke_replaces_it(server: str, new_page: NewPage) -> None:
    lab = LiveLab(new_page(), server)
    show_pixels(lab)
    shapes = lab.page.locator(".st-key-presets")
    shapes.get_by_text("left", exact=True).click()
    until(lab.page, lambda: "hide=left" in lab.page.url, "the shape is in the address")
    settle(lab.page)
    expect(shapes.get_by_role("radio", name="left", exact=True)).to_be_checked()
    until(lab.page, lambda: set(lab.mean()[:, 14:].ravel()) <= {0, 255}, "the right half is seen")
    lab.canvas.hover()
    lab.drag((8, 2), (8, 3))
    lab.open("Studies", ".js-plotly-plot .main-svg")
    lab.open("Live", "[data-iteration]")
    expect(shapes.get_by_role("radio", name="left", exact=True)).not_to_be_checked()


def test_an_image_of_the_picker_is_observed_by_the_same_chains(
    server: str, new_page: NewPage
) -> None:
    lab = LiveLab(new_page(), server)
    until(lab.page, lambda: lab.iterations() > 30, "the chains run")
    before = lab.mean()[14:]
    lab.page.get_by_role("radio", name=re.compile("test image")).nth(3).click()
    until(lab.page, lambda: (lab.mean()[14:] != before).any(), "the image is observed")
    assert len(lab.weights) <= 1


def test_weights_that_do_not_arrive_get_a_message(server: str, new_page: NewPage) -> None:
    page = new_page(locale="en-GB")
    page.route("**/*.bin", lambda route: route.fulfill(status=503))
    page.goto(f"{server}/Inpainting?view=Live")
    expect(page.locator(".where.problem")).to_have_text(
        "The weights could not be loaded: the server answered 503"
    )


def test_the_front_page_loads_the_weights_when_the_visitor_starts_the_samplers(
    server: str, new_page: NewPage
) -> None:
    page = new_page(locale="en-GB", viewport={"width": 400, "height": 900}, color_scheme="dark")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(server)
    page.locator(".player").first.wait_for()
    settle(page)
    assert not [each for each in fetched if each.endswith(".bin")]
    page.get_by_role("button", name="Paint, and run both samplers in your browser").click()
    panel = page.locator(METROPOLIS)
    expect(panel).to_have_attribute("data-iteration", _NUMBER)
    settle(page)
    assert len([each for each in fetched if each.endswith(".bin")]) == 1
    fetched.clear()
    board = Board(page.locator(".live-board canvas"))
    page.get_by_role("button", name="Draw", exact=True).click()
    board.drag((3, 3), (3, 24))
    mean = panel.locator("canvas").first
    until(page, lambda: (levels(mean)[3, 4:24] == 255).all(), "the chains observe the line")
    page.get_by_role("button", name="Picture 5").click()
    until(page, lambda: (levels(mean)[3, 4:24] != 255).any(), "the picture is replaced")
    assert [each for each in fetched if each.startswith("http")] == []
    assert_no_horizontal_overflow(page)
    page.evaluate(AXE)
    assert_wcag(page, "front page with the live samplers")
    page.get_by_role("button", name="Show the finished run").click()
    page.locator(".player").first.wait_for()
