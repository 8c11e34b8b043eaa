"""A real browser, and real servers on free ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.e2e.looking import NewPage

expect.set_options(timeout=20_000)  # a busy machine is slow to answer, not wrong
ROOT = Path(__file__).parents[2]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Serve = Callable[..., str]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield found
    found.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Open an empty page in a context of its own, with the options of `Browser.new_context`.

    At the end of the test no page may have met an error.
    """
    contexts, problems = [], []

    def opened(**options: object) -> Page:
        contexts.append(browser.new_context(**options))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda line: problems.append(line.text) if "could not be read" in line.text else None,
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Start `streamlit run APP --options` on a free port; returns its address."""
    processes = []

    def start(app: Path, *options: str, environment: dict[str, str] | None = None) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
        command += ["--server.headless=true", "--server.fileWatcherType=none", *options]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
            except OSError:
                time.sleep(0.2)
            else:
                return url
        pytest.fail("the server did not start")

    yield start
    for process in processes:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def server(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The app on a machine without any data folder; tests of another app have a `server` too."""
    empty = tmp_path_factory.mktemp("data")
    return serve(ROOT / "app.py", environment={"DGM_DATA": str(empty)})
