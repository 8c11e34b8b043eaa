"""Accessibility of the labs: WCAG by axe, keyboard, touch, reduced motion."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.lab import Lab
from tests.e2e.page_helpers import NewPage, assert_no_horizontal_overflow, settle

VIEWS = {
    "Step by step": ".player",
    "Live": ".live-panel[data-iteration]",
    "Slow motion": ".slow",
    "All methods": ".methods .card",
    "Studies": ".js-plotly-plot .main-svg",
}
"""View → an element that is on screen when the view is open."""
LABS = {
    "": ["Deep generative models with missing data"],
    "Exact_likelihood": [
        *("Bounds from both sides", "Unbounded likelihood", "A VAE", "Missing pixels")
    ],
    "Missing_not_at_random": ["Watch", "Assume", "Identify", "Predict", "One cell", "Images"],
    "Clusters": ["Before and after", "Watch them learn", "Inside the mixture", "Place a picture"],
    "WGAN_latent_space": [
        *("Sliders", "Grid", "Interpolate", "Arithmetic", "Find a picture", "Training")
    ],
    "GAN_distances": ["Sweep", "Critic", "Small GANs", "Spiral"],
    "Theory": ["Pixel by pixel", "Missing data"],
    "Your_table": ["1. The table"],
}
"""Path of another page, and its views."""
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
TALL = 6000
"""Pixels; the whole page fits the window, because axe checks colours only in the window."""
_VIOLATIONS = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
  const found = await axe.run({runOnly: tags, resultTypes: ["violations"]})
  return found.violations.map(({id, nodes}) =>
    [id, ...nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`)])
}"""
_OURS = """function* ours(root = document) {
  for (const each of root.querySelectorAll("*")) {
    if (each.shadowRoot) yield* ours(each.shadowRoot)
    if (root !== document) yield each
  }
}"""
_SMALL = f"""() => {{
  {_OURS}
  const wanted = "button, input, select, summary, [tabindex='0']"
  const small = []
  for (const each of ours()) {{
    if (!each.matches(wanted) || !each.checkVisibility()) continue
    const {{width, height}} = (each.closest("label") ?? each).getBoundingClientRect()
    if (width < 43.5 || height < 43.5) small.push(`${{each.outerHTML}} ${{width}} × ${{height}}`)
  }}
  return small
}}"""
_MOVING = f"""() => {{
  {_OURS}
  const moving = []
  for (const each of ours()) {{
    const {{transitionDuration, animationName}} = getComputedStyle(each)
    const moves = !/^0s(, 0s)*$/.test(transitionDuration) || animationName !== "none"
    if (moves) moving.push(each.outerHTML.slice(0, 200))
  }}
  return moving
}}"""


def open_view(page: Page, view: str) -> Locator:
    """The content of the view, after the page is idle."""
    page.get_by_role("radio", name=view, exact=True).click()
    shown = page.locator(VIEWS[view])
    expect(shown.first).to_be_visible()
    settle(page)
    return shown


def assert_wcag(page: Page, where: str) -> None:
    violations = page.evaluate(_VIOLATIONS)
    assert violations == [], f"{where}: {violations}"


@pytest.mark.slow
def test_axe_finds_no_violation_of_wcag_a_or_aa(server: str, new_page: NewPage) -> None:
    page = new_page(viewport={"width": 1280, "height": TALL}, reduced_motion="reduce")
    Lab(page, server)
    page.evaluate(AXE)
    for view in VIEWS:
        open_view(page, view)
        while (closed := page.locator("details:not([open]) > summary")).count():
            closed.first.click()
        for scheme in ("light", "dark"):  # the page follows the system's scheme at once
            page.emulate_media(color_scheme=scheme)
            wait_until_idle(page)
            assert_wcag(page, f"{view}, {scheme}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert_wcag(page, "list of keys")


@pytest.mark.slow
@pytest.mark.parametrize("path", LABS, ids=lambda path: path or "front door")
def test_axe_finds_no_violation_in_the_other_labs(
    server: str, new_page: NewPage, path: str
) -> None:
    """Both colour schemes are tested in turn; a page follows the system's scheme at once."""
    page = new_page(viewport={"width": 1280, "height": TALL}, reduced_motion="reduce")
    page.goto(f"{server}/{path}")
    settle(page)
    first, *others = LABS[path]
    page.get_by_text(first, exact=True).first.wait_for()
    page.evaluate(AXE)
    for view, scheme in zip((first, *others), cycle(("light", "dark")), strict=False):
        if view != first:
            page.get_by_role("radio", name=view, exact=True).click()
        page.emulate_media(color_scheme=scheme)
        wait_until_idle(page)
        while (closed := page.locator("details:not([open]) > summary")).count():
            closed.first.click()
        page.mouse.move(0, 0)
        wait_until_idle(page)
        assert_wcag(page, f"{view}, {scheme}")


def wait_until_idle(page: Page) -> None:
    """Wait until the script is not running and no element is fading."""
    page.wait_for_timeout(300)  # until the animation has started
    settle(page)
    page.wait_for_function(
        "document.getAnimations().every((each) => each.playState !== 'running')"
    )


@pytest.mark.slow
def test_on_a_phone_the_page_fits_and_touch_targets_are_large(
    server: str, new_page: NewPage
) -> None:
    size = {"width": 400, "height": 850}
    page = new_page(viewport=size, has_touch=True, is_mobile=True, color_scheme="dark")
    Lab(page, server)
    for view in VIEWS:
        open_view(page, view)
        assert_no_horizontal_overflow(page)
        assert page.evaluate(_SMALL) == [], view


def test_with_reduced_motion_nothing_moves_automatically(server: str, new_page: NewPage) -> None:
    page = new_page(reduced_motion="reduce")
    player = Lab(page, server).player
    expect(player).to_have_attribute("data-mode", "paused")
    assert page.evaluate(_MOVING) == []
    slow = open_view(page, "Slow motion")
    stage = int(slow.get_attribute("data-stage"))
    slow.get_by_role("button", name="Next").press("ArrowRight")
    expect(slow).to_have_attribute("data-stage", str(stage + 1))
    assert page.evaluate(_MOVING) == []
    open_view(page, "All methods")
    assert page.evaluate(_MOVING) == []


def test_the_list_of_keys_opens_everywhere_and_returns_the_focus(
    server: str, new_page: NewPage
) -> None:
    page = new_page()
    lab = Lab(page, server)
    page.locator(".page-bar .groups section").first.wait_for(state="attached")
    keys = page.get_by_role("dialog", name="Keys")
    page.keyboard.press("?")
    expect(keys).to_be_visible()
    for where in ("On the canvas", "In the player", "In slow motion"):
        expect(keys.get_by_role("heading", name=where)).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    for place in (lab.player.get_by_role("button", name="Previous"), page.locator(".board")):
        place.focus()
        page.keyboard.press("?")
        expect(keys).to_be_visible()
        page.keyboard.press("Escape")
        expect(keys).to_be_hidden()
        expect(place).to_be_focused()
    open_view(page, "Slow motion")
    page.get_by_role("spinbutton", name="Chain").press("?")
    expect(keys).to_be_hidden()
