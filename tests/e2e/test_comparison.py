"""The comparison of all methods in a browser: digits, faces, an uploaded photograph."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from dgm_core import data, zoo
from tests.e2e import lab as inpainting
from tests.e2e import page_helpers
from tests.e2e.board import Board
from tests.e2e.conftest import NewPage, Serve
from tests.e2e.lab import png
from tests.e2e.page_helpers import levels
from tools.bench.server import LAB

CHAIN = "Metropolis-within-Gibbs"
needs_faces = pytest.mark.skipif(
    not {"celeba-dlvm", "celeba-dmfa"} & set(zoo.names()), reason="no model of faces is shipped"
)


@pytest.fixture(scope="module")
def server_with_faces(serve: Serve) -> str:
    """The app on a machine that has CelebA."""
    if not data.is_available("celeba"):
        pytest.skip("CelebA is not on this machine")
    return serve(LAB, data=os.environ.get("DGM_DATA"))


class Lab(inpainting.Lab):
    """The lab's page and its view of all methods."""

    def __init__(self, page: Page, url: str, query: str = "view=All%20methods") -> None:
        self.page = page
        self.grid = page.locator(".methods")
        page.goto(f"{url}/Inpainting?{query}")
        self.grid.wait_for()
        self.settle()

    def view(self, name: str) -> None:
        self.page.locator(".st-key-keep-view").get_by_text(name, exact=True).click()

    def choose(self, dataset: str) -> None:
        page_helpers.choose(self.page.locator(".st-key-keep-dataset"), dataset)

    def toggle_methods(self, *titles: str, dataset: str = "digits") -> None:
        pills = self.page.locator(f".st-key-keep-methods-{dataset}")
        for title in titles:
            pills.get_by_text(title, exact=True).click()
            self.settle()

    def setting(self, method: str, label: str, value: int) -> None:
        """Open the settings, choose the method, and type."""
        popover = self.page.get_by_role("button", name="Settings of the methods")
        popover.click()
        page_helpers.choose(self.page.locator(".st-key-keep-method"), method)
        own = f"[class*='st-key-keep-knob-'][class*='-{method.replace(' ', '-')}-' i]"
        field = self.page.locator(own).get_by_role("spinbutton", name=label)
        field.fill(str(value))
        field.press("Enter")
        self.settle()
        self.page.keyboard.press("Escape")

    def card(self, method: str) -> Locator:
        return self.page.locator(f".card[data-method='{method}']")

    def reaches(self, method: str, state: str) -> None:
        expect(self.card(method)).to_have_attribute("data-state", state)

    def row(self, method: str) -> Locator:
        return self.page.locator(f"tbody tr[data-method='{method}']")

    def methods(self) -> list[str]:
        cards = self.page.locator(".card").all()
        names = [card.get_attribute("data-method") or "" for card in cards]
        return [name for name in names if not name.startswith(":")]

    def pixels(self, method: str, side: int = 28) -> np.ndarray:
        """Grey levels of a card's image, (side, side)."""
        self.page.wait_for_timeout(300)
        return levels(self.card(method).locator("canvas"), side)


Opener = Callable[..., Lab]


@pytest.fixture
def opener(new_page: NewPage) -> Opener:
    def opened(url: str, *query: str, **options: object) -> Lab:
        page = new_page(**{"viewport": {"width": 1280, "height": 1400}} | options)
        return Lab(page, url, *query)

    return opened


CHAINS = ("pseudo-Gibbs", CHAIN, "LAIR")
SHORT = "&".join(("view=All%20methods", *(f"{name}.iterations=100" for name in CHAINS)))
"""Short runs: most tests are about the page, not about the samplers."""


@pytest.fixture
def lab(opener: Opener, server: str) -> Lab:
    """The lab without data, in the view All methods, after its first image is shown."""
    lab = opener(server)
    lab.reaches("mean image", "finished")
    return lab


@pytest.mark.slow
def test_the_first_comparison_is_shown_without_a_run(opener: Opener, server: str) -> None:
    lab = opener(server)
    for method in ("pseudo-Gibbs", "LAIR", "MIWAE", "nearest neighbours"):
        expect(lab.card(method)).to_have_attribute("data-state", "finished", timeout=5_000)
    expect(lab.row("LAIR")).to_contain_text("±")
    original, filled = lab.pixels(":original"), lab.pixels("LAIR")
    assert np.array_equal(original[14:], filled[14:])  # observed
    assert filled[:14].max() > 50  # filled in


