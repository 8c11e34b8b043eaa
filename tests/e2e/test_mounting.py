"""Components that load late show the latest message; removed components leave no listeners."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage, Serve
from tools.bench.server import ROOT

APPS = ROOT / "tests/e2e/apps"
# The scripts of components load after three seconds, as in a busy browser.
LATE = """() => {
  const make = URL.createObjectURL
  URL.createObjectURL = (blob) => {
    if (!blob.type.includes("javascript")) return make(blob)
    const wait = "await new Promise((go) => setTimeout(go, 3000));\\n"
    return make(new Blob([wait, blob], { type: blob.type }))
  }
}"""
# Number of listeners of the window and the document.
COUNT = """() => {
  window.listening = 0
  for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]])
    for (const target of [window, document]) {
      const original = target[name].bind(target)
      target[name] = (kind, ...rest) => {
        if (["resize", "keydown", "keyup", "blur"].includes(kind)) window.listening += by
        return original(kind, ...rest)
      }
    }
}"""


def prepared(page: Page, script: str) -> Page:
    page.add_init_script(f"({script})()")
    return page


@pytest.mark.slow
def test_messages_received_before_the_script_are_shown(serve: Serve, new_page: NewPage) -> None:
    url = serve(APPS / "chain_player_app.py")
    page = prepared(new_page(), LATE)
    page.goto(f"{url}/?scene=stream&stop=20")
    expect(page.locator(".player")).to_have_attribute("data-frame", "19")


def test_a_removed_component_has_no_listeners(serve: Serve, new_page: NewPage) -> None:
    url = serve(APPS / "pixel_canvas_app.py")
    page = prepared(new_page(), COUNT)
    page.goto(url)
    board = page.locator("canvas.board")
    board.wait_for()
    page.wait_for_function("window.listening > 0")
    page.wait_for_timeout(500)  # the parts of the page start one after another
    shown = page.evaluate("window.listening")
    toggle = page.get_by_text("Show", exact=True)
    toggle.click()
    board.wait_for(state="detached")
    page.wait_for_function(f"window.listening < {shown}")
    toggle.click()
    board.wait_for()
    page.wait_for_function(f"window.listening >= {shown}")
    page.wait_for_timeout(500)
    assert page.evaluate("window.listening") == shown
