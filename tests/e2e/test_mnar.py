"""The MNAR lab in a browser."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from dgm_core.data import load_table
from dgm_core.data.reading import read_table
from dgm_core.missing.amputation import Amputation, ampute
from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage
from tests.patience import PATIENCE
from tests.ui.mnar.small_run import csv
from ui.mnar.table_choice import table_of
from ui.mnar.views import VIEWS

# Traces of a figure as Plotly has decoded them, with unpacked arrays.
_TRACES = """query => document.querySelector(query)?._fullData?.map(({name, x, y, z}) => ({
  name, x: x && [...x], y: y && [...y], z: z && Array.from(z, row => [...row]),
}))"""

# Label → displayed value of every kept widget.
_SETTINGS = """() => Object.fromEntries(
  [...document.querySelectorAll("[class*=st-key-keep-]")].map(box => [
    box.className.match(/st-key-keep-\\S+/)[0],
    [...box.querySelectorAll("input")].map(input => input.value).join()
      + [...box.querySelectorAll("[aria-checked=true], [data-tag]")]
        .map(chosen => chosen.textContent).join(),
  ]))"""

# Pairs of elements on screen that overlap, by their text.
_OVERLAPS = """() => {
  const shown = [...document.querySelectorAll("[data-testid=stElementContainer]")]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().height > 2)
  const boxes = shown.map(each => each.getBoundingClientRect())
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2
  return shown.flatMap((one, i) => shown.slice(i + 1)
    .filter((other, j) => !one.contains(other) && meet(boxes[i], boxes[i + 1 + j]))
    .map(other => [one.innerText.slice(0, 60), other.innerText.slice(0, 60)]))
}"""


class Lab:
    """The lab's page, after it is idle."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(address)
        heading = page.get_by_role("heading", name="Missing not at random")
        heading.wait_for()
        self.settle()

    def settle(self) -> None:
        page_helpers.settle(self.page)

    def box(self, key: str) -> Locator:
        return self.page.locator(".st-key-" + re.sub(r"\W", "-", key))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def view(self, name: str) -> None:
        self.box("keep.mnar view").get_by_text(name, exact=True).click()

    def settings(self) -> dict[str, str]:
        """The displayed value of every kept widget."""
        return self.page.evaluate(_SETTINGS)

    def wait_for_settings(self, settings: dict[str, str]) -> None:
        """Wait until the page shows these settings."""
        deadline = time.monotonic() + PATIENCE
        while self.settings() != settings and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert self.settings() == settings

    def title(self, text: str | re.Pattern[str]) -> Locator:
        """The title of a figure."""
        return self.page.locator("strong").get_by_text(text)

    def plot(self, name: str) -> Locator:
        # A changing figure is on the page twice for a moment, the new one first.
        return self.box(f"figure chart {name}").locator(".js-plotly-plot").first

    def traces(self, name: str) -> dict[str, dict]:
        """Traces of a figure by name."""
        query = f".st-key-figure-chart-{name} .js-plotly-plot"
        drawn = self.page.wait_for_function(_TRACES, arg=query)
        return {each["name"]: each for each in drawn.json_value()}

    def missing_cells(self) -> np.ndarray:
        """The heat map: 0 = observed, 1 = missing in the table, 2 = removed."""
        ((_, cells),) = self.traces("missing").items()
        return np.array(cells["z"])

    def scores(self) -> list[str]:
        """The methods in the order of the table."""
        cells = self.page.get_by_test_id("stDataFrame").last.locator("td[aria-colindex='1']")
        expect(cells.first).to_be_attached()
        return cells.all_text_contents()

    def training_errors(self, steps: int) -> dict[str, dict]:
        """The error curves, after they have more than `steps` points."""
        self.page.wait_for_function(
            """([query, steps]) => document.querySelector(query)
              ?._fullData?.at(-1)?.x?.length > steps""",
            arg=[".st-key-figure-chart-errors .js-plotly-plot", steps],
        )
        return self.traces("errors")

    def completed_table(self) -> pd.DataFrame:
        """The completed table, after its download is available."""
        button = self.button("Table (.csv)")
        button.wait_for()
        with self.page.expect_download() as caught:
            button.click()
        assert caught.value.suggested_filename == "imputed.csv"
        text = Path(caught.value.path()).read_text()
        assert "" not in [cell for line in text.splitlines() for cell in line.split(",")]
        return pd.read_csv(io.StringIO(text))


