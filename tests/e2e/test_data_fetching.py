"""A data set is fetched by a click: progress and images, also for a visitor who clicks later."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.data.official_server import FILES, Server
from tests.e2e.page_helpers import NewPage, assert_no_horizontal_overflow, settle
from tools.bench.server import serving

APP = Path(__file__).parent / "apps/fetching/app.py"
BUTTON = "Fetch MNIST's test images (3.4 MB)"


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A local server of the official files, which holds each answer back half-way."""
    with Server(dict(FILES)) as local:
        thread = threading.Thread(target=local.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        local.fail("hold")
        monkeypatch.setenv("OFFICIAL_SERVER", local.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield local
        local.over.set()
        local.shutdown()
        thread.join()


def visit(new_page: NewPage, url: str, **options: object) -> Page:
    page = new_page(**options)
    page.goto(f"{url}/Inpainting?data=mnist&iterations=100")
    page.locator(".player").wait_for()
    settle(page)
    return page


def assert_title(page: Page, title: str) -> None:
    expect(page.locator(".player .original-title")).to_have_text(title)


@pytest.mark.slow
def test_one_click_brings_the_images_to_every_visitor(official: Server, new_page: NewPage) -> None:
    with serving(APP) as server:
        narrow = visit(
            new_page, server.url, viewport={"width": 360, "height": 740}, color_scheme="dark"
        )
        expect(narrow.get_by_role("button", name=BUTTON)).to_be_visible()
        assert_no_horizontal_overflow(narrow)
        narrow.close()
        first = visit(new_page, server.url)
        second = visit(new_page, server.url, locale="en-GB")  # a browser context of its own
        for page in (first, second):
            expect(page.get_by_text("Licence: CC BY-SA 3.0")).to_be_visible()
            expect(page.get_by_text("drawn by the model itself")).to_be_visible()
            assert_title(page, "Model sample")
            expect(page.locator(".player .scores")).to_be_hidden()
            expect(page.get_by_text("difference from the model sample")).to_be_visible()
        first.get_by_role("button", name=BUTTON).click()
        with suppress(TooLate):  # if the page was drawn again, it has no button left
            second.get_by_role("button", name=BUTTON).click(timeout=1000)  # begins no other fetch
        for page in (first, second):
            bar = page.get_by_role("progressbar")
            expect(bar).to_be_visible()
            expect(page.get_by_text("Fetching MNIST: ")).to_be_visible()
            expect(page.get_by_role("button", name=BUTTON)).to_have_count(0)
        assert official.stalled.is_set()
        official.over.set()
        for page in (first, second):
            assert_title(page, "Original")
            expect(page.locator(".player .original-note")).to_have_text("test image")
            expect(page.get_by_text("drawn by the model itself")).to_have_count(0)
            expect(page.locator(".player .scores")).to_be_visible()
        assert len(official.requests) == len(set(official.requests)) == 4
        third = visit(new_page, server.url)
        assert_title(third, "Original")