@pytest.mark.slow
def test_methods_appear_one_by_one_and_the_table_fills(opener: Opener, server: str) -> None:
    lab = opener(server, SHORT)
    # Quick methods finish while the chains are running.
    expect(lab.card("LAIR")).to_have_attribute("data-state", re.compile("waiting|running"))
    lab.reaches("mean image", "finished")
    assert lab.card("LAIR").get_attribute("data-state") in ("waiting", "running")
    expect(lab.row("mean image").locator("td").first).not_to_have_text("–")
    for method in lab.methods():
        lab.reaches(method, "finished")
    expect(lab.button("Run")).to_be_enabled()
    for method in lab.methods():
        expect(lab.row(method)).to_contain_text(re.compile(r"\d"))
    original = lab.pixels(":original")
    for method in lab.methods():
        assert np.array_equal(lab.pixels(method)[14:], original[14:]), method


@pytest.mark.slow
def test_one_method_is_stopped_and_the_others_go_on(lab: Lab) -> None:
    lab.setting("Metropolis-within-Gibbs", "Iterations", 5000)
    lab.reaches(CHAIN, "running")
    lab.setting("Pseudo-Gibbs", "Iterations", 200)
    # The image of its new run, not of the previous one.
    expect(lab.card("pseudo-Gibbs")).not_to_have_attribute("data-state", "finished")
    lab.reaches(CHAIN, "running")
    lab.card(CHAIN).get_by_role("button", name=re.compile("Stop")).click()
    lab.reaches(CHAIN, "stopped")
    lab.reaches("pseudo-Gibbs", "finished")
    expect(lab.button("Run")).to_be_enabled()
    expect(lab.row(CHAIN)).to_contain_text("stopped")
    assert lab.pixels(CHAIN)[:14].max() > 30  # its last result stays


@pytest.mark.slow
def test_an_added_method_does_not_change_the_others(lab: Lab) -> None:
    lab.toggle_methods("PPCA")
    lab.reaches("PPCA", "finished")
    expect(lab.card("LAIR")).to_have_attribute("data-state", "finished")
    lab.toggle_methods("PPCA")
    expect(lab.card("PPCA")).to_have_count(0)


def test_the_original_is_shown_while_the_button_is_pressed(lab: Lab) -> None:
    original, filled = lab.pixels(":original"), lab.pixels("LAIR")
    assert not np.array_equal(original, filled)
    hold = lab.page.locator(".hold")
    hold.scroll_into_view_if_needed()
    hold.hover()
    lab.page.mouse.down()
    assert np.array_equal(lab.pixels("LAIR"), original)
    lab.page.mouse.up()
    assert np.array_equal(lab.pixels("LAIR"), filled)


def test_the_calibration_is_drawn_in_its_view(lab: Lab) -> None:
    expect(lab.page.locator(".js-plotly-plot")).to_have_count(0)
    lab.page.get_by_text("Calibration", exact=True).click()
    chart = lab.page.locator(".js-plotly-plot")
    expect(chart).to_be_visible()
    expect(chart).to_contain_text("LAIR")
    expect(lab.page.get_by_text("points on the dashed line")).to_be_visible()


def test_the_table_and_the_images_are_downloaded(lab: Lab) -> None:
    for label, start in (("Table (.csv)", b"method,state"), ("Images and arrays (.zip)", b"PK")):
        with lab.page.expect_download() as download:
            lab.page.get_by_role("button", name=label).click()
        assert Path(download.value.path()).read_bytes().startswith(start)


def test_the_views_keep_their_content(lab: Lab) -> None:
    lab.view("Step by step")
    lab.page.locator(".player").wait_for()
    lab.view("All methods")
    expect(lab.card("LAIR")).to_have_attribute("data-state", "finished")


def test_the_page_fits_a_narrow_screen_in_the_dark_theme(opener: Opener, server: str) -> None:
    lab = opener(server, viewport={"width": 390, "height": 900}, color_scheme="dark")
    lab.reaches("mean image", "finished")
    assert lab.page.evaluate("document.documentElement.scrollWidth") <= 390


# --- faces ------------------------------------------------------------------------------------

FACES = "data=celeba"
SLOW = ("Pseudo-Gibbs", "Metropolis-within-Gibbs", "LAIR", "MIWAE")


def deselect_slow_methods(lab: Lab) -> None:
    """Deselect the three chains, and MIWAE if it is shipped."""
    lab.page.get_by_text("Run after every stroke").click()
    lab.settle()
    pills = lab.page.locator(".st-key-keep-methods-celeba")
    there = [title for title in SLOW if pills.get_by_text(title, exact=True).count()]
    lab.toggle_methods(*there, dataset="celeba")


