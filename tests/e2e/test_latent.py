"""The lab of the latent space in a real browser."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage, Serve
from tools.bench.server import ROOT

PATH = "WGAN_latent_space"
MOST_OVERHEAD = 200  # milliseconds

# Time from a key press to its effect, by the browser's clock.
_UNTIL = """async ([press, read]) => {
  const wait = () => new Promise((next) => requestAnimationFrame(next))
  const before = eval(read), from = performance.now()
  eval(press)
  while (eval(read) === before && performance.now() - from < 20000) await wait()
  return performance.now() - from
}"""
_STEP = """(() => {
  const all = [...document.querySelectorAll("*")].flatMap((e) => e.shadowRoot
    ? [...e.shadowRoot.querySelectorAll("input[type=range]")] : [])
  const input = all[0] ?? document.querySelector(".live-sliders input[type=range]")
  input.value = String(Number(input.value) + Number(input.step))
  input.dispatchEvent(new Event("input", {bubbles: true}))
})()"""
_PICTURE = "document.querySelector('[data-testid=stImage] img')?.src"
_ECHO = "document.querySelector('#echo')?.dataset.value"


def opened(new_page: NewPage, server: str, query: str = "", **options: object) -> Page:
    return page_helpers.opened(new_page, f"{server}/{PATH}{query}", "WGAN latent space", **options)


def picture(page: Page) -> Locator:
    return page.get_by_test_id("stImage").first.locator("img")


def pixels(page: Page) -> str:
    """Content of the image file on screen."""
    read = "async (img) => [...new Uint8Array(await (await fetch(img.src)).arrayBuffer())].join()"
    return picture(page).evaluate(read)


def milliseconds(page: Page, read: str) -> float:
    taken = []
    for _ in range(12):
        taken.append(page.evaluate(_UNTIL, [_STEP, read]))
        page_helpers.settle(page)
    return statistics.median(taken)


@pytest.mark.slow
def test_an_image_follows_its_slider_almost_as_fast_as_an_echo(
    server: str, serve: Serve, new_page: NewPage
) -> None:
    bare = new_page()
    bare.goto(serve(ROOT / "tests/e2e/apps/echo_app.py"))
    bare.get_by_role("slider", name="Bare").wait_for()
    page = opened(new_page, server)
    expect(picture(page)).to_be_visible()
    page.locator(".live-sliders input[type=range]").first.wait_for()
    assert milliseconds(page, _PICTURE) < milliseconds(bare, _ECHO) + MOST_OVERHEAD
    page_helpers.assert_no_horizontal_overflow(page)


def test_the_address_holds_the_whole_latent(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server)
    bare = picture(page).get_attribute("src")
    page.get_by_role("button", name="New image").click()
    expect(picture(page)).not_to_have_attribute("src", bare)
    page_helpers.settle(page)
    here = pixels(page)
    second = opened(new_page, server, "?" + page.url.partition("?")[2])
    expect(picture(second)).to_be_visible()
    assert pixels(second) == here


@pytest.mark.slow
def test_a_latent_is_downloaded_and_uploaded_again(
    server: str, new_page: NewPage, tmp_path: Path
) -> None:
    page = opened(new_page, server)
    with page.expect_download() as download:
        page.get_by_role("button", name="Latent").click()
    file = tmp_path / "latent.json"
    download.value.save_as(file)
    saved = json.loads(file.read_text())
    assert saved["model"] == "mnist-wgan"

    def upload(content: dict) -> Page:
        file.write_text(json.dumps(content))
        page = opened(new_page, server, "?view=Find+a+picture")
        page.get_by_text("Latent file", exact=True).click()
        page_helpers.settle(page)
        page.locator("input[type=file]").set_input_files(file)
        return page

    whole = upload(saved)
    expect(whole.get_by_role("button", name="Open in Sliders").first).to_be_visible()
    wrong = upload(saved | {"model": "other"})
    expect(wrong.get_by_text("belongs to other")).to_be_visible()


def test_a_click_in_the_grid_selects_that_latent(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Grid")
    row = page.get_by_role("radiogroup", name=re.compile(r"^Direction \d")).first
    expect(row.get_by_role("radio", checked=True)).to_have_attribute("title", "ε = 0")
    before = page.url
    row.get_by_role("radio", name="ε = +2").click()
    page.wait_for_url(lambda url: url != before)
    page_helpers.settle(page)
    expect(row.get_by_role("radio", checked=True)).to_have_attribute("title", "ε = 0")
    page_helpers.assert_no_horizontal_overflow(page)


def test_a_path_is_played_image_by_image(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Interpolate")
    player = page.get_by_role("group", name="Paths from one image to another")
    scrub = player.get_by_role("slider")
    canvas = player.locator("canvas").first
    scrub.fill("0")
    first = page_helpers.levels(canvas)
    player.get_by_role("button", name="Play").click()
    expect(scrub).not_to_have_value("0")
    player.get_by_role("button", name="Pause").click()
    scrub.fill("23")
    last, fade = page_helpers.levels(canvas), page_helpers.levels(player.locator("canvas").nth(2))
    assert abs(last - first).mean() > 10
    assert abs(last - fade).max() <= 1  # all paths end in the same image
    expect(player.get_by_text("24 / 24")).to_be_visible()
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_a_latent_of_a_drawn_digit_is_found(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Find+a+picture")
    done = page.get_by_text(re.compile(r"^step 300, RMSE 0\.(\d+)"))
    expect(done).to_be_visible()
    assert float(done.text_content().rpartition(" ")[2]) < 0.2
    take = page.get_by_role("button", name="Open in Sliders")
    expect(take).to_be_enabled()
    before = page.url
    take.click()
    page.wait_for_url(lambda url: url != before)
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_a_search_is_stopped(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Find+a+picture")
    page.get_by_text("Settings of the search").click()
    steps = page.get_by_role("slider", name="Steps")
    steps.press("End")
    page_helpers.settle(page)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_text(re.compile("^step 600"))).to_have_count(0)


def test_sums_of_latents_are_shown(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Arithmetic")
    expect(page.get_by_test_id("stImage")).to_have_count(5)
    before = [
        each.get_attribute("src") for each in page.get_by_test_id("stImage").locator("img").all()
    ]
    page.get_by_role("radio", name="draw 9").click()
    expect(page.get_by_test_id("stImage").locator("img").first).not_to_have_attribute(
        "src", before[0]
    )
    page_helpers.assert_no_horizontal_overflow(page)


def test_the_training_is_played(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Training")
    player = page.get_by_role("group", name="Snapshots of the training")
    canvas = player.locator("canvas")
    last = page_helpers.levels(canvas, 20)
    player.get_by_role("slider").fill("0")
    assert abs(page_helpers.levels(canvas, 20) - last).mean() > 10
    expect(player.get_by_text("iteration 0")).to_be_visible()
    expect(page.get_by_text("Fréchet distance ÷ floor", exact=True)).to_be_visible()
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.parametrize("query", ["?view=Nothing&z=!!!&space=moon", "?space=mnist&z=AAAA"])
def test_a_broken_link_gets_a_message(server: str, new_page: NewPage, query: str) -> None:
    page = new_page()
    page.goto(f"{server}/{PATH}{query}")
    message = page.get_by_text("A part of the link was not understood")
    expect(message).to_be_visible()  # it is shown for some seconds only
    expect(picture(page)).to_be_visible()


@pytest.mark.slow
def test_the_page_fits_a_phone_in_the_dark_theme(server: str, new_page: NewPage) -> None:
    options = {"viewport": {"width": 400, "height": 850}, "color_scheme": "dark"}
    for view in ("Sliders", "Grid", "Interpolate", "Arithmetic", "Find+a+picture", "Training"):
        page_helpers.assert_no_horizontal_overflow(
            opened(new_page, server, f"?view={view}", **options)
        )


def test_the_smile_of_a_face_is_changed(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?space=celeba")
    page.get_by_text("By trait", exact=True).click()
    smile = page.get_by_role("slider", name="smiling")
    expect(smile).to_be_visible()
    before = picture(page).get_attribute("src")
    smile.press("End")
    expect(picture(page)).not_to_have_attribute("src", before)
    page_helpers.assert_no_horizontal_overflow(page)
