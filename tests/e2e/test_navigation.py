"""Navigation between pages: the tour from start to end, the bar, a copied link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.page_helpers import NewPage, assert_no_horizontal_overflow, opened, settle
from ui import navigation

FRONT = "Deep generative models with missing data"
ON_SCREEN = (
    *(".player", ".slow", ".js-plotly-plot", ".js-plotly-plot", ".linked-scatter"),
    *(".picture-player", ".js-plotly-plot", ".toggled-points", ".js-plotly-plot"),
)
"""Topic of each stop of the tour."""


def card(page: Page) -> Locator:
    return page.get_by_role("region", name="Tour")


@pytest.mark.slow
def test_the_tour_visits_the_labs_and_ends(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, FRONT, viewport={"width": 400, "height": 850})
    page.get_by_role("link", name="Take the tour").click()
    stops = navigation.stops()
    for number, (stop, wanted) in enumerate(zip(stops, ON_SCREEN, strict=True), 1):
        expect(card(page)).to_contain_text(f"Tour, {number} of {len(stops)}")
        expect(card(page)).to_contain_text(stop.title)
        expect(page.locator(wanted).first).to_be_visible()
        settle(page)
        expect(page).to_have_url(re.compile(rf"/{stop.page}\?.*\btour={number}$"))
        expect(page.locator("[data-testid=stToast], [data-testid=stException]")).to_have_count(0)
        assert_no_horizontal_overflow(page)
        if number < len(stops):
            card(page).get_by_role("link", name="Next stop").click()
    expect(card(page).get_by_role("link", name="Next stop")).to_have_count(0)
    card(page).get_by_role("link", name="Previous stop").click()
    expect(card(page)).to_contain_text(f"Tour, {len(stops) - 1} of")
    settle(page)
    card(page).get_by_role("button", name="Leave the tour").click()
    expect(card(page)).to_be_hidden()
    expect(page).not_to_have_url(re.compile("tour="))


@pytest.mark.slow
def test_the_bar_opens_pages_within_the_session(server: str, new_page: NewPage) -> None:
    page = opened(new_page, f"{server}/GAN_distances", "GAN distances")
    page.evaluate("window.visit = 'the same'")
    bar = page.get_by_role("navigation", name="Labs")
    expect(bar.get_by_role("link", name="GAN distances")).to_have_attribute("aria-current", "page")
    page.get_by_role("radio", name="Spiral").click()
    expect(page).to_have_url(re.compile("view=Spiral"))
    for name in ("Theory", "GAN distances"):
        bar.get_by_role("link", name=name).click()
        expect(bar.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        settle(page)
    assert page.evaluate("window.visit") == "the same"
    expect(page.get_by_role("radio", name="Spiral")).to_be_checked()
    bar.get_by_role("link", name="DGM Lab").click()
    expect(page.get_by_role("heading", name=FRONT)).to_be_visible()


@pytest.mark.slow
def test_the_link_is_copied(server: str, new_page: NewPage) -> None:
    page = opened(
        new_page,
        f"{server}/GAN_distances?view=Spiral",
        "GAN distances",
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.get_by_role("button", name="Copy link").click()
    # The button shows this only for a moment, which a busy machine may miss.
    expect(page.locator(".page-bar [aria-live]")).to_have_text("Link copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_lesson_opens_in_its_state(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, FRONT)
    lesson = page.get_by_test_id("stExpander").filter(has_text="Missing, and why")
    lesson.get_by_text("Missing, and why").click()
    lesson.get_by_text("What to expect").click()
    expect(lesson.locator("details details li")).to_have_count(3)
    lesson.get_by_role("link", name="Open the lesson").click()
    expect(page.get_by_role("heading", name="Theory notes")).to_be_visible()
    expect(page.locator(".toggled-points").first).to_be_visible()


def test_on_a_phone_the_first_figure_comes_before_its_text(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, FRONT, viewport={"width": 400, "height": 850})
    title = page.get_by_role("heading", name="Inpainting").bounding_box()
    picture = page.locator(".player").bounding_box()
    words = page.get_by_text("was hidden from a deep latent variable model").bounding_box()
    assert title["y"] < picture["y"] < 500  # of 850 pixels
    assert picture["y"] + picture["height"] <= words["y"]


def test_nothing_can_be_clicked_before_its_script_has_loaded(
    server: str, new_page: NewPage
) -> None:
    page = new_page()
    held: list[Route] = []
    page.route("**/bidi-components/**", lambda route: held.append(route))
    page.goto(f"{server}/GAN_distances?view=Spiral")
    bar = page.locator(".until-mounted", has=page.locator(".page-bar"))
    expect(bar.get_by_text("Copy link")).to_be_visible()
    expect(bar).to_have_attribute("inert", "")
    while held:
        held.pop().continue_()
    page.unroute("**/bidi-components/**")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_be_visible()
