"""The built documentation in a real browser, from files, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tools.documentation import site


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    out = tmp_path_factory.mktemp("site")
    assert site.build(out) == []
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_pages_are_accessible_and_the_search_works_from_a_file(
    pages: Path, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    view = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    page = view.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for name in ("index", "your-own", "models", "dgm_core/types", "numbers/clusters"):
        page.goto((pages / f"{name}.html").as_uri())
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], name
    page.keyboard.press("/")
    page.keyboard.type("metropolis_within_gibbs")
    first = page.locator("#results a").first
    first.wait_for()
    assert first.locator("b").inner_text() == "metropolis_within_gibbs"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.keyboard.press("Enter")
    page.wait_for_url("**/dgm_core/samplers/metropolis.html#metropolis_within_gibbs")
    page.get_by_role("searchbox").fill("xyzzy")
    page.get_by_text("No page mentions").wait_for()
    page.get_by_role("searchbox").press("Escape")
    if width < 800:
        page.get_by_role("button", name="Menu").click()
    page.get_by_text("Measured numbers", exact=True).click()
    page.get_by_role("link", name="Load and faults").click()
    page.wait_for_url("**/numbers/load.html")
    assert errors == []
    view.close()
