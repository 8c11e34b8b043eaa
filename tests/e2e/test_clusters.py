"""The lab of clusters in a real browser."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from dgm_core.checkout import ASSETS
from dgm_core.studies.clusters.history import History, load
from tests.e2e import page_helpers
from tests.e2e.conftest import NewPage
from tests.e2e.lab import png
from tests.e2e.scatter import Scatter
from tools.bench.browser import rest
from ui.clusters.mixture import COLUMNS, SAMPLES
from ui.contact_sheet import GAP

PATH, RUN = "Clusters", "digits-vaegmm"
VIEWS = ("Before and after", "Watch them learn", "Inside the mixture", "Place a picture")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 850}

# Number of pixels of a canvas that are not grey.
_INK = """(canvas) => {
  const {width, height} = canvas
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data
  let count = 0
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = [data[i], data[i + 1], data[i + 2]]
    count += data[i + 3] > 0 && Math.max(r, g, b) - Math.min(r, g, b) > 60
  }
  return count
}"""

# A number that changes with the content of a canvas.
_DIGEST = """(canvas) => {
  const {width, height} = canvas
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data
  return data.reduce((sum, level, i) => (31 * sum + level * (1 + (i % 7))) % 1000000007, 0)
}"""


@pytest.fixture(scope="module")
def history() -> History:
    return load(ASSETS / f"{RUN}.npz")


# The sizes in the legend are written a moment after its names.
SIZES_ADD_UP = """(total) => {
  const roots = [document]
  const sizes = []
  while (roots.length) {
    const root = roots.pop()
    sizes.push(...root.querySelectorAll(".key button small"))
    for (const each of root.querySelectorAll("*")) if (each.shadowRoot) roots.push(each.shadowRoot)
  }
  return sizes.reduce((sum, each) => sum + Number(each.textContent), 0) === total
}"""


def opened(
    new_page: NewPage, server: str, settings: dict[str, object] | None = None, **options: object
) -> Page:
    query = urlencode({"run": RUN, **(settings or {})})
    return page_helpers.opened(new_page, f"{server}/{PATH}?{query}", "Clusters", **options)


def view(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    page_helpers.settle(page)


def metric(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has=page.get_by_text(name, exact=True))


def box(page: Page, label: str) -> Locator:
    """A select box."""
    return page.get_by_test_id("stSelectbox").filter(has=page.get_by_text(label, exact=True))


def value(page: Page, label: str) -> str:
    """The value of a select box."""
    return box(page, label).get_by_role("combobox").input_value()


def rows_of(page: Page) -> list[list[str]]:
    """Rows of the CSV file that the page offers."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    return list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))


def without_errors(page: Page) -> None:
    """Assert that no part of the page shows an error."""
    expect(page.get_by_test_id("stException")).to_have_count(0)


# --- what is seen at first --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [(WIDE, "light"), (NARROW, "dark")],
    ids=["wide light", "narrow dark"],
)
def test_the_lab_opens_with_complete_figures(
    server: str, new_page: NewPage, history: History, viewport: dict, scheme: str
) -> None:
    page = opened(new_page, server, viewport=viewport, color_scheme=scheme)
    for name in ("Accuracy", "NMI", "ARI", "Bound, nats per image"):
        expect(metric(page, name).get_by_test_id("stMetricValue")).to_have_text(
            re.compile(r"^−?\d+\.\d+$")
        )
        expect(metric(page, name)).to_contain_text("since before")
    before, after = history.snapshots[0], history.snapshots[-1]
    scatter = Scatter(page, [before.xy, after.xy])
    expect(scatter.stages).to_have_count(2)
    scatter.wait_for_frame()
    for stage in scatter.stages.all():
        inked = stage.locator("canvas.points").evaluate(_INK)
        assert inked > 2 * history.images
    tops = [stage.bounding_box()["y"] for stage in scatter.stages.all()]
    assert (tops[0] == tops[1]) == (viewport is WIDE)  # side by side on a wide screen
    assert scatter.count() == f"{history.images:,} points"
    lasso = page.get_by_role("paragraph").filter(has_text="Draw a lasso around some points")
    expect(lasso).to_be_visible()
    expect(page.get_by_text(re.compile(f"^60 of {history.images:,} images"))).to_be_visible()
    page_helpers.assert_no_horizontal_overflow(page)
    if (viewport is WIDE) == (scheme == "light"):
        for name in VIEWS[1:]:
            view(page, name)
            expect(page.locator("canvas.points")).to_have_count(1)
            page_helpers.assert_no_horizontal_overflow(page)
    without_errors(page)


