"""The lab of distances in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage

PATH = "GAN_distances"


def opened(new_page: NewPage, server: str, query: str = "", **options: object) -> Page:
    return page_helpers.opened(new_page, f"{server}/{PATH}{query}", "GAN distances", **options)


@pytest.mark.slow
def test_wasserstein_is_a_line_and_the_hellinger_distance_is_s_shaped(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server)
    line = page_helpers.curve(page, "sweep-wasserstein", "estimate of the critic")
    jump = page_helpers.curve(page, "sweep-hellinger", "estimate of the critic")
    theta = [i / 10 for i in range(21)]
    assert all(abs(found - true) <= 0.03 * true for found, true in zip(line, theta, strict=True))
    assert jump[0] == pytest.approx(0, abs=0.01)
    assert min(jump[5:]) > 1.95
    slider = page.get_by_role("slider", name="Training steps")
    for _ in range(14):
        slider.press("ArrowLeft")
    early = []

    def is_an_s() -> bool:
        early[:] = page_helpers.curve(page, "sweep-hellinger", "estimate of the critic")
        return early[3] < 1.5 < early[-1] + 1

    page_helpers.until(page, is_an_s, "an untrained critic")
    assert early[3] < early[8] < early[20] + 1e-6
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_a_critic_is_trained_in_the_page(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Critic&critic-theta=0.5&critic-steps=200")
    slider = page.get_by_role("slider", name="Training steps")
    expect(slider).to_be_visible()
    shown = page.get_by_test_id("stMetric").filter(has_text="Estimate").text_content()
    assert abs(float(re.search(r"(\d\.\d+)", shown).group(1)) - 0.5) < 0.05
    expect(page.get_by_test_id("stMetric").filter(has_text="True value")).to_contain_text("0.500")
    slider.press("Home")
    page_helpers.settle(page)
    expect(page.get_by_test_id("stMetric").filter(has_text="Estimate")).not_to_contain_text(
        shown.removeprefix("Estimate")
    )
    page_helpers.assert_no_horizontal_overflow(page)


@pytest.mark.slow
def test_the_visitor_draws_two_clouds(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Critic&critic-pair=clouds&critic-steps=100")
    true_value = page.get_by_test_id("stMetric").filter(has_text="True value")
    expect(true_value).to_be_visible()
    before = true_value.text_content()
    canvas = page.locator("canvas").first
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"], steps=6)
    page.mouse.up()
    expect(true_value).not_to_have_text(before)


@pytest.mark.slow
def test_two_small_gans_are_stopped_played_and_continued(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Small+GANs&game-preset=evenly+matched")
    # The first title: the previous title stays below it for a moment.
    title = page.get_by_text(re.compile(r"^Wasserstein, iteration")).first
    expect(title).to_have_text(re.compile(r"iteration (1,)?[2-9]\d\d$"))
    page.get_by_role("button", name="Stop").click()
    resume = page.get_by_role("button", name="Continue")
    expect(resume).to_be_visible()
    page_helpers.settle(page)
    page.wait_for_timeout(1500)
    stopped = title.text_content()
    page.wait_for_timeout(1500)
    assert title.text_content() == stopped
    page.get_by_role("button", name="Play").click()
    expect(title).to_have_text("Wasserstein, iteration 0")
    page.get_by_role("button", name="Pause").click()
    page_helpers.settle(page)
    paused = title.text_content()
    assert paused != stopped
    page.get_by_role("slider", name="Iteration").press("End")
    expect(title).to_have_text(stopped)
    resume.click()
    expect(title).not_to_have_text(stopped)
    expect(page.get_by_text("modes covered")).to_have_count(2)
    page_helpers.assert_no_horizontal_overflow(page)


def test_the_spiral_changes_with_the_step_size(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Spiral")
    expect(page.get_by_text("|λ| = 1.0198, outwards")).to_be_visible()
    page.get_by_role("slider", name="Step size α").press("End")
    expect(page.get_by_text("|λ| = 1.4142, outwards")).to_be_visible()
    both = page.get_by_text("|λ| = 1.0000, circles")  # the same for extragradient at α = 1
    expect(both).to_have_count(2)
    page_helpers.assert_no_horizontal_overflow(page)


def test_a_link_restores_its_settings(server: str, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{server}/{PATH}?view=Critic&critic-theta=1.5&critic-penalty=10&critic-steps=x")
    shown = page.get_by_text("not understood and left out: critic-steps")
    expect(shown).to_be_visible()  # it is shown for some seconds only
    page_helpers.settle(page)
    expect(page.get_by_role("slider", name="θ")).to_have_value("1.5")
    assert "critic-penalty=10" in page.url


@pytest.mark.slow
def test_the_page_fits_a_phone_in_the_dark_theme(server: str, new_page: NewPage) -> None:
    options = {"viewport": {"width": 400, "height": 850}, "color_scheme": "dark"}
    for view in ("Sweep", "Critic", "Small+GANs", "Spiral"):
        page_helpers.assert_no_horizontal_overflow(
            opened(new_page, server, f"?view={view}", **options)
        )
