"""Views of the MNAR lab whose results are shown before any click."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage

PATH = "Missing_not_at_random"


def opened(new_page: NewPage, server: str, query: str = "", **options: object) -> Page:
    return page_helpers.opened(
        new_page, f"{server}/{PATH}{query}", "Missing not at random", **options
    )


def charts(page: Page) -> Locator:
    return page.locator(".js-plotly-plot .main-svg:first-child")


@pytest.mark.slow
def test_a_message_says_that_five_trainings_disagree(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Identify")
    expect(charts(page)).to_have_count(5)
    expect(page.get_by_text("The five trainings disagree about")).to_be_visible()
    expect(page.get_by_text(", best bound")).to_have_count(1)
    page_helpers.assert_no_horizontal_overflow(page)


def test_predictions_are_compared_with_the_oracle(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Predict")
    expect(charts(page)).to_have_count(3)
    expect(page.get_by_text(re.compile("By log loss, sup-not-MIWAE is"))).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_contain_text("oracle")
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_over_exposed_images_are_filled_in_automatically(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Images")
    expect(page.get_by_text("Learned: threshold")).to_be_visible()
    expect(page.get_by_text(re.compile("^RMSE 0"))).to_have_count(2)
    page.get_by_role("slider", name="Clips at").press("ArrowLeft")
    expect(page.get_by_text(re.compile("True: 0.70"))).to_be_visible()
    page_helpers.assert_no_horizontal_overflow(page)
