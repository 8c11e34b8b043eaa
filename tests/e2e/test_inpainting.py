"""The inpainting lab in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e import lab as inpainting
from tests.e2e.board import Board
from tests.e2e.conftest import NewPage
from tests.e2e.lab import SHORT, png
from tests.e2e.page_helpers import levels

DONE = re.compile("finished|stopped")


class Lab(inpainting.Lab):
    """The lab's page and its view step by step."""

    def __init__(self, page: Page, url: str, path: str = SHORT) -> None:
        super().__init__(page, url, path)
        self.board = Board(page.locator(".st-key-mask_canvas canvas.board"))

    def expect_hidden_count(self, text: str) -> None:
        expect(self.page.locator(".st-key-mask_canvas .count")).to_have_text(text)

    def wait_for_state(self, state: str) -> None:
        expect(self.player).to_have_attribute("data-state", state)

    def picture(self, kind: str, sampler: int) -> np.ndarray:
        """Grey levels of a tile, read from its canvas, (28, 28)."""
        tile = self.page.locator(f".card[data-sampler='{sampler}'] canvas[data-tile={kind}]")
        return levels(tile)


Opener = Callable[..., Lab]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(path: str = SHORT, **options: object) -> Lab:
        page = new_page(**{"viewport": {"width": 1280, "height": 1000}} | options)
        return Lab(page, server, path)

    return opener


def test_a_half_hidden_digit_is_completed_before_any_click(opened: Opener) -> None:
    for path in ("", "Inpainting"):
        lab = opened(path)
        lab.wait_for_state("finished")
        expect(lab.page.get_by_text("Pseudo-Gibbs").first).to_be_visible()
        for sampler in (0, 1):
            original, mean = lab.picture("original", sampler), lab.picture("mean", sampler)
            assert np.array_equal(original[15:], mean[15:])  # observed
            assert mean[:13].max() > 50  # filled in


def test_the_front_page_links_to_the_lab(opened: Opener) -> None:
    lab = opened("")
    lab.page.get_by_role("link", name="Open the inpainting lab").click()
    expect(lab.page.get_by_role("heading", name="Inpainting")).to_be_visible()


@pytest.mark.slow
def test_painted_pixels_are_hidden_and_both_samplers_finish(opened: Opener) -> None:
    lab = opened()
    lab.preset("random")
    expect(lab.page.get_by_text("Hidden pixels, %")).to_be_visible()
    lab.settle()
    lab.page.locator(".st-key-mask_canvas").get_by_role("button", name=re.compile("Clear")).click()
    lab.expect_hidden_count("0 of 784 pixels hidden")
    expect(lab.page.get_by_text("No pixel is hidden yet")).to_be_visible()
    lab.page.locator(".st-key-mask_canvas").get_by_role("slider", name="Brush size").fill("1")
    lab.board.drag((8, 9), (8, 19))
    lab.board.drag((20, 12), (24, 12))
    lab.expect_hidden_count("16 of 784 pixels hidden")
    lab.wait_for_state("finished")
    expect(lab.page.locator(".player")).to_contain_text("iteration 100 of 100")
    painted = np.zeros((28, 28), bool)
    painted[8, 9:20] = painted[20:25, 12] = True
    for sampler in (0, 1):
        original, draw = lab.picture("original", sampler), lab.picture("draw", sampler)
        assert np.array_equal(original[~painted] > 127, draw[~painted] > 127)
        assert lab.page.locator(f".card[data-sampler='{sampler}']").get_by_text("ESS").count()
    observed = lab.picture("observed", 1)
    original = lab.picture("original", 1)
    assert np.array_equal(observed[~painted] > 127, original[~painted] > 127)


