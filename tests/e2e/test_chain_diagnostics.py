"""The chain diagnostics in a real browser: five figures, and a cursor that follows the player."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.apps.chain_diagnostics_app import CHAINS, ITERATIONS, STUCK_SINCE
from tests.e2e.conftest import NewPage, Serve
from tools.bench.server import ROOT

SAMPLERS = 2
CURVES = {
    "Traces": SAMPLERS * CHAINS,
    "Autocorrelation": SAMPLERS,
    "R-hat and ESS": 2 * SAMPLERS,
    "Acceptance": SAMPLERS * (CHAINS + 1),
}
PICTURE = "canvas => canvas.toDataURL()"


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    return serve(ROOT / "tests/e2e/apps/chain_diagnostics_app.py")


def opened(new_page: NewPage, server: str, width: int) -> Page:
    page = new_page(viewport={"width": width, "height": 900})
    page.goto(server)
    expect(page.locator(".chain-diagnostics figure")).to_have_count(SAMPLERS)
    return page


def go_to(page: Page, iteration: int, run: str = "made up") -> None:
    page.evaluate(
        "detail => document.dispatchEvent(new CustomEvent('dgm-iteration', {detail}))",
        {"run": run, "iteration": iteration},
    )


def test_five_figures_on_a_phone_and_the_stuck_chain_is_named(
    new_page: NewPage, server: str
) -> None:
    page = opened(new_page, server, 400)
    sentence = page.locator(".sentences [data-sampler='1'] li").first
    still = ITERATIONS - STUCK_SINCE - 1
    expect(sentence).to_have_text(f"Chain 3 has not moved for {still} iterations.")
    for name, curves in CURVES.items():
        page.get_by_role("radio", name=name).click()
        expect(page.locator(".plot path.line")).to_have_count(curves)
    page.get_by_role("radio", name="Acceptance").press("ArrowRight")
    expect(page.get_by_role("radio", name="Paths")).to_be_focused()
    expect(page.locator("canvas.paths")).to_have_count(SAMPLERS)
    expect(page.locator("figure").nth(1)).to_have_attribute(
        "aria-label",
        f"Paths of Metropolis-within-Gibbs in latents z5 and z1. "
        f"Chain 3 has not moved for {still} iterations.",
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_cursor_follows_the_player_and_then_the_keys(new_page: NewPage, server: str) -> None:
    page = opened(new_page, server, 1000)
    charts, reading = page.locator(".chain-diagnostics"), page.locator("figure output").last
    expect(reading).to_contain_text(f"iteration {ITERATIONS}, chain 3")  # the stuck chain
    right = "line => Number(line.getAttribute('x1'))"
    end = page.locator(".plot .cursor").last.evaluate(right)
    go_to(page, 60)
    expect(charts).to_have_attribute("data-iteration", "60")
    expect(reading).to_contain_text("iteration 60, chain 3")
    assert page.locator(".plot .cursor").last.evaluate(right) < end
    go_to(page, 100, run="another")
    expect(charts).to_have_attribute("data-iteration", "60")
    page.locator("figure").last.focus()
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text("iteration 61")
    page.keyboard.press("ArrowDown")
    expect(reading).to_contain_text("iteration 61, chain 4")
    page.get_by_role("radio", name="Paths").click()
    paths = page.locator("canvas.paths").last
    before = paths.evaluate(PICTURE)
    go_to(page, 150)
    expect(charts).to_have_attribute("data-iteration", "150")
    assert paths.evaluate(PICTURE) != before