Opener = Callable[..., Lab]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(options: dict | None = None, **address: str) -> Lab:
        page = new_page(**{"viewport": {"width": 1280, "height": 1000}} | (options or {}))
        query = f"?{urlencode(address)}" if address else ""
        return Lab(page, f"{server}/Missing_not_at_random{query}")

    return opener


@pytest.mark.slow
def test_the_lab_shows_complete_figures_before_any_click(opened: Opener) -> None:
    lab = opened()
    for name in ("missing", "split", "curve", "errors", "bounds", "scatter"):
        expect(lab.plot(name)).to_be_visible()
        assert lab.plot(name).bounding_box()["width"] > 150
    methods = lab.scores()
    assert methods[0] == "not-MIWAE"
    assert {"MIWAE", "MICE", "kNN", "mean"} < set(methods)
    errors = lab.traces("errors")
    assert len(errors["MIWAE"]["x"]) > 15
    assert errors["not-MIWAE"]["y"][-1] < errors["MIWAE"]["y"][-1]
    curves = lab.traces("curve")
    true, learned = (np.array(curves[name]["y"]) for name in ("true", "learned"))
    assert np.abs(true - learned).mean() < 0.1
    assert lab.page.get_by_test_id("stProgress").count() == 0
    assert "?" not in lab.page.url


@pytest.mark.slow
def test_a_change_of_the_mechanism_takes_effect_at_once(opened: Opener) -> None:
    lab = opened(table="wine")
    before = lab.missing_cells()
    losing = np.flatnonzero((before == 2).any(0))
    assert list(losing) == [0, 1, 2, 3, 4, 5]
    title = lab.title(re.compile("^Missing: "))
    text = title.text_content()
    threshold = lab.box("keep.threshold").locator("input")
    for _ in range(5):
        threshold.press("ArrowRight")
    expect(title).not_to_have_text(text)
    lab.page.wait_for_function("document.body.innerText.includes('0.50')")
    lab.settle()
    fewer = lab.missing_cells()
    assert ((fewer == 2) <= (before == 2)).all()  # the higher threshold removes a subset
    assert (fewer == 2).sum() < (before == 2).sum()
    page_helpers.choose(lab.box("keep.why.wine"), "Chance alone")
    expect(lab.page.get_by_text("completely at random (MCAR)")).to_be_visible()
    lab.settle()  # a name that is being redrawn ignores clicks
    lab.box("keep.columns.wine").get_by_label("Remove alcohol", exact=True).click()
    lab.page.wait_for_function(
        "query => document.querySelector(query)?._fullData?.[0].z.every(row => row[0] === 0)",
        arg=".st-key-figure-chart-missing .js-plotly-plot",
    )
    lab.settle()
    assert list(np.flatnonzero((lab.missing_cells() == 2).any(0))) == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_a_training_is_shown_stopped_continued_and_downloaded(opened: Opener) -> None:
    lab = opened(table="iris")
    expect(lab.page.get_by_text("Press Train")).to_be_visible()
    lab.button("Train").click()
    expect(lab.page.get_by_test_id("stProgress")).to_be_visible()
    length_before = len(lab.training_errors(0)["MIWAE"]["x"])
    lab.training_errors(length_before)
    assert len(lab.traces("bounds")["not-MIWAE"]["y"]) >= length_before
    lab.button("Stop").click()
    expect(lab.button("Continue")).to_be_visible()
    expect(lab.page.get_by_test_id("stProgress")).to_have_count(0)
    lab.settle()
    before = lab.traces("errors")["not-MIWAE"]
    assert lab.button("Table (.csv)").count() == 0
    lab.button("Continue").click()
    read = lab.completed_table()
    after = lab.traces("errors")["not-MIWAE"]
    length_before = len(before["x"])
    assert len(after["x"]) > length_before
    assert (after["x"][:length_before], after["y"][:length_before]) == (before["x"], before["y"])
    assert (np.diff(after["x"]) > 0).all()
    iris = load_table("iris")
    table = table_of("iris", "", iris, "species")
    observed = ampute(table.known, Amputation(columns=(0, 1))).masked.observed.numpy()
    assert list(read.columns) == list(iris.columns)
    assert list(read["species"]) == list(iris["species"])
    filled, whole = read.iloc[:, :4].to_numpy(), iris.iloc[:, :4].to_numpy()
    assert np.array_equal(filled[observed], whole[observed])
    assert (filled[~observed] != whole[~observed]).mean() > 0.9
    lab.button("Train").click()
    expect(lab.page.get_by_test_id("stProgress")).to_be_visible()
    expect(lab.button("Table (.csv)")).to_have_count(0)
    lab.button("Stop").click()
    expect(lab.button("Continue")).to_be_visible()