@pytest.mark.slow
def test_strokes_made_before_the_server_answers_are_kept(opened: Opener) -> None:
    lab = opened()
    late: list[Callable[[], None]] = []
    slow = False

    def line(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            late.append(lambda: browser.send(message))
            if not slow:
                deliver()

        server.on_message(pass_on)

    def deliver() -> None:
        while late:
            late.pop(0)()

    lab.page.route_web_socket(re.compile("_stcore/stream"), line)
    lab.page.reload()
    lab.player.wait_for()
    lab.preset("random")
    lab.expect_hidden_count("394 of 784 pixels hidden")
    lab.settle()
    lab.page.locator(".st-key-mask_canvas").get_by_role("slider", name="Brush size").fill("1")
    slow = True
    for row in (8, 20):
        lab.board.drag((row, 0), (row, 27))
        lab.page.wait_for_timeout(1500)  # the browser has not yet received the answer
    painted = lab.page.locator(".st-key-mask_canvas .count").text_content()
    assert painted != "394 of 784 pixels hidden"
    slow = False
    deliver()
    lab.page.wait_for_timeout(1000)
    lab.wait_for_state("finished")
    lab.expect_hidden_count(str(painted))
    observed, original = lab.picture("observed", 1), lab.picture("original", 1)
    assert not np.array_equal(observed[[8, 20]], original[[8, 20]])


@pytest.mark.slow
def test_undo_restores_the_mask_and_starts_a_run(opened: Opener) -> None:
    lab = opened()
    lab.expect_hidden_count("392 of 784 pixels hidden")
    lab.board.drag((20, 3), (20, 20))
    expect(lab.page.locator(".st-key-mask_canvas .count")).not_to_have_text(
        "392 of 784 pixels hidden"
    )
    lab.wait_for_state("finished")
    expect(lab.player).to_have_attribute("data-frame", re.compile(r"^\d+$"))
    lab.board.canvas.focus()
    lab.page.keyboard.press("Control+z")
    lab.expect_hidden_count("392 of 784 pixels hidden")
    lab.wait_for_state("finished")


def test_stop_stops_at_once_and_keeps_the_results(opened: Opener) -> None:
    lab = opened("Inpainting")
    lab.page.get_by_text("Chains, iterations, seed").click()
    lab.page.locator(".st-key-keep-iterations input").focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowRight")
    expect(lab.button("Stop")).to_be_visible()
    expect(lab.player).to_have_attribute("data-state", "running")
    lab.button("Stop").click()
    lab.wait_for_state("stopped")
    expect(lab.button("Run")).to_be_enabled()
    expect(lab.player).to_contain_text("of 5000")
    expect(lab.page.get_by_text("Press Continue to compute the rest")).to_be_visible()
    lab.button("Continue").click()
    expect(lab.player).to_have_attribute("data-state", "running")
    # A new stroke replaces the run.
    lab.board.drag((22, 3), (22, 20))
    lab.page.wait_for_timeout(500)
    lab.settle()
    expect(lab.player).to_have_attribute("data-state", "running")
    lab.button("Stop").click()
    lab.wait_for_state("stopped")


@pytest.mark.slow
def test_changes_during_a_run_cause_no_error(opened: Opener) -> None:
    lab = opened()
    formulas = lab.page.locator(".formulas math[display=block]")
    expect(formulas).to_have_count(5)
    for preset in ("left", "stripes", "right", "checkerboard", "bottom"):
        lab.preset(preset)
        lab.page.wait_for_timeout(400)
        lab.settle()
        expect(formulas).to_have_count(5)
    lab.wait_for_state("finished")
    expect(formulas).to_have_count(5)
    expect(lab.button("Run")).to_be_enabled()


@pytest.mark.slow
def test_without_the_toggle_only_the_button_starts_a_run(opened: Opener) -> None:
    lab = opened()
    lab.page.get_by_text("Run after every stroke").click()
    lab.settle()
    lab.preset("left")
    expect(lab.page.get_by_text("Press Run")).to_be_visible()
    lab.button("Run").click()
    lab.player.wait_for()
    lab.wait_for_state("finished")


@pytest.mark.slow
def test_an_uploaded_digit_is_filled_in_and_a_bad_upload_gets_a_message(opened: Opener) -> None:
    lab = opened()
    lab.page.locator(".st-key-keep-source").get_by_text("Upload", exact=True).click()
    upload = lab.page.locator(".st-key-upload input[type=file]")
    paper = np.full((200, 160), 250, np.uint8)
    paper[30:170, 70:95] = 20
    upload.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": png(paper)})
    lab.player.wait_for()
    lab.wait_for_state("finished")
    column = lab.picture("original", 0)[:, 12:16].max(1)
    assert (column[5:23] > 127).all()  # a vertical stroke, centred
    upload.set_input_files({"name": "bad.png", "mimeType": "image/png", "buffer": b"<svg></svg>"})
    expect(lab.page.get_by_role("alert").first).to_be_visible()
    lab.player.wait_for()  # the previous image is still there


@pytest.mark.slow
def test_a_digit_is_drawn_and_hidden_on_one_canvas(opened: Opener) -> None:
    lab = opened()
    lab.page.locator(".st-key-keep-source").get_by_text("Draw", exact=True).click()
    expect(lab.page.get_by_text("Nothing to fill in yet")).to_be_visible()
    lab.settle()
    lab.page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    lab.board.drag((3, 4), (12, 4))  # in the upper left corner
    lab.player.wait_for()
    one = lab.picture("original", 0) > 127
    rows = np.flatnonzero(one.any(1))
    assert rows[0] in (4, 5)
    assert np.ptp(rows) + 1 in (19, 20, 21)  # centred, with the size of MNIST's digits
    assert one[6:22, 13:16].all()

    lab.page.keyboard.press("h")
    lab.page.locator(".st-key-mask_canvas").get_by_role("button", name="Clear").click()
    expect(lab.page.get_by_text("No pixel is hidden yet")).to_be_visible()
    lab.board.drag((8, 10), (8, 18))
    lab.wait_for_state("finished")
    painted = np.zeros((28, 28), bool)
    painted[7:10, 9:20] = True
    assert np.array_equal(lab.picture("original", 1) > 127, one)
    observed = lab.picture("observed", 1)
    assert np.array_equal(observed[~painted] > 127, one[~painted])
    assert lab.picture("mean", 1)[8, 14] > 0

    lab.page.keyboard.press("d")  # the digit is at its position in the model input
    lab.board.drag((23, 14), (23, 24))
    lab.page.keyboard.press("h")
    lab.expect_hidden_count("33 of 784 pixels hidden")
    for _ in range(200):  # until the samplers have received the new image
        two = lab.picture("original", 0) > 127
        if not np.array_equal(two, one):
            break
        lab.page.wait_for_timeout(100)
    assert np.ptp(np.flatnonzero(two.any(0))) > np.ptp(np.flatnonzero(one.any(0))) + 5


@pytest.mark.slow
def test_another_image_and_class_are_chosen_by_thumbnail(opened: Opener) -> None:
    lab = opened()
    first = lab.picture("original", 0)
    lab.page.locator(".st-key-keep-class-digits").get_by_text("7", exact=True).click()
    thumbnails = lab.page.locator(".st-key-thumbnails [role=radio]")
    expect(thumbnails.first).to_have_attribute("aria-label", re.compile("^7, "))
    lab.settle()
    thumbnails.nth(2).click()
    expect(thumbnails.nth(2)).to_have_attribute("aria-checked", "true")
    lab.wait_for_state("finished")
    assert not np.array_equal(lab.picture("original", 0), first)


@pytest.mark.slow
def test_the_mask_and_the_settings_survive_a_change_of_page(opened: Opener) -> None:
    lab = opened()
    lab.preset("stripes")
    lab.wait_for_state("finished")
    lab.expect_hidden_count("392 of 784 pixels hidden")
    lab.page.locator(".st-key-mask_canvas").get_by_role("button", name=re.compile("Clear")).click()
    lab.board.drag((4, 4), (4, 10))
    count = lab.page.locator(".st-key-mask_canvas .count")
    expect(count).not_to_have_text("0 of 784 pixels hidden")
    lab.wait_for_state("finished")
    before = count.text_content()
    lab.page.get_by_role("link", name="DGM Lab").click()
    expect(lab.page.get_by_role("heading", name="Deep generative models")).to_be_visible()
    lab.page.get_by_role("link", name="Open the inpainting lab").click()
    lab.expect_hidden_count(before or "")


def test_the_page_fits_a_narrow_screen_in_the_dark_theme(opened: Opener) -> None:
    lab = opened(viewport={"width": 400, "height": 800}, color_scheme="dark", has_touch=True)
    lab.wait_for_state("finished")
    wide = lab.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 400
    lab.preset("checkerboard")
    lab.wait_for_state("finished")


def test_no_address_causes_a_stack_trace(opened: Opener) -> None:
    for path in ("Inpainting?x=%00&keep.seed=-1", "Nowhere", "Inpainting?" + "a" * 3000):
        page = opened("Inpainting").page
        page.goto(page.url.rsplit("/", 1)[0] + "/" + path)
        page.locator('[data-testid="stApp"]').wait_for()
        assert page.get_by_text("Traceback").count() == 0
