"""A real browser, and real servers on free ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.e2e.page_helpers import LONG, NewPage
from tools.bench.browser import FLAGS, NAMES, SHELL, on_path
from tools.bench.server import LAB, serving

collect_ignore_glob = ["apps/*"]  # each is run by a server of its own
expect.set_options(timeout=LONG)
Serve = Callable[..., str]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    if (chromium := on_path(SHELL, *NAMES)) is None:
        pytest.skip("no Chromium on this machine")
    found = playwright.chromium.launch(executable_path=chromium, args=["--headless", *FLAGS])
    yield found
    found.close()


@pytest.fixture(scope="session")
def webgpu_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with WebGPU, in which the processor imitates a graphics card."""
    if (chromium := on_path(SHELL, *NAMES)) is None:
        pytest.skip("no Chromium on this machine")
    flags = ["--headless", *FLAGS, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    found = playwright.chromium.launch(executable_path=chromium, args=flags)
    page = found.new_page()
    page.goto(Path(__file__).as_uri())  # an address with WebGPU; about:blank has none
    has_adapter = page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())")
    page.close()
    if not has_adapter:
        found.close()
        pytest.skip("this Chromium has no WebGPU adapter")
    yield found
    found.close()


@pytest.fixture(scope="session")
def warm(browser: Browser) -> BrowserContext:
    """Browser context shared by most pages, so that scripts are compiled only once."""
    return browser.new_context()


@pytest.fixture
def new_page(browser: Browser, warm: BrowserContext) -> Iterator[NewPage]:
    """Open an empty page; options, if any, are those of `Browser.new_context`.

    At the end of the test, no page may have reported an error, and all pages are closed.
    """
    contexts, pages, problems = [], [], []

    def opened(
        viewport: ViewportSize | None = None,
        color_scheme: str = "light",
        reduced_motion: str = "no-preference",
        **others: object,
    ) -> Page:
        if others:
            contexts.append(browser.new_context(**others))  # type: ignore[arg-type]
        page = (contexts[-1] if others else warm).new_page()
        page.set_default_timeout(LONG)
        pages.append(page)
        page.set_viewport_size(viewport or {"width": 1280, "height": 720})
        page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        page.on("pageerror", lambda error: problems.append(error.stack or str(error)))
        page.on(
            "console",
            lambda line: problems.append(line.text) if "could not be read" in line.text else None,
        )
        return page

    yield opened
    for page in pages:
        with suppress(Error):  # the test closed the page, or the page never opened an address
            page.evaluate("localStorage.clear()")
        page.close()
    warm.clear_cookies()
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Start `streamlit run APP --options`, as `serving` does; returns its address."""
    with ExitStack() as servers:
        yield (
            lambda app, *options, **settings: (
                servers.enter_context(serving(app, *options, **settings)).url
            )
        )


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The app without any data folder; tests of other apps define their own `server`."""
    with serving(LAB) as lab:
        yield lab.url