# --- before and after -------------------------------------------------------------------------


def test_points_in_a_lasso_are_counted_shown_and_downloaded(
    server: str, new_page: NewPage, history: History
) -> None:
    page = opened(new_page, server, viewport=WIDE)
    before, after = history.snapshots[0], history.snapshots[-1]
    scatter = Scatter(page, [before.xy, after.xy])
    places = scatter.positions(0)
    middle = places[np.linalg.norm(places - places.mean(0), axis=1).argsort()[200]]
    low, high = middle - 40, middle + 40
    scatter.lasso(0, np.array([low, [high[0], low[1]], high, [low[0], high[1]]]))
    within = {
        edge: set(np.flatnonzero((np.abs(places - middle) < 40 + edge).all(1))) for edge in (-1, 1)
    }
    expect(scatter.root.locator(".count b")).to_have_text(re.compile("points? selected$"))
    count = int(scatter.count().partition(" of ")[0].replace(",", ""))
    assert len(within[-1]) <= count <= len(within[1])
    assert 1 < count < history.images
    expect(page.get_by_text(f"{count} images selected", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Clusters: .*%\. Labels: .*%\.$"))).to_be_visible()
    page_helpers.settle(page)
    header, *rows = rows_of(page)
    latents = [f"z{i + 1}" for i in range(history.config.latent_dim)]
    assert header == ["image", "cluster", "confidence", "label", *latents]
    assert len(rows) == count
    taken = {int(row[0]) for row in rows}
    assert within[-1] <= taken <= within[1]
    for row in rows:
        image = int(row[0])
        assert int(row[1]) == after.assignment[image] + 1
        assert [float(z) for z in row[4:]] == pytest.approx(after.mean[image], abs=1e-3)
    scatter.button("Clear").click()
    expect(page.get_by_text("images selected")).to_have_count(0)
    page_helpers.settle(page)
    assert len(rows_of(page)) == history.images + 1


@pytest.mark.slow
def test_a_linear_projection_is_immediate_and_others_show_their_progress(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server, viewport=WIDE)
    ink = page.locator("canvas.points").first
    expect(ink).to_be_visible()
    scatter = Scatter(page, [])

    def seen() -> int:
        page.locator(".stage[data-moving]").first.wait_for(state="detached")
        scatter.wait_for_frame()
        return ink.evaluate(_DIGEST)

    first = seen()
    page_helpers.choose(box(page, "Plane"), "PCA")
    expect(
        page.get_by_text("The plane of the largest variance. Distances can be compared.")
    ).to_be_visible()
    page_helpers.settle(page)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert seen() != first

    page_helpers.choose(box(page, "Plane"), "UMAP-like")
    expect(page.get_by_test_id("stProgress")).to_contain_text("UMAP-like")
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile(r" [1-9]\d?\s%$"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"^Stopped at \d+\s%"))).to_be_visible()
    page_helpers.settle(page)
    stopped = seen()
    assert stopped != first
    page.get_by_role("radio", name="error", exact=True).click()
    assert seen() != stopped  # it can still be recoloured
    page.get_by_role("radio", name="label", exact=True).click()
    assert seen() == stopped

    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_text("Stopped at")).to_have_count(0)
    expect(page.locator("canvas.points")).to_have_count(2)
    assert seen() != stopped
    without_errors(page)


# --- learning ---------------------------------------------------------------------------------


def snapshot(page: Page) -> str:
    """The snapshot that the player shows."""
    return page.locator(".linked-scatter .title").text_content()


