"""Chromium with a stopwatch script in every page, and the times that the script records."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

STOPWATCH = Path(__file__).parent / "stopwatch.js"
RESTS = '[data-testid="stApp"][data-test-script-state="notRunning"]'
LONG = 120_000
"""Time limit of every wait, in milliseconds."""
SHELL = "chromium-headless-shell"
"""Chromium without a window; it needs about half of the CPU time per page."""
NAMES = ("chromium", "chromium-browser", SHELL)
"""Programs to look for, in this order: first the browser that visitors use."""
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
    """Playwright or Chromium is not installed; the message names which."""


@contextmanager
def browser() -> Iterator[Browser]:
    """Context manager: Chromium without a window, closed at the end of the block.

    Raises:
        NoBrowser: Playwright or Chromium is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser(
            "This program needs Playwright: pip install -r requirements-dev.txt."
        ) from None
    if (executable := on_path(*NAMES)) is None:
        raise NoBrowser(f"This program needs Chromium: none of {', '.join(NAMES)} is on PATH.")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


def on_path(*names: str) -> str | None:
    """Path of the first of these programs that is installed; None if there is none."""
    return next(filter(None, map(shutil.which, names)), None)


def context(browser: Browser) -> BrowserContext:
    """A new browser context with an empty cache and the stopwatch script."""
    opened = browser.new_context(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(LONG)
    opened.add_init_script(path=STOPWATCH)
    return opened


def rest(page: Page) -> None:
    """Wait until the Streamlit script has ended and the page has been drawn."""
    page.locator(RESTS).wait_for()
    page.wait_for_timeout(200)
    page.locator(RESTS).wait_for()


def bounds(locator: Locator) -> FloatRect:
    """Position and size of an element, in CSS pixels of the page.

    Raises:
        ValueError: the element is not visible.
    """
    box = locator.bounding_box()
    if box is None:
        raise ValueError(f"expected a visible element, got a hidden one: {locator}")
    return box


def first_picture(page: Page) -> float:
    """Time at which the page showed its first picture, in seconds since the epoch."""
    return page.wait_for_function("stopwatch.first", timeout=LONG).json_value() / 1e3


def answer(page: Page) -> float:
    """Milliseconds from the last pointer-up to the first picture of the run that it started."""
    page.wait_for_function("stopwatch.shown", polling=50, timeout=LONG)
    return page.evaluate("stopwatch.shown - stopwatch.released")


class Message(NamedTuple):
    """One websocket message between browser and server."""

    direction: str  # "in": to the browser, "out": to the server
    time: float  # ms
    content: bytes


def listen(page: Page) -> None:
    """Start recording messages."""
    page.evaluate("stopwatch.listen()")


def recorded(page: Page) -> list[Message]:
    """Messages since `listen`, in order; stops recording."""
    found = page.evaluate("stopwatch.recorded()")
    return [Message(m["direction"], m["time"], base64.b64decode(m["bytes"])) for m in found]


def rerun(messages: Sequence[Message]) -> tuple[float, dict[str, int]]:
    """Duration in milliseconds and bytes per kind of message of the first complete rerun.

    The time runs from the browser's request to the server's message that the script has ended,
    both as recorded in the browser.

    Raises:
        ValueError: the messages contain no complete rerun.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    requested: int | None = None
    for i, message in enumerate(messages):
        if message.direction == "out":
            request = BackMsg.FromString(message.content)
            if requested is None and request.WhichOneof("type") == "rerun_script":
                requested = i
        elif (
            requested is not None
            and what(ForwardMsg.FromString(message.content)) == "script_finished"
        ):
            return message.time - messages[requested].time, sizes(messages[requested : i + 1])
    raise ValueError(
        f"expected a run of the script among the messages, got none in {len(messages)}"
    )


def sizes(messages: Iterable[Message]) -> dict[str, int]:
    """Bytes per kind of message that the server sent."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    found: dict[str, int] = {}
    for message in messages:
        if message.direction == "in":
            kind = what(ForwardMsg.FromString(message.content))
            found[kind] = found.get(kind, 0) + len(message.content)
    return found


def what(message: ForwardMsg) -> str:
    """Kind of a server message; for an element, the kind of the element."""
    kind = message.WhichOneof("type") or "empty"
    if kind != "delta":
        return kind
    delta = message.delta
    change = delta.WhichOneof("type") or "empty"
    if change != "new_element":
        return change
    element = delta.new_element
    name = element.WhichOneof("type") or "empty"
    return f"{name} {element.bidi_component.component_name}" if name == "bidi_component" else name
