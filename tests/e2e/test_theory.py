"""The notes in a real browser: each opens, reacts to its controls, and is shared by its link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage

PATH = "Theory"
HIDDEN = re.compile(r"(\d+) of 200 hidden, (\d+) changed by hand")


def opened(new_page: NewPage, server: str, query: str, **options: object) -> Page:
    return page_helpers.opened(new_page, f"{server}/{PATH}?{query}", "Theory notes", **options)


def press(page: Page, slider: str, key: str) -> None:
    page.get_by_role("slider", name=slider).press(key)
    page.wait_for_timeout(500)
    page_helpers.settle(page)


def hidden(page: Page) -> tuple[int, int]:
    line = page.get_by_text(HIDDEN).first
    expect(line).to_be_visible()
    return tuple(map(int, HIDDEN.search(line.text_content()).groups()))


@pytest.mark.slow
def test_between_narrow_distributions_only_wasserstein_has_a_gradient(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server, "note=GANs")
    wide = page_helpers.curve(page, "gan-distances", "Jensen–Shannon")
    assert wide[20] < 0.7
    press(page, "Width of both distributions", "Home")
    narrow = page_helpers.moved(page, "gan-distances", "Jensen–Shannon", wide)
    assert narrow[20] > 0.999
    assert max(page_helpers.curve(page, "gan-slopes", "Jensen–Shannon")[20:]) < 1e-3
    assert page_helpers.curve(page, "gan-slopes", "W₁") == [1] * 81
    press(page, "Step size of the game", "End")
    expect(
        page.get_by_text("simultaneous 1.414, alternating 1.000, look-ahead 1.000")
    ).to_be_visible()
    page.get_by_role("link", name="lab of distances").click()
    expect(page.get_by_role("heading", name="GAN distances")).to_be_visible()


@pytest.mark.slow
def test_weights_degenerate_with_dimensions(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "note=Importance+sampling&importance-dimensions=5")
    line = page.get_by_text(re.compile("First run of")).first
    expect(line).to_be_visible()
    few = float(re.search(r"fraction (\d+\.\d+)\s%", line.text_content())[1])
    press(page, "Dimensions", "End")
    expect(line).not_to_contain_text(f"fraction {few:.2f}%")
    many = float(re.search(r"fraction (\d+\.\d+)\s%", line.text_content())[1])
    assert few > 20 > 2 > many
    assert "importance-dimensions=100" in page.url
    assert len(page_helpers.curve(page, "importance-fractions", "1 / E w²")) == 12
    press(page, "Width of the proposal", "Home")
    expect(line).to_contain_text("limit 0.00 %")


def sweep_and_press(page: Page, before: int) -> None:
    """Sweep the mouse over points, then change one point by keys; both change the count."""
    stage = page.locator(".toggled-points .stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.8 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=25)
    page.mouse.up()
    line = page.get_by_text(HIDDEN).first
    expect(line).not_to_contain_text(", 0 changed")
    swept = hidden(page)
    assert abs(swept[0] - before) == swept[1] > 3
    stage.press("ArrowRight")
    stage.press("Space")
    expect(line).not_to_contain_text(f", {swept[1]} changed")


@pytest.mark.slow
def test_a_click_hides_a_point_and_the_link_stores_it(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "note=Missing+data")
    before, by_hand = hidden(page)
    assert by_hand == 0
    expect(page.locator(".points .dot")).to_have_count(200)
    seen = page.locator(".points .dot:not(.hidden)")
    lowest = seen.evaluate_all("dots => Math.max(...dots.map((dot) => dot.getAttribute('cy')))")
    box = page.locator(f".points .dot[cy='{lowest}']").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text(f"{before + 1} of 200 hidden, 1 changed by hand")).to_be_visible()
    expect(page.locator(".points .dot.flipped")).to_have_count(1)
    page_helpers.settle(page)
    page.wait_for_timeout(300)
    again = opened(new_page, server, page.url.partition("?")[2])
    assert hidden(again) == (before + 1, 1)
    page.get_by_role("button", name="Undo my changes").click()
    expect(page.get_by_text(f"{before} of 200 hidden, 0 changed by hand")).to_be_visible()
    expect(page.locator(".points .dot.flipped")).to_have_count(0)
    sweep_and_press(page, before)


def test_an_outlier_moves_the_mean_and_not_the_median(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "note=Optimal+transport")
    line = page.get_by_text(re.compile("the nearest point is")).first
    expect(line).to_contain_text("Mean 0.73, median 0.00")
    expect(page.locator(".number-line .dot")).to_have_count(9)
    page.locator(".number-line .dot").last.press("Home")
    expect(line).to_contain_text("Mean −0.77, median −0.40")
    box = page.locator(".number-line .dot").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 250, y, steps=5)
    page.mouse.up()
    expect(line).not_to_contain_text("Mean −0.77")
    page_helpers.settle(page)
    moved = line.text_content()
    page.get_by_role("button", name="Add a point").click()
    expect(line).to_contain_text("of 10 points")
    page.locator(".number-line .dot").last.press("Delete")
    expect(line).to_have_text(moved)
    press(page, "Power p", "Home")
    expect(line).to_contain_text("p = 1: the nearest point is")
    page.get_by_role("radio", name="Nearest Gaussian").click()
    expect(page.get_by_text(re.compile("Nearest in W₂: N"))).to_be_visible()


@pytest.mark.slow
def test_the_page_fits_a_phone_in_the_dark_theme(server: str, new_page: NewPage) -> None:
    options = {
        "viewport": {"width": 400, "height": 850},
        "color_scheme": "dark",
        "has_touch": True,
    }
    page = opened(new_page, server, "note=GANs", **options)
    for name, last in (
        ("GANs", "figure-gan-methods"),
        ("Importance sampling", "figure-importance-runs"),
        ("Optimal transport", "figure-transport-plan"),
        ("Missing data", None),
    ):
        page.get_by_role("radio", name=name).click()
        shown = f".st-key-{last} .main-svg" if last else ".points .dot"
        expect(page.locator(shown).first).to_be_visible()
        page_helpers.settle(page)
        page_helpers.assert_no_horizontal_overflow(page)
    before, _ = hidden(page)
    dot = page.locator(".points .dot:not(.hidden)").first
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text(re.compile("of 200 hidden, 1 changed"))).to_be_visible()
    assert abs(hidden(page)[0] - before) == 1