@pytest.mark.slow
def test_the_training_is_played_paused_and_searched(
    server: str, new_page: NewPage, history: History
) -> None:
    page = opened(new_page, server, {"view": "Watch them learn"}, viewport=WIDE)
    title = page.locator(".linked-scatter .title")
    snapshots = [*history.early, *history.snapshots]
    epochs = [f"Images after {each.epoch} epochs" for each in snapshots]
    expect(title).to_have_text(epochs[-1])
    page_helpers.settle(page)
    play, pause = (page.get_by_role("button", name=name, exact=True) for name in ("Play", "Pause"))
    play.click()
    expect(title).to_have_text(epochs[0])
    expect(title).to_have_text(re.compile(f"^({'|'.join(epochs[1:])})$"))
    pause.click()
    expect(play).to_be_visible()
    page_helpers.settle(page)
    at = epochs.index(snapshot(page))
    assert 0 < at < len(epochs) - 1
    page.wait_for_timeout(2000)
    assert snapshot(page) == epochs[at]

    slider = page.get_by_role("slider", name="Snapshot")
    track = slider.locator("xpath=ancestor::*[@data-testid='stSlider']").bounding_box()
    thumb = slider.bounding_box()
    page.mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2)
    page.mouse.down()
    to = track["x"] + 0.8 * track["width"]
    page.mouse.move(to, thumb["y"] + thumb["height"] / 2, steps=8)
    page.mouse.up()
    expect(title).to_have_text(re.compile(f"^({'|'.join(epochs[at + 1 : -1])})$"))
    page_helpers.settle(page)
    dragged = epochs.index(snapshot(page))
    assert dragged == pytest.approx(0.8 * (len(epochs) - 1), abs=1)

    play.click()
    expect(title).not_to_have_text(epochs[dragged])
    assert epochs.index(snapshot(page)) > dragged
    expect(title).to_have_text(epochs[-1])
    expect(play).to_be_visible()
    expect(pause).to_have_count(0)
    without_errors(page)


SMALL = {"view": "Watch them learn", "train-images": 500, "train-rounds": 1}


@pytest.mark.slow
def test_a_run_of_the_visitor_can_be_shown(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, SMALL, viewport=WIDE)
    assert value(page, "Run") == "Digits"
    clusters = page.get_by_role("slider", name="Clusters K")
    for _ in range(6):
        clusters.press("ArrowLeft")
    page.wait_for_url("**train-clusters=4*")  # a slider sends its value a moment after it moved
    page_helpers.settle(page)
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_test_id("stProgress")).to_contain_text("The VAE learns")
    expect(page.get_by_test_id("stProgress")).to_contain_text("Control:")
    page_helpers.assert_no_horizontal_overflow(page)
    expect(page.get_by_role("button", name="Train")).to_be_enabled()
    expect(box(page, "Run").get_by_role("combobox")).to_have_value("Yours")
    page_helpers.settle(page)
    view(page, VIEWS[0])
    expect(page.locator(".linked-scatter .count b")).to_have_text("500 points")
    assert "run=yours" in page.url
    rest(page)  # a chart that is drawn again would forget the click
    page.get_by_role("radio", name="cluster", exact=True).click()
    entries = page.locator(".linked-scatter .key button")
    expect(entries).to_have_text([re.compile(rf"^{k} ≈ \d") for k in (1, 2, 3, 4)])
    page.wait_for_function(SIZES_ADD_UP, arg=500)
    without_errors(page)


@pytest.mark.slow
def test_a_training_is_stopped_and_gibbs_shows_its_chains(server: str, new_page: NewPage) -> None:
    page = opened(new_page, server, {**SMALL, "train-fit": "Gibbs"}, viewport=WIDE)
    page.get_by_role("button", name="Train").click()
    page.get_by_role("button", name="Stop").click()
    stopped = page.get_by_text(re.compile("^Stopped"))
    expect(stopped).to_be_visible()
    expect(page.locator("canvas.points")).to_have_count(1)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    rest(page)
    assert value(page, "Run") == "Digits"
    page.get_by_role("button", name="Train").click()
    expect(stopped).to_have_count(0)
    expect(page.get_by_text("Fit of the mixture by Gibbs, four chains")).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"R-hat \d\.\d\d: (no sign|the chains have)"))
    ).to_be_visible()
    page.wait_for_function(
        "document.querySelector('.st-key-figure-trace .js-plotly-plot')?._fullData?.length === 4"
    )
    page.get_by_role("button", name="Stop").click()
    expect(stopped).to_be_visible()
    without_errors(page)