@pytest.mark.slow
def test_the_missing_cells_of_an_uploaded_table_are_imputed(opened: Opener) -> None:
    lab = opened(length="Short")
    lab.box("keep.table source").get_by_text("Upload", exact=True).click()
    upload = lab.box("table upload").locator("input[type=file]")
    upload.set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": csv()})
    reading = lab.page.get_by_text(re.compile("^Read: 60 rows × 5 columns, 15 cells"))
    expect(reading).to_be_visible()
    lab.page.get_by_text("Columns as read").click()
    preview = lab.page.get_by_test_id("stExpander").filter(has_text="Columns as read")
    cells = preview.get_by_test_id("stDataFrame").first.locator("td")
    expect(cells.filter(has_text="categorical")).not_to_have_count(0)
    assert {"age", "numeric", "binary", "blood", "categorical"} <= set(cells.all_text_contents())
    own = lab.page.locator("[class*=st-key-keep-why]")
    expect(own.locator("input")).to_have_value("Nothing: impute the missing cells")
    assert set(np.unique(lab.missing_cells())) == {0, 1}
    lab.button("Train").click()
    read = lab.completed_table()
    mine = read_table(csv(), "mine.csv").frame.reset_index(drop=True)
    for place, name in enumerate(mine):
        seen = mine[name].notna()
        assert not seen.all()
        found, expected = read.iloc[:, place][seen], mine[name][seen]
        if mine[name].dtype == np.float64:
            assert np.array_equal(found, expected), name
        else:  # an apostrophe keeps a spreadsheet from computing it
            assert [cell.removeprefix("'") for cell in found] == list(expected), name
    picture = {"name": "table.csv", "mimeType": "text/csv", "buffer": b"\x89PNG\r\n\x1a\n123"}
    upload.set_input_files(picture)
    expect(lab.page.get_by_role("alert")).to_contain_text("is a picture, not a table")
    expect(reading).to_be_visible()


@pytest.mark.slow
def test_imputations_follow_an_assumption_while_it_is_dragged(opened: Opener) -> None:
    lab = opened(view="Assume")
    metric = lab.page.get_by_test_id("stMetric").filter(has_text="Mean moves by")
    slider = lab.page.get_by_role("slider", name="Assumed strength")
    slider.scroll_into_view_if_needed()
    text, box = metric.text_content(), slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    lab.page.mouse.move(box["x"] + 9 + 10 / 16 * (box["width"] - 18), middle)  # 2 in −8 … 8
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 9 + 0.1 * (box["width"] - 18), middle, steps=8)
    expect(metric).not_to_have_text(text)
    expect(metric).to_contain_text("-0.")  # low values are assumed to go missing
    warning = lab.page.get_by_text("The weights have degenerated")
    assert warning.count() == 0
    lab.page.mouse.up()
    slider.fill("8")
    lab.page.get_by_role("slider", name="Assumed threshold").fill("2")
    expect(warning).to_be_visible()
    lab.page.get_by_role("button", name="Reset all").click()
    expect(warning).to_have_count(0)
    expect(metric).to_have_text(text)


