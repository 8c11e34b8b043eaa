"""Theory notes on networks in a real browser: pixels, gradients, gaps and flows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage

NOTES = ("Pixel by pixel", "Reparameterisation", "VAEs and the gap", "Flows")


def opened(new_page: NewPage, server: str, note: str, more: str = "", **options: object) -> Page:
    address = f"{server}/Theory?note={note.replace(' ', '+')}{more}"
    page = new_page(**options)
    page.goto(address)
    expect(page.get_by_text("References")).to_be_visible()
    page_helpers.settle(page)
    return page


def drawn(page: Page, name: str, trace: str) -> np.ndarray:
    """Values of one curve of a figure; a curve without a name is given by its number."""
    return np.array(page_helpers.curve(page, name, trace), float)


@pytest.mark.slow
def test_the_rows_below_or_above_a_row_are_filled_in(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "Pixel by pixel", "&pixel-digit=0&pixel-row=14")
    expect(page.get_by_text("32 draws, all of equal weight")).to_be_visible()
    player = page.locator("canvas").first
    end = page_helpers.levels(player)
    assert (end[14:] > 100).any()
    page.locator(".picture-player .scrub").press("Home")
    start = page_helpers.levels(player)
    assert np.allclose(start[:14], end[:14])
    assert np.ptp(start[14:]) < 5  # nothing is drawn yet
    before = drawn(page, "pixel-sum", "this draw")
    assert len(before) == 784
    assert (np.diff(before) < 1e-3).all()  # a sum of log-probabilities
    page.get_by_role("radio", name="above the row").click()
    expect(page.get_by_text(re.compile(r"32 draws, effective sample size \d"))).to_be_visible()
    after = page_helpers.moved(page, "pixel-sum", "this draw", before)
    assert abs(after[-1] - before[-1]) > 0.1
    page.get_by_role("button", name="New draws").click()
    page_helpers.moved(page, "pixel-sum", "this draw", after)
    assert "pixel-hidden=above" in page.url
    page_helpers.assert_no_horizontal_overflow(page)


def test_a_small_sigma_gives_the_score_function_a_large_variance(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server, "Reparameterisation", "&gradient-sd=0.2")
    ratio = page.get_by_test_id("stMetric").filter(has_text="Ratio of variances")

    def value() -> float:
        return float(ratio.get_by_test_id("stMetricValue").inner_text().replace(",", ""))

    large_ratio = value()
    assert large_ratio == pytest.approx((1 / 0.04 + 14 + 0.6) / 0.16, rel=0.01)
    before = drawn(page, "gradient-estimates", "score function")
    page.get_by_text("Subtract the best baseline").click()
    page_helpers.moved(page, "gradient-estimates", "score function", before)
    expect(ratio).not_to_contain_text(f"{large_ratio:,.3g}")
    assert value() < large_ratio
    page_helpers.choose(page.get_by_test_id("stSelectbox"), "a step, Φ(20 z)")
    page.get_by_role("slider", name="σ").press("End")
    expect(ratio).to_contain_text(re.compile(r"0\.\d"))
    assert value() < 1  # here reparameterisation has the larger variance
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_the_best_gaussian_reduces_the_gap_but_not_to_zero(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "VAEs and the gap")
    sentence = page.get_by_text(re.compile(r"^ELBO −\d"))

    def numbers(before: str = "") -> tuple[str, list[float]]:
        """The line under the charts, after it differs from `before`, and its numbers."""
        expect(sentence.first).not_to_have_text(before)
        line = sentence.first.inner_text()
        found = re.findall(r"−?\d+\.\d{4}", line)
        return line, [float(each.replace("−", "-")) for each in found]

    line, (elbo, divergence, total, log_p) = numbers()
    assert elbo + divergence == pytest.approx(total, abs=2e-4)
    assert total == pytest.approx(log_p, abs=1e-4)
    before = drawn(page, "gap-posterior", "q(z)")
    page.get_by_role("radio", name="Best Gaussian").click()
    page_helpers.moved(page, "gap-posterior", "q(z)", before)
    line, better = numbers(line)
    assert elbo < better[0] < log_p == better[3]
    assert better[1] > 0.01
    page.get_by_role("radio", name="By hand").click()
    slider = page.get_by_role("slider", name="Mean of q")
    expect(slider).to_be_visible()
    page_helpers.settle(page)
    before = drawn(page, "gap-posterior", "q(z)")
    slider.press("Home")
    page_helpers.moved(page, "gap-posterior", "q(z)", before)
    assert numbers(line)[1][0] < better[0]
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_a_flow_deforms_the_grid_is_trained_and_stopped(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "Flows")
    bent = drawn(page, "flow-grid", "0")
    page.get_by_role("slider", name="Couplings applied").press("Home")
    straight = page_helpers.moved(page, "flow-grid", "0", bent)
    lines = straight.reshape(42, -1)[:, :-1]
    assert np.ptp(lines[-1]) == 0
    assert np.ptp(lines[0]) == pytest.approx(5)
    page.get_by_role("slider", name="Couplings applied").press("End")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(re.compile(r"^Step \d")).first).to_be_visible()
    expect(page.get_by_text(re.compile("Your flow after [1-9]00 steps")).first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Show the shipped flow")).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"Your flow after .* steps in \d+ s")).first
    ).to_be_visible()
    page.get_by_role("button", name="Show the shipped flow").click()
    expect(page.get_by_text("trained beforehand").first).to_be_visible()
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_the_page_fits_a_phone_in_the_dark_theme(server: str, new_page: NewPage) -> None:
    options = {"viewport": {"width": 400, "height": 850}, "color_scheme": "dark"}
    for note in NOTES:
        page_helpers.assert_no_horizontal_overflow(opened(new_page, server, note, **options))