# --- inside the mixture -----------------------------------------------------------------------


def samples(page: Page) -> np.ndarray:
    """Samples in the PNG file that the page offers, (SAMPLES, H, W)."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download samples").click()
    levels = np.array(Image.open(download.value.path()))
    down, cell = SAMPLES // COLUMNS, levels.shape[1] // COLUMNS
    assert levels.shape == (down * cell, COLUMNS * cell)
    cells = levels.reshape(down, cell, COLUMNS, cell).swapaxes(1, 2).reshape(SAMPLES, cell, cell)
    return cells[:, : -2 * GAP, : -2 * GAP]


def test_samples_path_and_plane_follow_the_chosen_cluster(
    server: str, new_page: NewPage, history: History
) -> None:
    page = opened(new_page, server, {"view": "Inside the mixture"}, viewport=WIDE)
    weights = [f"{weight:.3f}" for weight in history.snapshots[-1].mixture.weights.tolist()]
    busiest = int(history.snapshots[-1].mixture.weights.argmax())
    expect(page.get_by_text(f"The weight of this cluster is {weights[busiest]}.")).to_be_visible()
    drawn, path_image = (page.get_by_test_id("stImage").nth(i).locator("img") for i in range(2))
    clusters = page.get_by_role("radiogroup", name="Clusters").get_by_role("radio")
    expect(clusters).to_have_count(history.config.clusters)
    expect(clusters.nth(busiest)).to_have_attribute("aria-checked", "true")
    before = drawn.get_attribute("src")
    other = next(k for k, weight in enumerate(weights) if weight != weights[busiest])
    clusters.nth(other).click()
    expect(page.get_by_text(f"The weight of this cluster is {weights[other]}.")).to_be_visible()
    expect(drawn).not_to_have_attribute("src", before)
    expect(page.get_by_text(re.compile(f"^Samples of cluster {other + 1}( ≈|$)"))).to_be_visible()
    page_helpers.settle(page)
    warm = samples(page)
    assert (warm[1:] != warm[0]).any()

    chosen, path_before = drawn.get_attribute("src"), path_image.get_attribute("src")
    page.get_by_role("slider", name="Temperature").press("Home")
    expect(drawn).not_to_have_attribute("src", chosen)
    page_helpers.settle(page)
    cold = samples(page)
    assert (cold == cold[0]).all()
    assert cold[0].max() > 100
    assert path_image.get_attribute("src") == path_before

    walk = box(page, "Path to")
    previous = value(page, "Path to")
    choice = 1 if previous.startswith("1 ") else 0
    walk.get_by_role("combobox").click()
    page.get_by_role("option").nth(choice).click()
    expect(path_image).not_to_have_attribute("src", path_before)
    page_helpers.settle(page)

    caption = page.locator(".linked-scatter figcaption")
    projection = caption.text_content()
    assert re.fullmatch(r"z\d+ across, z\d+ up", projection)
    third = next(f"z{i}" for i in range(1, 5) if not re.search(rf"\bz{i}\b", projection))
    page_helpers.choose(box(page, "Across"), re.compile(f"^{third}$"))
    expect(caption).to_have_text(re.compile(f"^{third} across"))
    page_helpers.settle(page)
    assert f"cluster-across={int(third[1:]) - 1}" in page.url
    without_errors(page)


# --- an image of the visitor -------------------------------------------------------------------


def most_probable_cluster(page: Page) -> str:
    """Name of the most probable cluster of an image."""
    chances, names = (page_helpers.curve(page, "landing", "0", axis) for axis in "xy")
    probability, name = max(zip(chances, names, strict=True))
    assert 0 < probability <= 1.001
    return name


def zero_on_paper() -> bytes:
    """A zero drawn on paper."""
    paper = Image.new("L", (200, 260), 245)
    ImageDraw.Draw(paper).ellipse((50, 40, 150, 220), outline=20, width=24)
    return png(np.array(paper))


@pytest.mark.slow
def test_a_drawing_an_upload_and_a_test_image_are_assigned_to_a_cluster(
    server: str, new_page: NewPage
) -> None:
    page = opened(new_page, server, {"view": "Place a picture"}, viewport=WIDE)
    assert most_probable_cluster(page).endswith("≈ 3")  # the first drawing is a three
    near = page.get_by_text("Nearest images in the latent space")
    expect(near).to_be_visible()
    expect(page.get_by_test_id("stImage")).to_have_count(3)
    page.get_by_role("group", name="Drawing tools").get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Draw a digit to see where it is placed.")).to_be_visible()
    expect(near).to_have_count(0)

    page.get_by_role("radio", name="Upload").click()
    expect(page.get_by_text("Upload a picture of any size")).to_be_visible()
    page_helpers.settle(page)
    upload = page.locator("input[type=file]")
    upload.set_input_files({"name": "bad.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_text("“bad.png” is text, not a picture")).to_be_visible()
    without_errors(page)
    page_helpers.settle(page)
    upload.set_input_files(
        {"name": "ring.png", "mimeType": "image/png", "buffer": zero_on_paper()}
    )
    expect(near).to_be_visible()
    expect(page.get_by_text("“bad.png”")).to_have_count(0)
    assert most_probable_cluster(page).endswith("≈ 0")
    src = page.get_by_test_id("stImage").last.locator("img").get_attribute("src")

    page.get_by_role("radio", name="Test images").click()
    tests = page.get_by_role("radiogroup", name="Test images").get_by_role("radio")
    expect(tests).to_have_count(18)
    neighbours = page.get_by_test_id("stImage").last.locator("img")
    expect(neighbours).not_to_have_attribute("src", src)
    src = neighbours.get_attribute("src")
    tests.nth(1).click()
    expect(neighbours).not_to_have_attribute("src", src)
    without_errors(page)


# --- links ------------------------------------------------------------------------------------


def test_a_link_restores_its_settings_and_the_address_is_updated(
    server: str, new_page: NewPage
) -> None:
    settings = {"cluster-left": "Round 1", "cluster-right": "Control", "cluster-method": "PCA"}
    page = opened(new_page, server, settings, viewport=WIDE)
    expect(page.locator(".linked-scatter figcaption")).to_have_text(["Round 1", "Control"])
    assert [value(page, name) for name in ("Run", "Left", "Right", "Plane")] == [
        "Digits",
        "Round 1",
        "Control",
        "PCA",
    ]
    page_helpers.choose(box(page, "Left"), "Before")
    page.wait_for_url(re.compile("cluster-left=Before"))
    view(page, "Inside the mixture")
    page.wait_for_url(re.compile("view=Inside"))
    assert "cluster-left" not in page.url

    inside = {"view": "Inside the mixture", "cluster-across": 4, "cluster-up": 2}
    page = opened(new_page, server, inside, viewport=WIDE)
    expect(page.locator(".linked-scatter figcaption")).to_have_text("z5 across, z3 up")
    assert (value(page, "Across"), value(page, "Up")) == ("z5", "z3")
    page.get_by_role("slider", name="Temperature").press("End")
    page.wait_for_url(re.compile("cluster-temperature=2"))
    without_errors(page)


def test_a_damaged_link_opens_with_a_message(server: str, new_page: NewPage) -> None:
    damaged = {
        "run": "nothing",
        "cluster-across": -5,
        "view": "<script>",
        "cluster-method": "P" * 3000,
        "cluster-left": "Round 1e9",
        "train-images": "-1",
        "cluster-temperature": "nan",
    }
    page = new_page()
    page.goto(f"{server}/{PATH}?{urlencode(damaged)}")
    expect(page.get_by_text("not understood and left out:")).to_be_visible()
    expect(page.locator("canvas.points")).to_have_count(2)
    page_helpers.settle(page)
    assert "cluster-method=t-SNE" in page.url
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    without_errors(page)
