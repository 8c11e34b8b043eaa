"""The MNAR lab before any click: every view has its picture, wide and narrow, light and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import looking
from tests.e2e.conftest import NewPage

pytestmark = pytest.mark.e2e
PATH = "Missing_not_at_random"
LONG = 60_000


def opened(new_page: NewPage, server: str, query: str = "", **options: object) -> Page:
    page = new_page(**options)
    page.goto(f"{server}/{PATH}{query}")
    heading = page.get_by_role("heading", name="Missing not at random")
    expect(heading).to_be_visible(timeout=LONG)
    looking.settle(page)
    return page


def charts(page: Page) -> Locator:
    return page.locator(".js-plotly-plot .main-svg:first-child")


def no_overflow(page: Page) -> None:
    wider = page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
    )
    assert wider <= 0


@pytest.mark.parametrize("width", [1280, 400])
def test_the_first_view_shows_a_finished_run(server: str, new_page: NewPage, width: int) -> None:
    scheme = "dark" if width == 400 else "light"
    page = opened(new_page, server, viewport={"width": width, "height": 1000}, color_scheme=scheme)
    expect(charts(page)).to_have_count(6, timeout=LONG)
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page.get_by_text("Trained beforehand")).to_be_visible()
    no_overflow(page)


def test_assumptions_move_the_answer_while_the_slider_moves(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server, "?view=Assume")
    expect(charts(page)).to_have_count(3, timeout=LONG)
    shift = page.get_by_test_id("stMetric").nth(1)
    before = shift.inner_text()
    strength = page.get_by_role("slider", name=re.compile("Assumed strength"))
    strength.focus()
    for _ in range(8):
        strength.press("ArrowRight")
    expect(shift).not_to_have_text(before, timeout=LONG)
    strength.press("End")
    page.get_by_role("slider", name=re.compile("Assumed threshold")).press("End")
    expect(page.get_by_text("The weights have degenerated")).to_be_visible(timeout=LONG)


def test_five_trainings_that_disagree_are_said_to(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Identify")
    expect(charts(page)).to_have_count(5, timeout=LONG)
    expect(page.get_by_text("The five trainings disagree about")).to_be_visible()
    expect(page.get_by_text("best bound")).to_have_count(1)
    no_overflow(page)


def test_predictions_are_compared_with_the_oracle(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Predict")
    expect(charts(page)).to_have_count(3, timeout=LONG)
    expect(page.get_by_text(re.compile("By log loss, sup-not-MIWAE is"))).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_contain_text("oracle")
    no_overflow(page)


def test_over_exposed_images_are_filled_in_by_themselves(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?view=Images")
    expect(page.get_by_text("Learned: clips at")).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("^RMSE 0"))).to_have_count(2)
    page.get_by_role("slider", name="Clips at").press("ArrowLeft")
    expect(page.get_by_text(re.compile("true: 0.70"))).to_be_visible(timeout=LONG)
    no_overflow(page)


def test_a_table_is_trained_on_and_taken_home(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, "?table=iris&length=Short&columns=0")
    expect(charts(page)).to_have_count(3, timeout=LONG)
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=LONG)
    expect(charts(page)).to_have_count(6, timeout=LONG)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=2 * LONG)
    with page.expect_download() as download:
        page.get_by_role("button", name="Table (.csv)").click()
    rows = download.value.path().read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("sepal length (cm)")
    assert len(rows) == 151
    assert all(all(cell for cell in row.split(",")) for row in rows)
    # the other views stand on what was just trained
    page.locator(".st-key-keep-mnar-view").get_by_text("One entry", exact=True).click()
    expect(
        page.get_by_role("slider", name=re.compile("estimate|point|a", re.I)).first
    ).to_be_visible(timeout=LONG)


def test_a_link_shows_what_its_sender_saw(server: str, new_page: NewPage) -> None:
    page = opened(
        new_page, server, "?view=Assume&table=wine&threshold=0.5&strength=5&direction=low"
    )
    expect(page.get_by_text("178 rows × 13 columns")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("slider", name="Threshold, SD")).to_have_value("0.5")
    expect(page.get_by_text("No model has been trained on this table")).to_be_visible()
    assert "table=wine" in page.url
    assert "direction=low" in page.url
