"""Kept widgets start with their value even if a second run begins before they are drawn."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import NewPage, Serve
from tools.bench.server import ROOT


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(ROOT / "tests/e2e/apps/kept_app.py")


def test_a_widget_has_its_value_even_if_the_browser_draws_it_late(
    server: str, new_page: NewPage
) -> None:
    page = new_page()
    late: list[Route] = []
    # the bound method of a list is no handler to Playwright
    page.route(re.compile(r"/Slider[^/]*\.js"), lambda route: late.append(route))
    page.goto(server)
    expect(page.get_by_text("looked 3 times")).to_be_visible()
    assert late
    for each in late:
        each.continue_()
    slider = page.get_by_role("slider", name="Count")
    expect(slider).to_have_value("4")
    page.get_by_role("button", name="Press").click()
    expect(page.get_by_text("pressed")).to_be_visible()
    expect(page.get_by_text("count is 4")).to_be_visible()
    slider.press("ArrowRight")
    expect(page.get_by_text("count is 5")).to_be_visible()
    expect(slider).to_have_value("5")
