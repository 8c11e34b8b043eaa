"""The page of one file, opened from the disk without a network: painting, chains, its address."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from dgm_core.live import export
from tests.e2e.board import Board
from tests.e2e.page_helpers import LONG, levels, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("live") / "digits.html"
    file.write_text(export.page("mnist-dlvm"), encoding="utf-8")
    return Path(file).as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(
        offline=True,
        viewport={"width": 400, "height": 900},
        color_scheme="dark",
        reduced_motion="reduce",
        has_touch=True,
    )
    opened = context.new_page()
    opened.set_default_timeout(LONG)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: line.type == "error" and problems.append(line.text))
    opened.on("request", lambda request: problems.append(request.url))
    opened.goto(address)
    expect(panel(opened)).to_have_attribute("data-iteration", "1")
    yield opened
    context.close()
    outside = [each for each in problems if not each.startswith(("file:", "blob:"))]
    assert outside == []


def panel(page: Page) -> Locator:
    return page.locator("[data-sampler^=Metropolis]")


def mean(page: Page) -> np.ndarray:
    """The mean of Metropolis as it is shown, (28, 28), 0 to 255."""
    levels = page.locator("[data-sampler^=Metropolis] canvas").first.evaluate(
        "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    return np.array(levels).reshape(28, 28, 4)[..., 0]


def bits(page: Page, name: str) -> np.ndarray:
    return np.array(page.evaluate(f"[...liveView.board.{name}]"), bool).reshape(28, 28)


def test_painting_changes_the_mask_and_the_chains_follow(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    board = page.locator(".live-board canvas")
    box = board.bounding_box()
    assert box
    picture, before = bits(page, "picture"), bits(page, "hidden")
    assert before[:14].all()
    assert not before[14:].any()
    page.get_by_role("button", name="Show", exact=True).click()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.25 * box["height"], steps=4)
    page.mouse.up()
    shown = before & ~bits(page, "hidden")
    assert shown[6:8, 4:24].all()
    assert shown.sum() < 5 * 28
    until(page, lambda: (mean(page)[shown] == 255 * picture[shown]).all(), "the chains follow")
    seen = ~bits(page, "hidden")
    assert (mean(page)[seen] == 255 * picture[seen]).all()

    board.focus()
    for key in ("h", "ArrowUp", "Space", "u"):
        page.keyboard.press(key)
    assert (bits(page, "hidden") == ~seen).all()
    page.keyboard.press("Space")
    assert bits(page, "hidden")[13, 14]


def test_a_finger_paints_and_does_not_scroll_the_page(page: Page) -> None:
    page.get_by_role("button", name="Show", exact=True).tap()
    before = bits(page, "hidden")
    box = page.locator(".live-board canvas").bounding_box()
    Board(page.locator(".live-board canvas")).swipe((1, 14), (6, 14), (12, 14))
    shown = before & ~bits(page, "hidden")
    assert shown[1:13, 13:16].all()
    assert shown.sum() < 14 * 7
    assert page.locator(".live-board canvas").bounding_box() == box
    assert page.evaluate("liveView.board.spot") is None  # no brush stays where the finger was
    picture, seen = bits(page, "picture"), ~before | shown
    until(page, lambda: (mean(page)[seen] == 255 * picture[seen]).all(), "the chains follow")


@pytest.mark.parametrize("source", ["src", "srcdoc"])
def test_in_a_frame_with_scripts_only_the_chains_run_and_follow_strokes(
    browser: Browser, source: str, tmp_path: Path
) -> None:
    """The frame has an origin of its own; with `srcdoc` it has no address of its own either."""
    content = export.page("mnist-dlvm")
    (tmp_path / "digits.html").write_text(content, encoding="utf-8")
    value = html.escape(content) if source == "srcdoc" else "digits.html"
    around = tmp_path / "around.html"
    frame = f'sandbox="allow-scripts" width="700" height="900" {source}="{value}"'
    around.write_text(f"<!doctype html><iframe {frame}></iframe>", encoding="utf-8")
    page = browser.new_page(viewport={"width": 800, "height": 950})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(around.as_uri())
    inside = page.frame_locator("iframe")
    count = inside.locator(".live-count")
    expect(count).to_have_text("392 of 784 pixels hidden")
    metropolis = inside.locator("[data-sampler^=Metropolis]")
    expect(metropolis).to_have_attribute("data-iteration", re.compile(r"\d\d"))
    expect(inside.locator("#live")).to_have_attribute("data-kernels", "WebAssembly")
    Board(inside.locator(".live-board canvas")).drag((20, 5), (20, 20))
    expect(count).not_to_have_text("392 of 784 pixels hidden")
    picture = metropolis.locator("canvas").first
    until(page, lambda: len(set(levels(picture)[20, 5:20])) > 2, "the chains fill the row in")
    page.wait_for_timeout(500)  # the address changes, where there is one
    page.close()
    assert problems == []


@pytest.mark.parametrize("kernels", ["WebGPU", "WebAssembly", "JavaScript", ""])
def test_the_address_chooses_the_kernels_and_a_software_card_is_not_chosen_by_itself(
    webgpu_browser: Browser, address: str, kernels: str
) -> None:
    context = webgpu_browser.new_context(offline=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: line.type == "error" and problems.append(line.text))
    page.goto(f"{address}?kernels={kernels}")
    expect(page.locator("#live")).to_have_attribute("data-kernels", kernels or "WebAssembly")
    expect(panel(page)).to_have_attribute("data-iteration", re.compile(r"\d\d"))
    assert len(set(mean(page)[:14].ravel())) > 5
    context.close()
    assert problems == []


def test_the_address_holds_the_state_and_an_unreadable_one_changes_nothing(page: Page) -> None:
    page.get_by_role("button", name="Random half", exact=True).click()
    page.get_by_role("button", name="Picture 8").click()
    page.get_by_role("button", name="New chains").click()
    until(page, lambda: page.url.endswith("seed=1"), "the address changes")
    picture, hidden = bits(page, "picture"), bits(page, "hidden")
    assert 300 < hidden.sum() < 480
    page.reload()
    assert (bits(page, "picture") == picture).all()
    assert (bits(page, "hidden") == hidden).all()
    assert page.evaluate("liveView.seed") == 1
    page.evaluate("location.hash = '#x=zzz&hide=%00&seed=-4&other=<b>'")
    page.wait_for_timeout(100)
    assert (bits(page, "picture") == picture).all()
    assert page.evaluate("liveView.seed") == 1


def test_with_reduced_motion_a_picture_comes_once_a_second_and_a_pause_stops_it(
    page: Page,
) -> None:
    counted = """() => new Promise((resolve) => {
      let count = 0;
      const seen = new MutationObserver((changes) => { count += changes.length });
      const options = {attributes: true, attributeFilter: ["data-iteration"]};
      seen.observe(document.querySelector("[data-sampler^=Metropolis]"), options);
      setTimeout(() => resolve(count), 1500);
    })"""
    assert 1 <= page.evaluate(counted) <= 2
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(100)
    assert page.evaluate(counted) == 0
    page.get_by_role("button", name="Hide everything").click()
    expect(panel(page)).to_have_attribute("data-iteration", "1")
