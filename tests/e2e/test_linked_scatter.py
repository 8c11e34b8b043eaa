"""The linked scatter in a real browser: Python receives the selected points."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.apps.linked_scatter_app import clouds
from tests.e2e.conftest import NewPage, Serve
from tests.e2e.scatter import Scatter
from tools.bench.server import ROOT
from ui.components.linked_scatter.palette import COLOURS

APP = ROOT / "tests/e2e/apps/linked_scatter_app.py"
COUNT = 600
FIRST, SECOND, CODES = clouds(COUNT)
PHONE = {"viewport": {"width": 400, "height": 900}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(APP, "--client.toolbarMode=developer")  # with all of Streamlit's hotkeys


Opener = Callable[..., Scatter]


@pytest.fixture
def opened(new_page: NewPage, server: str) -> Opener:
    def opener(*, options: dict | None = None, **query: object) -> Scatter:
        page: Page = new_page(**(options or {}))
        page.goto(f"{server}/?{urlencode({'n': COUNT, **query})}")
        return Scatter(page, [FIRST, SECOND])

    return opener


def box_around(places: np.ndarray, border: float = 6) -> np.ndarray:
    """Corners of a box around positions."""
    (left, top), (right, bottom) = places.min(0) - border, places.max(0) + border
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def in_box(places: np.ndarray, corners: np.ndarray) -> list[int]:
    low, high = corners.min(0), corners.max(0)
    return np.flatnonzero(((places > low) & (places < high)).all(1)).tolist()


def box_of_clouds(scatter: Scatter, plane: int, *kinds: int) -> tuple[np.ndarray, list[int]]:
    """A box around clouds in a plane, and the points in it."""
    places = scatter.positions(plane)
    corners = box_around(places[np.isin(CODES, kinds)])
    return corners, in_box(places, corners)


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def is_full(scatter: Scatter, plane: int, point: int, colour: str) -> bool:
    """True if the point has its colour, nearly opaque on white."""
    seen = scatter.colours(plane, np.array([point]))[0]
    return bool(np.abs(seen - (0.72 * rgb(colour) + 0.28 * 248)).max() < 30)


def is_dim(scatter: Scatter, plane: int, point: int) -> bool:
    """True if the point is light grey."""
    seen = scatter.colours(plane, np.array([point]))[0]
    return bool(seen.min() > 215 and np.ptp(seen) < 12)


LIGHT = {"color_scheme": "light"}


@pytest.mark.slow
def test_at_first_every_point_has_its_colour_and_nothing_is_sent(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    for plane in (0, 1):
        for kind in (5, 7, 9):
            point = scatter.isolated_point(plane, np.flatnonzero(kind == CODES))
            assert is_full(scatter, plane, point, COLOURS[kind])
    assert scatter.count() == "600 points"
    assert scatter.entry("5").locator("small").text_content() == str((CODES == 5).sum())
    assert scatter.report() == {"chosen": None, "calls": 0, "runs": 1}


def test_a_lasso_in_one_panel_selects_the_same_points_in_all_and_in_python(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    corners, expected = box_of_clouds(scatter, 0, 5)
    scatter.lasso(0, corners)
    assert scatter.received(calls=1) == expected
    assert set(np.flatnonzero(CODES == 5)) <= set(expected)
    assert scatter.count() == scatter.announcement() == f"{len(expected)} of 600 points selected"
    for plane in (0, 1):
        inside = scatter.isolated_point(plane, np.flatnonzero(CODES == 5))
        outside = scatter.isolated_point(
            plane, np.flatnonzero(~np.isin(np.arange(COUNT), expected))
        )
        assert is_full(scatter, plane, inside, COLOURS[5])
        assert is_dim(scatter, plane, outside)
    assert scatter.entry("5").locator("small").text_content() == str((CODES == 5).sum())
    assert scatter.entry("9").locator("small").text_content() == "0"


def test_a_lasso_in_the_other_panel_follows_its_outline(opened: Opener) -> None:
    scatter = opened()
    places = scatter.positions(1)
    corners = np.array([[20.0, 20.0], [320, 40], [60, 300]])  # a triangle
    scatter.lasso(1, corners)
    selected = scatter.received(calls=1)
    a, b, c = corners
    turns = [
        (q[0] - p[0]) * (places[:, 1] - p[1]) - (q[1] - p[1]) * (places[:, 0] - p[0])
        for p, q in ((a, b), (b, c), (c, a))
    ]
    inside = np.flatnonzero((np.array(turns) > 0).all(0))
    at_the_edge = np.abs(np.array(turns)).min(0) < 3 * 300
    differ = np.setxor1d(selected, inside)
    assert len(inside) > 50
    assert at_the_edge[differ].all()


def test_an_unfinished_lasso_shows_the_points_it_would_select(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    corners, expected = box_of_clouds(scatter, 0, 3)
    scatter.lasso(0, corners, release=False)
    expect(scatter.root.locator(".count b")).to_have_text(re.compile("points selected"))
    outside = scatter.isolated_point(1, np.flatnonzero(CODES == 7))
    assert is_dim(scatter, 1, outside)
    assert scatter.report()["calls"] == 0
    scatter.page.mouse.up()
    assert scatter.received(calls=1) == expected


def test_shift_adds_and_alt_removes(opened: Opener) -> None:
    scatter = opened()
    keys = scatter.page.keyboard
    three, in_three = box_of_clouds(scatter, 0, 3)
    seven, in_seven = box_of_clouds(scatter, 0, 7)
    scatter.lasso(0, three)
    assert scatter.received(calls=1) == in_three
    keys.down("Shift")
    scatter.lasso(0, seven)
    keys.up("Shift")
    assert scatter.received(calls=2) == sorted({*in_three, *in_seven})
    keys.down("Alt")
    scatter.lasso(0, three)
    keys.up("Alt")
    assert scatter.received(calls=3) == sorted({*in_seven} - {*in_three})


def test_a_click_selects_the_nearest_point_and_a_distant_click_selects_none(
    opened: Opener,
) -> None:
    scatter = opened()
    point = scatter.isolated_point(0, np.arange(COUNT))
    x, y = scatter.on_screen(0, scatter.positions(0)[point])
    scatter.page.mouse.click(x + 2, y - 1)
    assert scatter.received(calls=1) == [point]
    scatter.page.mouse.click(*scatter.on_screen(0, np.array([4, 4])))
    scatter.button("Invert").click()
    assert scatter.received(calls=2) == [i for i in range(COUNT) if i != point]
    scatter.button("Clear").click()
    assert scatter.received(calls=3) is None
    assert scatter.announcement() == "0 of 600 points selected"
    expect(scatter.button("Clear")).to_have_attribute("aria-disabled", "true")


def test_keys_select_nearby_points_and_trigger_no_hotkey_of_the_page(opened: Opener) -> None:
    scatter = opened()
    keys, stage = scatter.page.keyboard, scatter.stages.first
    places, box = scatter.positions(0), stage.bounding_box()
    scatter.button("Names").focus()
    keys.press("Shift+Tab")  # to the last plane
    keys.press("Shift+Tab")
    expect(stage).to_be_focused()

    def nearest(at: np.ndarray) -> list[int]:
        return sorted(np.hypot(*(places - at).T).argsort()[:50].tolist())

    at = np.array([box["width"], box["height"]]) / 2
    for key, move in (("ArrowLeft", [-12, 0]), ("Shift+ArrowUp", [0, -48]), ("ArrowUp", [0, -12])):
        keys.press(key)
        at += move
    point = int(np.hypot(*(places - at).T).argmin())
    assert scatter.tooltip()["Point"] == str(point)
    assert scatter.announcement().startswith(f"Point {point} digit {CODES[point]}")
    keys.press("Enter")
    first = nearest(at)
    assert scatter.received(calls=1) == first
    for _ in range(3):
        keys.press("Shift+ArrowRight")
        at += [48, 0]
    keys.press("Shift+Space")
    assert scatter.received(calls=2) == sorted({*first, *nearest(at)})
    keys.press("Alt+Enter")
    assert scatter.received(calls=3) == sorted({*first} - {*nearest(at)})
    keys.press("Escape")
    assert scatter.received(calls=4) is None
    runs = scatter.report()["runs"]
    keys.press("r")
    keys.press("c")
    scatter.page.wait_for_timeout(400)
    assert scatter.page.get_by_role("dialog").count() == 0
    assert scatter.report()["runs"] == runs


def test_the_legend_emphasises_categories_without_a_rerun(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    points = {kind: scatter.isolated_point(0, np.flatnonzero(kind == CODES)) for kind in (5, 7, 9)}

    def full() -> set[int]:
        kinds = {k for k, point in points.items() if is_full(scatter, 0, point, COLOURS[k])}
        assert all(is_dim(scatter, 0, points[k]) for k in points.keys() - kinds)
        return kinds

    def pressed() -> list[str]:
        return scatter.root.locator(".key [aria-pressed=true] span").all_text_contents()

    scatter.entry("5").click()
    expect(scatter.entry("5")).to_have_attribute("aria-pressed", "true")
    assert (pressed(), full()) == (["5"], {5})
    scatter.entry("9").click(modifiers=["Shift"])
    expect(scatter.entry("9")).to_have_attribute("aria-pressed", "true")
    assert (pressed(), full()) == (["5", "9"], {5, 9})
    scatter.entry("7").focus()
    scatter.page.keyboard.press("Enter")
    expect(scatter.entry("7")).to_have_attribute("aria-pressed", "true")
    assert (pressed(), full()) == (["7"], {7})
    scatter.entry("7").click()
    expect(scatter.entry("7")).to_have_attribute("aria-pressed", "false")
    assert (pressed(), full()) == ([], {5, 7, 9})
    assert scatter.report() == {"chosen": None, "calls": 0, "runs": 1}


def test_colours_change_without_a_rerun_and_are_remembered(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    point = scatter.isolated_point(0, np.flatnonzero(CODES == 7))
    scatter.colouring("digit").focus()
    scatter.page.keyboard.press("ArrowRight")
    expect(scatter.colouring("cluster")).to_be_focused()
    expect(scatter.colouring("cluster")).to_have_attribute("aria-checked", "true")
    expect(scatter.root.locator(".key button")).to_have_count(4)
    assert is_full(scatter, 0, point, COLOURS[3])
    without = scatter.isolated_point(0, np.flatnonzero(CODES == 9))
    assert np.ptp(scatter.colours(0, np.array([without]))) < 20  # in no cluster: grey
    scatter.page.keyboard.press("End")
    expect(scatter.root.locator(".key .ramp")).to_be_visible()
    far = np.hypot(*FIRST.T)
    ends = scatter.root.locator(".ramp span").all_text_contents()
    assert ends == [f"{far.min():.3g} near", f"{far.max():.3g} far"]
    scatter.colouring("cluster").click()
    scatter.entry("B").click()
    scatter.button("Names").click()
    assert scatter.report()["runs"] == 1
    toggle = scatter.page.get_by_text("Show", exact=True)
    toggle.click()
    scatter.root.wait_for(state="detached")
    toggle.click()
    expect(scatter.colouring("cluster")).to_have_attribute("aria-checked", "true")
    expect(scatter.entry("B")).to_have_attribute("aria-pressed", "true")
    expect(scatter.button("Names")).to_have_attribute("aria-pressed", "false")


def test_names_are_drawn_at_the_medians_until_they_are_switched_off(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    places = scatter.positions(0)
    middle = np.median(places[CODES == 3], axis=0)
    look = """(canvas, [x, y]) => {
      const ratio = canvas.width / canvas.clientWidth
      const side = 12 * ratio
      const {data} = canvas.getContext("2d").getImageData(
        Math.round(x * ratio - side / 2), Math.round(y * ratio - side / 2), side, side)
      return Math.min(...data.filter((_, i) => i % 4 === 0))
    }"""
    canvas = scatter.stages.first.locator("canvas.points")
    assert canvas.evaluate(look, middle.tolist()) < 70  # ink
    scatter.button("Names").click()
    expect(scatter.button("Names")).to_have_attribute("aria-pressed", "false")
    assert canvas.evaluate(look, middle.tolist()) > 70


def test_a_point_under_the_pointer_is_described_and_circled_in_all_panels(
    opened: Opener,
) -> None:
    scatter = opened()
    point = scatter.isolated_point(0, np.arange(300, COUNT))
    rings = """canvas => canvas.getContext("2d")
      .getImageData(0, 0, canvas.width, canvas.height).data.some(level => level)"""
    marks = scatter.root.locator("canvas.marks")
    assert [marks.nth(i).evaluate(rings) for i in (0, 1)] == [False, False]
    scatter.page.mouse.move(*scatter.on_screen(0, scatter.positions(0)[point]))
    expect(scatter.root.locator(".tip")).to_be_visible()
    facts = scatter.tooltip()
    kind = int(CODES[point])
    assert facts["Point"] == str(point)
    assert facts["digit"] == str(kind)
    assert facts.get("cluster") == ("ABCD"[kind // 2] if kind < 8 else None)
    assert float(facts["doubt"]) == pytest.approx(np.hypot(*FIRST[point]), rel=0.01)
    levels = scatter.root.locator(".tip canvas").evaluate(
        """canvas => [canvas.width, canvas.height, ...[[2, 14], [27, 0], [18, 14]].map(
          ([x, y]) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[0])]"""
    )
    disc = 255 if np.hypot(4.5, 0.5) < 3 + kind else 0
    assert levels == [28, 28, point % 256, 0, disc]
    assert [marks.nth(i).evaluate(rings) for i in (0, 1)] == [True, True]
    scatter.page.mouse.move(5, 5)
    expect(scatter.root.locator(".tip")).to_be_hidden()
    assert [marks.nth(i).evaluate(rings) for i in (0, 1)] == [False, False]


def test_another_revision_replaces_the_selection_and_a_stale_rerun_does_not(
    opened: Opener,
) -> None:
    scatter = opened(delay=0.6)
    three, in_three = box_of_clouds(scatter, 0, 3)
    seven, in_seven = box_of_clouds(scatter, 1, 7)
    scatter.lasso(0, three)
    scatter.lasso(1, seven)  # before Python has answered the first lasso
    assert scatter.received(calls=2) == in_seven
    assert scatter.count() == f"{len(in_seven)} of 600 points selected"
    scatter.page.get_by_role("button", name="First ten").click()
    expect(scatter.root.locator(".count b")).to_have_text("10 of 600 points selected")
    scatter.received(calls=2)
    assert scatter.report()["chosen"] == list(range(10))
    scatter.page.keyboard.down("Shift")
    scatter.lasso(0, three)
    scatter.page.keyboard.up("Shift")
    assert scatter.received(calls=3) == sorted({*range(10), *in_three})


def test_a_selection_survives_a_remount(opened: Opener) -> None:
    scatter = opened()
    three, in_three = box_of_clouds(scatter, 0, 3)
    scatter.lasso(0, three)
    assert scatter.received(calls=1) == in_three
    toggle = scatter.page.get_by_text("Show", exact=True)
    toggle.click()
    scatter.root.wait_for(state="detached")
    toggle.click()
    expect(scatter.root.locator(".count b")).to_have_text(
        f"{len(in_three)} of 600 points selected"
    )
    scatter.received(calls=1)
    assert scatter.report()["chosen"] == in_three


def test_a_selection_sends_neither_points_nor_images_again(opened: Opener) -> None:
    received: list[int] = []
    scatter = opened(n=3000)
    scatter.planes = list(clouds(3000)[:2])
    wire = scatter.page.context.new_cdp_session(scatter.page)
    wire.send("Network.enable")
    wire.on(
        "Network.webSocketFrameReceived",
        lambda event: received.append(len(event["response"]["payloadData"])),
    )
    scatter.after(
        scatter.page.get_by_role("button", name="Move").click
    )  # two planes and three colourings
    expect(scatter.stages.first).not_to_have_attribute("data-moving", "")
    first_bytes = sum(received)
    received.clear()
    scatter.lasso(0, np.array([[10, 10], [300, 10], [300, 300], [10, 300]]))
    scatter.received(calls=1)
    # The images of the chosen points are sent, about a quarter of what the points take.
    assert 0 < sum(received) < first_bytes / 3


def test_points_move_to_new_positions_and_stay_selected(opened: Opener) -> None:
    scatter = opened()
    three, in_three = box_of_clouds(scatter, 0, 3)
    scatter.lasso(0, three)
    scatter.received(calls=1)
    scatter.after(scatter.page.get_by_role("button", name="Move").click)
    turned = list(clouds(COUNT, 1)[:2])
    there = Scatter(scatter.page, turned)
    point = there.isolated_point(0, np.array(in_three))
    expect(there.stages.first).not_to_have_attribute("data-moving", "")
    there.page.mouse.move(*there.on_screen(0, there.positions(0)[point]))
    expect(there.root.locator(".tip dd").first).to_have_text(str(point))
    assert there.count() == f"{len(in_three)} of 600 points selected"
    assert there.report()["chosen"] == in_three


def test_new_points_have_no_selection(opened: Opener) -> None:
    scatter = opened()
    scatter.lasso(0, box_of_clouds(scatter, 0, 3)[0])
    scatter.received(calls=1)
    scatter.after(scatter.page.get_by_role("button", name="Half").click)
    half = Scatter(scatter.page, list(clouds(COUNT // 2)[:2]))
    assert half.count() == "300 points"
    assert half.report()["chosen"] is None
    point = half.isolated_point(0, np.arange(COUNT // 2))
    half.page.mouse.click(*half.on_screen(0, half.positions(0)[point]))
    assert half.received(calls=2) == [point]


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_reduced_motion_is_respected(opened: Opener, motion: str) -> None:
    scatter = opened(options={"reduced_motion": motion})
    scatter.stages.first.evaluate(
        """stage => {
          window.moved = 0
          new MutationObserver(() => { window.moved += stage.hasAttribute("data-moving") })
            .observe(stage, {attributes: true, attributeFilter: ["data-moving"]})
        }"""
    )
    scatter.after(scatter.page.get_by_role("button", name="Move").click)
    there = Scatter(scatter.page, list(clouds(COUNT, 1)[:2]))
    point = there.isolated_point(0, np.arange(COUNT))
    expect(there.stages.first).not_to_have_attribute("data-moving", "")
    there.page.mouse.move(*there.on_screen(0, there.positions(0)[point]))
    expect(there.root.locator(".tip dd").first).to_have_text(str(point))
    assert (there.page.evaluate("window.moved") > 0) == (motion == "no-preference")


def test_touch_draws_adds_and_selects(opened: Opener) -> None:
    scatter = opened(options=PHONE | {"device_scale_factor": 2})
    wire = scatter.page.context.new_cdp_session(scatter.page)

    def touch(kind: str, *places: np.ndarray) -> None:
        points = [dict(zip("xy", scatter.on_screen(0, place), strict=True)) for place in places]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def draw(corners: np.ndarray, end: str = "touchEnd") -> None:
        touch("touchStart", corners[0])
        for corner in corners[1:]:
            touch("touchMove", corner)
            scatter.page.wait_for_timeout(60)  # otherwise the browser would ignore the next tap
        touch(end)

    scatter.scroll_to(0)
    three, in_three = box_of_clouds(scatter, 0, 3)
    seven, in_seven = box_of_clouds(scatter, 0, 7)
    draw(three)
    assert scatter.received(calls=1) == in_three
    scatter.root.get_by_role("radio", name="Add").tap()
    scatter.scroll_to(0)
    draw(seven)
    both = sorted({*in_three, *in_seven})
    assert scatter.received(calls=2) == both
    scatter.root.get_by_role("radio", name="Remove").tap()
    scatter.scroll_to(0)
    point = scatter.isolated_point(0, np.array(in_three))
    draw(scatter.positions(0)[[point]])
    assert scatter.received(calls=3) == [i for i in both if i != point]
    assert scatter.tooltip()["Point"] == str(point)
    draw(seven, "touchCancel")
    assert scatter.count() == f"{len(both) - 1} of 600 points selected"
    for button in scatter.root.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44


@pytest.mark.parametrize("width", [320, 400, 1280])
def test_everything_stays_within_the_screen(opened: Opener, width: int) -> None:
    scatter = opened(options={"viewport": {"width": width, "height": 800}})
    boxes = [scatter.stages.nth(i).bounding_box() for i in (0, 1)]
    stacked = boxes[1]["y"] > boxes[0]["y"]
    assert stacked == (width < 700)
    for part in ("header", ".key", ".plane", "footer", ".choice"):
        for box in (each.bounding_box() for each in scatter.root.locator(part).all()):
            if box is not None:
                assert box["x"] + box["width"] <= width
    point = int(FIRST[:, 0].argmax())  # its tooltip must open to the left
    scatter.scroll_to(0)
    scatter.page.mouse.move(*scatter.on_screen(0, scatter.positions(0)[point]))
    tip = scatter.root.locator(".tip")
    expect(tip).to_be_visible()
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert scatter.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_planes_follow_the_theme(opened: Opener) -> None:
    scatter = opened(options=LIGHT)
    corner = """canvas => [...canvas.getContext("2d").getImageData(9, 9, 1, 1).data]"""
    canvas = scatter.stages.first.locator("canvas.points")
    assert min(canvas.evaluate(corner)) > 230
    scatter.page.emulate_media(color_scheme="dark")
    expect(scatter.root).to_have_css("color", "rgb(236, 238, 246)")
    scatter.page.wait_for_timeout(300)
    assert max(canvas.evaluate(corner)[:3]) < 50


def test_one_panel_without_images_works(opened: Opener) -> None:
    scatter = opened(one=1)
    assert scatter.stages.count() == 1
    point = scatter.isolated_point(0, np.arange(COUNT))
    scatter.page.mouse.move(*scatter.on_screen(0, scatter.positions(0)[point]))
    expect(scatter.root.locator(".tip dd").first).to_have_text(str(point))
    expect(scatter.root.locator(".tip canvas")).to_be_hidden()
