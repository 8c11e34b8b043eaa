"""A link shows the same images to another visitor; cases of the gallery open with one click."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import page_helpers
from tests.e2e.board import Board
from tests.e2e.conftest import NewPage
from tests.e2e.lab import SHORT, Lab, png
from tests.e2e.page_helpers import levels
from ui.inpainting import gallery


def ended(page: Page) -> None:
    expect(page.locator(".player")).to_have_attribute("data-state", "finished")
    page.locator(".player .scrub").press("End")


def pictures(page: Page) -> np.ndarray:
    """All tiles and all chains of both samplers."""
    canvases = page.locator(".player .tiles canvas, .player .strip canvas").all()
    return np.stack([levels(canvas) for canvas in canvases])


@pytest.mark.slow
def test_a_link_shows_the_same_images_bit_for_bit(server: str, new_page: NewPage) -> None:
    lab = Lab(new_page(viewport={"width": 1280, "height": 1000}), server)
    page = lab.page
    lab.preset("left")
    page.wait_for_url("**hide=left*")
    Board(page.locator(".st-key-mask_canvas canvas.board")).drag((20, 16), (20, 24))
    page.wait_for_url(lambda url: "hide=eN" in url)
    lab.settle()
    page.get_by_role("radiogroup", name="Choose an image").get_by_role("radio").nth(4).click()
    page.wait_for_url("**image=4*")
    page.get_by_text("Chains, iterations, seed").click()
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Seed", exact=True).press("Enter")
    page.wait_for_url("**seed=7*")
    lab.settle()
    ended(page)
    other = new_page(viewport={"width": 1280, "height": 1000})
    other.goto(page.url)
    other.locator(".player").wait_for()
    page_helpers.settle(other)
    ended(other)
    expect(other.locator(".player .position")).to_have_text("iteration 100 of 100 · finished")
    assert np.array_equal(pictures(page), pictures(other))
    assert other.url == page.url


@pytest.mark.slow
def test_a_case_opens_with_one_click_and_shows_its_text(server: str, new_page: NewPage) -> None:
    lab = Lab(new_page(viewport={"width": 1280, "height": 1000}), server)
    case = next(case for case in gallery.st_cases() if case.name == "Stuck chains")
    sentence = lab.page.get_by_text(case.about[:40])
    expect(sentence).to_have_count(0)
    lab.page.get_by_role("radio", name="Stuck chains").click()
    expect(sentence).to_be_visible()
    ended(lab.page)
    stuck = lab.page.locator(".card[data-sampler='1'] [data-number=stuck] dd")
    expect(stuck).to_contain_text("3")
    lab.page.locator(".st-key-keep-at_once label").scroll_into_view_if_needed()
    lab.preset("bottom")
    lab.page.wait_for_url("**hide=bottom*")
    expect(sentence).to_have_count(0)  # the settings are no longer those of the case


@pytest.mark.slow
def test_files_are_made_and_the_link_contains_no_upload(server: str, new_page: NewPage) -> None:
    lab = Lab(new_page(viewport={"width": 1280, "height": 1000}), server, f"{SHORT}&seed=3")
    page = lab.page
    ended(page)
    page.get_by_role("button", name="Download", exact=False).first.click()
    for name, begins in (("Every panel (.zip)", b"PK"), ("Animation (.gif)", b"GIF89a")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        content = download.value.path().read_bytes()
        assert content.startswith(begins)
        if begins == b"PK":
            assert "original.png" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Python code").click()
    expect(page.get_by_text("from dgm_core import zoo")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".st-key-keep-source").get_by_text("Upload", exact=True).click()
    paper = np.full((120, 120), 250, np.uint8)
    paper[20:100, 50:66] = 20
    upload = page.locator(".st-key-upload input[type=file]")
    upload.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": png(paper)})
    expect(page.get_by_text("no uploaded image")).to_be_visible()
    ended(page)
    assert set(page.url.rpartition("?")[2].split("&")) == {"seed=3", "iterations=100"}
