"""The page "Your table" in a browser: wide and narrow, light and dark."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.page_helpers import assert_no_horizontal_overflow, opened, settle

HEADING = "Your table"


def pictured(page: Page, name: str) -> None:
    """Save a picture of the page if `DGM_PICTURES` names a folder."""
    if folder := os.environ.get("DGM_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 4200), (400, 7000)])
def test_the_page_fits_the_window_and_shows_a_completed_table(
    server: str, new_page: NewPage, width: int, height: int, scheme: str
) -> None:
    page = opened(
        new_page,
        f"{server}/Your_table",
        HEADING,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
    )
    expect(page.get_by_role("heading", name="9. Downloads")).to_be_visible()
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.get_by_role("button", name="Completed table")).to_be_visible()
    settle(page)
    page.wait_for_timeout(500)
    assert_no_horizontal_overflow(page)
    pictured(page, f"{width}-{scheme}")


def test_a_picture_of_the_missing_cells_is_on_the_first_screen(
    server: str, new_page: NewPage
) -> None:
    page = opened(
        new_page, f"{server}/Your_table", HEADING, viewport={"width": 1280, "height": 720}
    )
    figure = page.locator(".js-plotly-plot .main-svg").first
    expect(figure).to_be_visible()
    settle(page)
    box = figure.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 720


def test_a_changed_limit_of_a_column_has_an_effect(server: str, new_page: NewPage) -> None:
    page = opened(
        new_page, f"{server}/Your_table", HEADING, viewport={"width": 1280, "height": 1600}
    )
    expect(page.get_by_role("heading", name="4. The method")).to_be_visible()
    settle(page)

    def limit_age(text: str) -> None:
        """Write into the limits of the first row, which is age."""
        box = page.get_by_test_id("stDataFrame").first.bounding_box()
        assert box is not None
        page.mouse.dblclick(box["x"] + 450, box["y"] + 52)
        cell = page.locator("#portal textarea")
        cell.fill(text)
        cell.press("Enter")

    limit_age("0:30")
    expect(page.get_by_text(re.compile("Column “age” has .* outside “0:30”"))).to_be_visible()
    expect(page.get_by_role("heading", name="4. The method")).to_have_count(0)
    limit_age("0:120")
    expect(page.get_by_text("outside “0:30”")).to_have_count(0)
    expect(page.get_by_role("heading", name="4. The method")).to_be_visible()
    expect(page.get_by_role("heading", name="9. Downloads")).to_have_count(0)  # other settings


@pytest.mark.parametrize("width", [1280, 400])
def test_the_strength_of_a_mechanism_is_moved_by_keys(
    server: str, new_page: NewPage, width: int
) -> None:
    page = opened(
        new_page, f"{server}/Your_table", HEADING, viewport={"width": width, "height": 900}
    )
    slider = page.get_by_role("slider", name="Strength, in log-odds per standard deviation")
    expect(slider).to_be_visible()
    settle(page)
    expect(page.get_by_text("At strength 0, values are missing at random")).to_be_visible()
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    said = page.get_by_text(re.compile("income would be .* odds of being missing were 2.7 times"))
    expect(said).to_be_visible()
    for _ in range(10):
        slider.press("ArrowLeft")
    expect(page.get_by_text(re.compile("2.7 times as high for each .* is lower"))).to_be_visible()
    settle(page)
    assert_no_horizontal_overflow(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Curve (.csv)").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("strength,estimate,low,high")
    assert len(lines) == 22


def test_pasted_text_is_completed_and_downloaded(server: str, new_page: NewPage) -> None:
    page = opened(new_page, f"{server}/Your_table?from=Paste&method=PMM", HEADING)
    rows = [f"p{n},{20 + n * 7 % 50},{'' if n % 4 == 0 else 900 + 13 * n}" for n in range(30)]
    box = page.get_by_role("textbox", name=re.compile("Paste a table"))
    box.fill("\n".join(["who,age,pay", *rows]))
    box.press("Control+Enter")
    expect(page.get_by_text("Read: 30 rows")).to_be_visible()
    page.get_by_role("button", name="Complete the table").click()
    expect(page.get_by_role("heading", name="9. Downloads")).to_be_visible()
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Completed table").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 31
    assert not any(line.endswith(",") for line in lines)
    assert lines[2] == rows[1]