def test_a_point_is_dragged_to_the_median_of_a_cell(opened: Opener) -> None:
    lab = opened(view="One cell")
    knob, mouse = lab.page.locator(".handle .knob"), lab.page.mouse
    w1, w2 = lab.page.locator(".costs .w1 p"), lab.page.locator(".costs .w2 p")
    expect(w2).to_contain_text("the smallest: a is the mean")
    expect(w1).to_contain_text("at the median")
    start, goal = knob.bounding_box(), lab.page.locator("g.w1 .minimum").bounding_box()
    y = start["y"] + start["height"] / 2
    mouse.move(start["x"] + start["width"] / 2, y)
    mouse.down()
    mouse.move(start["x"] + 60, y, steps=3)
    expect(w1).to_contain_text("smallest")
    expect(w2).to_contain_text("at the mean")
    mouse.move(goal["x"] + goal["width"] / 2, y, steps=5)
    mouse.up()
    expect(w1).to_contain_text("the smallest: a is the median")
    lab.settle()
    at = lab.page.locator(".handle").get_attribute("aria-valuenow")
    # The point of each cell is kept.
    cell = lab.page.get_by_role("spinbutton", name=re.compile("Missing cell, 1 to"))
    cell.fill("2")
    cell.press("Enter")
    expect(lab.page.locator(".transport h4")).not_to_have_text("mean radius, row 1")
    expect(w2).to_contain_text("the smallest: a is the mean")
    cell.fill("1")
    cell.press("Enter")
    expect(lab.page.locator(".transport h4")).to_have_text("mean radius, row 1")
    expect(lab.page.locator(".handle")).to_have_attribute("aria-valuenow", at)


def change_settings(lab: Lab) -> None:
    """Change settings from their defaults."""
    lab.box("keep.threshold").locator("input").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("ArrowRight")
    lab.box("keep.strength").locator("input").focus()
    lab.page.keyboard.press("Home")
    lab.box("keep.direction").get_by_text("low", exact=True).click()
    for part in ("threshold=0.2", "strength=0.5", "direction=low"):
        lab.page.wait_for_url(re.compile(re.escape(part)))
    lab.settle()


@pytest.mark.slow
def test_a_link_shows_another_visitor_the_same_settings(opened: Opener, new_page: NewPage) -> None:
    lab = opened(table="wine")
    change_settings(lab)
    lab.view("One cell")
    lab.page.wait_for_url(re.compile("view=One"))
    lab.settle()
    other = Lab(new_page(viewport={"width": 1280, "height": 1000}), lab.page.url)
    expect(other.page.get_by_text("Train one in")).to_be_visible()
    other.wait_for_settings(lab.settings())
    assert other.page.url == lab.page.url
    assert not other.page.get_by_text("was not understood").count()


@pytest.mark.slow
def test_the_settings_survive_another_page(opened: Opener) -> None:
    lab = opened(table="wine")
    change_settings(lab)
    before, address = lab.settings(), lab.page.url
    lab.page.get_by_role("link", name="Inpainting").click()
    expect(lab.page.get_by_role("heading", name="Inpainting")).to_be_visible()
    lab.page.get_by_role("link", name="Missing not at random").click()
    expect(lab.plot("missing")).to_be_visible()
    lab.page.wait_for_url(address)
    lab.settle()
    lab.wait_for_settings(before)


@pytest.mark.slow
def test_a_bad_address_gets_a_message_and_causes_no_error(opened: Opener) -> None:
    lab = opened(
        view="<script>alert(1)</script>",
        table="%00",
        threshold="nan",
        seed="9" * 2000,
        columns="eJwDAA==",
        strength="-1",
    )
    expect(lab.page.get_by_text("was not understood")).to_be_visible()
    expect(lab.plot("errors" if lab.page.url.endswith("random") else "missing")).to_be_visible()
    lab.page.wait_for_url(re.compile(r"\?seed=9999$"))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_every_view_fits_its_screen(opened: Opener, width: int, scheme: str) -> None:
    lab = opened({"viewport": {"width": width, "height": 3200}, "color_scheme": scheme})
    for name, view in VIEWS.items():
        lab.view(name)
        expect(lab.page.get_by_text(view.about.split(".")[0][:40]).first).to_be_visible()
        lab.settle()
        assert lab.page.get_by_text("encountered an error").count() == 0, name
        for root in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
            assert lab.page.evaluate(f"{root}.scrollWidth") <= width, name
        assert lab.page.evaluate(_OVERLAPS) == [], name
