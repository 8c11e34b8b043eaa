"""The studies in a browser: shown at once, measured on demand, stopped."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewPage
from tests.e2e.lab import Lab
from tests.e2e.page_helpers import assert_no_horizontal_overflow, choose, curve


@pytest.mark.slow
def test_a_study_is_shown_then_measured_then_stopped(new_page: NewPage, server: str) -> None:
    lab = Lab(new_page(viewport={"width": 1280, "height": 1000}), server)
    page = lab.page
    page.locator(".st-key-keep-view").get_by_text("Studies", exact=True).click()
    shown = [y for y in curve(page, "study-missing-rate", "Metropolis") if y is not None]
    assert len(shown) == 9  # five rates, four halves
    assert all(0.3 < y < 1 for y in shown)
    expect(page.locator(".st-key-mask_canvas")).to_have_count(0)
    page.get_by_text("All pixels, as in the public code").click()
    assert len(curve(page, "study-missing-rate", "public code, Metropolis")) == 5
    lab.settle()
    choose(page.get_by_test_id("stSelectbox").filter(has_text="Data set"), "Digits (scikit-learn)")
    page.locator(".st-key-keep-study-sweep").get_by_text("Iterations", exact=True).click()
    curve(page, "study-iterations", "Metropolis")
    lab.settle()
    lab.button("Measure here").click()
    here = page.get_by_text("Measured here, 20 images, one chain per image")
    expect(here).to_be_visible()
    expect(lab.button("Measure here")).to_be_enabled()
    assert len(curve(page, "study-iterations", "Metropolis, here")) == 3  # 50, 100, 200
    page.locator(".st-key-keep-study-sweep").get_by_text("Missing rate", exact=True).click()
    lab.settle()
    lab.button("Measure here").click()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    lab.button("Stop").click()
    expect(page.get_by_text("Press Continue to compute the rest")).to_be_visible()
    assert_no_horizontal_overflow(page)
