"""The server is killed while a page is open and started again: the page reconnects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.e2e.lab import Lab
from tests.e2e.page_helpers import NewPage, until
from tools.bench.server import LAB, Server, free_port, serving


@pytest.fixture
def begin() -> Iterator[Callable[[], Server]]:
    """Start the app, always on the same port."""
    port = free_port()
    with ExitStack() as servers:
        yield lambda: servers.enter_context(serving(LAB, port=port))


@pytest.mark.slow
def test_a_page_reconnects_with_the_state_of_its_link(
    begin: Callable[[], Server], new_page: NewPage
) -> None:
    server = begin()
    page = new_page(viewport={"width": 1280, "height": 1000})
    lab = Lab(page, server.url, "Inpainting?seed=7&iterations=100")
    lab.preset("left")
    page.wait_for_url("**hide=left*")
    expect(lab.player).to_have_attribute("data-state", "finished")
    lab.settle()
    address = page.url
    lab.player.evaluate("(player) => (player.dataset.state = 'of the old server')")
    server.process.kill()
    server.process.wait(30)
    connected = page.locator('[data-testid="stApp"][data-test-connection-state="CONNECTED"]')
    expect(connected).to_have_count(0)
    begin()
    expect(connected).to_have_count(1)
    rests = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(rests).to_be_visible()

    def shows_its_run() -> bool:
        """While the new server imports torch, a shipped picture is above what was there."""
        players = page.locator(".player").all()
        return [each.get_attribute("data-state") for each in players] == ["finished"]

    until(page, shows_its_run, "the run is shown by the new server")
    lab.settle()
    assert page.url == address
    lab.preset("right")
    page.wait_for_url("**hide=right*")
    assert "seed=7" in page.url