@pytest.mark.slow
@needs_faces
def test_a_face_is_filled_in(opener: Opener, server_with_faces: str) -> None:
    lab = opener(server_with_faces, FACES)
    expect(lab.page.get_by_text("Faces have no view Step by step")).to_be_visible()
    expect(lab.page.locator(".st-key-keep-view")).to_have_count(0)
    lab.button("Stop").click()
    deselect_slow_methods(lab)
    page_helpers.choose(lab.page.locator(".st-key-keep-faces"), "with eyeglasses")
    lab.settle()
    lab.page.locator(".st-key-thumbnails [role=radio]").nth(3).click()
    lab.settle()
    lab.button("Run").click()
    lab.reaches("mean image", "finished")
    compared = lab.methods()
    assert {"nearest neighbours", "diffusion of the edge", "mean image"} <= set(compared)
    for method in compared:
        lab.reaches(method, "finished")
    original, side = lab.pixels(":original", 64), 64
    hidden = np.zeros((side, side), bool)
    hidden[16:48, 16:48] = True
    for method in compared:
        filled = lab.pixels(method, 64)
        assert np.allclose(filled[~hidden], original[~hidden], atol=3), method
        assert not np.allclose(filled[hidden], original[hidden], atol=3), method


@pytest.mark.slow
@needs_faces
def test_without_the_data_the_model_generates_faces(opener: Opener, server: str) -> None:
    lab = opener(server)
    lab.page.get_by_text("Run after every stroke").click()
    lab.settle()
    lab.choose("Faces (CelebA)")
    expect(lab.page.get_by_text("drawn by the model itself")).to_be_visible()
    expect(lab.page.locator(".st-key-thumbnails [role=radio]")).to_have_count(24)


def drawn_photograph() -> np.ndarray:
    """(240, 400, 3): left half red, right half blue, with a yellow disc in each."""
    rows, columns = np.mgrid[:240, :400]
    photo = np.where(columns[..., None] < 200, [200, 30, 30], [30, 30, 200])
    for centre in (100, 300):
        disc = (rows - 120) ** 2 + (columns - centre) ** 2 < 60**2
        photo[disc] = [240, 220, 40]
    return photo.astype(np.uint8)


@pytest.mark.slow
@needs_faces
def test_an_uploaded_photograph_is_cropped_masked_and_filled_in(
    opener: Opener, server: str
) -> None:
    lab = opener(server, FACES)
    deselect_slow_methods(lab)
    lab.page.locator(".st-key-keep-source-faces").get_by_text("Upload", exact=True).click()
    upload = lab.page.locator(".st-key-upload_face input[type=file]")
    upload.set_input_files(
        {"name": "someone.png", "mimeType": "image/png", "buffer": png(drawn_photograph())}
    )
    stage = lab.page.locator(".st-key-crop_face .stage")
    stage.wait_for()
    lab.settle()
    # Drag the square to the left edge: the red half and its disc.
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    middle = box["y"] + box["height"] / 2
    lab.page.mouse.move(box["x"] + box["width"] / 2, middle)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] - 50, middle, steps=4)
    lab.page.mouse.up()
    lab.settle()
    lab.preset("left", side=64)
    count = lab.page.locator(".st-key-mask_canvas-64 .count")
    expect(count).to_have_text(re.compile(r"^2,?048 of"))
    lab.settle()
    canvas = lab.page.locator(".st-key-mask_canvas-64 canvas.board")
    canvas.scroll_into_view_if_needed()
    Board(canvas, 64).drag((28, 42), (36, 42))  # over the edge of the disc
    expect(count).not_to_have_text(re.compile(r"^2,?048 of"))
    lab.page.wait_for_timeout(500)
    lab.settle()
    lab.button("Run").click()
    lab.reaches("diffusion of the edge", "finished")
    original, filled = (lab.pixels(name, 64) for name in (":original", "diffusion of the edge"))
    assert np.allclose(filled[:20, 34:], original[:20, 34:], atol=3)
    assert not np.allclose(filled[:, :30], original[:, :30], atol=3)
    assert not np.allclose(filled[30:35, 41:45], original[30:35, 41:45], atol=3)
    upload.set_input_files({"name": "bad.png", "mimeType": "image/png", "buffer": b"<svg></svg>"})
    expect(lab.page.get_by_role("alert").first).to_be_visible()
    stage.wait_for()  # the previous photograph is still there
