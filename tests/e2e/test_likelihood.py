"""The lab of exact likelihoods in a real browser: bounds and floors."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage

PATH = "Exact_likelihood"
FLOOR = "?view=Unbounded+likelihood"


def opened(new_page: NewPage, server: str, query: str = "", **options: object) -> Page:
    return page_helpers.opened(new_page, f"{server}/{PATH}{query}", "Exact likelihood", **options)


def figure(page: Page, name: str) -> Locator:
    found = page.locator(f".st-key-figure-{name} .js-plotly-plot").first
    expect(found.locator(".main-svg").first).to_be_visible()
    return found


def drawn(page: Page, name: str, trace: str, axis: str = "y") -> list[float]:
    """The values of one curve of a figure."""
    return page_helpers.curve(page, name, trace, axis)


def metric(page: Page, name: str) -> float:
    found = page.get_by_test_id("stMetric").filter(has_text=name).first
    expect(found).to_be_visible()
    text = found.get_by_test_id("stMetricValue").text_content()
    return float(text.replace("−", "-").replace(",", ""))


def moved(slider: Locator, to: str, steps: int = 1) -> None:
    for _ in range(steps):
        slider.press(to)
    page_helpers.settle(slider.page)
    slider.page.wait_for_timeout(1000)


@pytest.mark.slow
def test_the_curve_grows_with_k_and_stays_below(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?bounds-draws=30")
    assert drawn(page, "bounds-ladder", "IWAE", "x") == [1, 3, 10, 30]
    few = drawn(page, "bounds-ladder", "IWAE")
    moved(page.get_by_role("slider", name="Most draws K"), "End")
    assert drawn(page, "bounds-ladder", "IWAE", "x")[-1] == 10_000
    many = drawn(page, "bounds-ladder", "IWAE")
    assert many[:4] == few
    exact = drawn(page, "bounds-ladder", "log p(x), quadrature")[0]
    above = drawn(page, "bounds-ladder", "best mixture, from above")[0]
    assert many == sorted(many)
    assert many[-1] < exact < above
    assert drawn(page, "bounds-ladder", "AIS, from below")[0] < exact + 0.1
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_another_image_is_chosen_and_measured(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?bounds-which=One+image&bounds-draws=100&bounds-of=made")
    expect(page.get_by_text("Image 1 of the images drawn by the model, nats")).to_be_visible()
    before = drawn(page, "bounds-ladder", "IWAE")
    page.get_by_role("radio", name="Image 3").click()
    expect(page.get_by_text("Image 3 of the images drawn by the model, nats")).to_be_visible()
    page_helpers.settle(page)
    assert "bounds-image=2" in page.url
    shipped = drawn(page, "bounds-ladder", "IWAE")
    assert shipped != before
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("^Stopped"))).to_be_visible()


@pytest.mark.slow
def test_with_a_lower_floor_the_training_likelihood_rises_and_the_test_likelihood_collapses(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server, f"{FLOOR}&floor=0.01")
    train, test, gap = (metric(page, name) for name in ("Training", "Test", "Parsimony gap"))
    moved(page.get_by_role("slider", name="Floor ξ of the variance"), "End")
    assert metric(page, "Training") > train + 1
    assert metric(page, "Test") < test - 10
    assert metric(page, "Parsimony gap") > gap + 1
    assert metric(page, "Training") < metric(page, "Best mixture")
    expect(page.get_by_text("40 components for 40 points")).to_be_visible()
    rising = drawn(page, "floor-climb", "mixture")
    assert all(b >= a - 1e-9 for a, b in pairwise(rising))
    page_helpers.assert_no_horizontal_overflow(page)


def test_models_are_trained_on_other_points_and_stopped(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, f"{FLOOR}&floor-points=20&floor-iterations=3000")
    training = page.get_by_text(re.compile("^Training, ")).first
    expect(training).to_be_visible()
    first = drawn(page, "floor-plane", "the model")
    assert len(first) == 300
    stop = page.get_by_role("button", name="Stop")
    if not stop.is_visible():
        page.get_by_text("Train it here").click()
    stop.click()
    expect(page.get_by_text(re.compile("^Stopped at"))).to_be_visible()
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_a_link_restores_both_views(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, f"{FLOOR}&floor-data=digits&floor=0.0001&bounds-draws=300")
    expect(page.get_by_text("Drawn by the model at ξ = 10⁻⁴")).to_be_visible()
    assert "floor=0.0001" in page.url
    page.get_by_role("radio", name="Bounds from both sides").click()
    assert drawn(page, "bounds-ladder", "IWAE", "x")[-1] == 300
    page = new_page()
    page.goto(f"{server}/{PATH}?bounds-draws=7&bounds-of=made")
    expect(page.get_by_text("not understood and left out: bounds-draws")).to_be_visible()


@pytest.mark.slow
def test_the_page_fits_a_phone_in_the_dark_theme(server: str, new_page: NewPage) -> None:
    options = {"viewport": {"width": 400, "height": 850}, "color_scheme": "dark"}
    for query in ("", f"{FLOOR}&floor-data=moons", f"{FLOOR}&floor-data=digits"):
        page = opened(new_page, server, query, **options)
        name = "floor-training" if query else "bounds-ladder"
        figure(page, name)
        page_helpers.assert_no_horizontal_overflow(page)
