"""Chromium with a stopwatch in every page, and what the stopwatch tells."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

STOPWATCH = Path(__file__).parent / "stopwatch.js"
RESTS = '[data-testid="stApp"][data-test-script-state="notRunning"]'
LONG = 120_000
"""Milliseconds that anything may take."""
SHELL = "chromium-headless-shell"
"""The same engine without windows to draw: a page takes half of the processor's time."""
NAMES = ("chromium", "chromium-browser", SHELL)
"""As visitors have it, first."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowser(Exception):
    """What is missing, in a sentence."""


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window, until the end of the block.

    Raises:
        NoBrowser: Playwright or Chromium is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser(
            "This benchmark drives a browser: pip install -r requirements-dev.txt."
        ) from None
    if (chromium := on_path(*NAMES)) is None:
        raise NoBrowser("This benchmark drives Chromium, and there is none on the path.")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield found
        finally:
            found.close()


def on_path(*names: str) -> str | None:
    """Where the first of these programs is that is on this machine."""
    return next(filter(None, map(shutil.which, names)), None)


def context(browser: Browser) -> BrowserContext:
    """A visitor with an empty cache, and a stopwatch."""
    made = browser.new_context(viewport={"width": 1280, "height": 1000})
    made.set_default_timeout(LONG)
    made.add_init_script(path=STOPWATCH)
    return made


def rest(page: Page) -> None:
    """Wait until the script rests and has drawn all."""
    page.locator(RESTS).wait_for()
    page.wait_for_timeout(200)
    page.locator(RESTS).wait_for()


def first_picture(page: Page) -> float:
    """When the first picture stood on the screen, seconds since the epoch."""
    return page.wait_for_function("stopwatch.first", timeout=LONG).json_value() / 1e3


def answer(page: Page) -> float:
    """Milliseconds from the last pointer-up to the first picture of what it brought."""
    page.wait_for_function("stopwatch.shown", polling=50, timeout=LONG)
    return page.evaluate("stopwatch.shown - stopwatch.lifted")


class Message(NamedTuple):
    """One between browser and server."""

    way: str  # in | out
    time: float  # ms
    content: bytes


def listen(page: Page) -> None:
    """Note the messages from now on."""
    page.evaluate("stopwatch.listen()")


def heard(page: Page) -> list[Message]:
    """Those since `listen`, in order."""
    found = page.evaluate("stopwatch.heard()")
    return [Message(m["way"], m["time"], base64.b64decode(m["bytes"])) for m in found]


def rerun(messages: Sequence[Message]) -> tuple[float, dict[str, int]]:
    """The first whole run of the script among them: milliseconds, and bytes by their kind.

    From the browser's request to the server's word that the script has ended, both as the browser
    saw them go by.

    Raises:
        ValueError: there is none.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    begun, sizes = None, {}
    for message in messages:
        if message.way == "out":
            asked = BackMsg.FromString(message.content)
            if begun is None and asked.WhichOneof("type") == "rerun_script":
                begun = message.time
            continue
        if begun is None:
            continue
        told = ForwardMsg.FromString(message.content)
        kind = told.WhichOneof("type")
        sizes[what(told)] = sizes.get(what(told), 0) + len(message.content)
        if kind == "script_finished":
            return message.time - begun, sizes
    raise ValueError("expected a run of the script among the messages")


def what(told: object) -> str:
    """A message of the server: its kind, and of an element which."""
    kind = told.WhichOneof("type")
    if kind != "delta":
        return kind
    delta = told.delta
    if delta.WhichOneof("type") != "new_element":
        return delta.WhichOneof("type")
    element = delta.new_element
    name = element.WhichOneof("type")
    return f"{name} {element.bidi_component.component_name}" if name == "bidi_component" else name
