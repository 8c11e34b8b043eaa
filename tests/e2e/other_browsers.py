"""Firefox and WebKit, which Playwright does not drive here: pages, scripts, mouse and fingers.

Firefox listens for WebDriver BiDi on a port of its own. The small browser of WebKitGTK is driven
by `WebKitWebDriver`, and shows its window on a virtual screen.

    with ExitStack() as stack:
        window = OPENERS["firefox"](stack)
        window.goto("about:blank")
        window.evaluate("(x) => 2 * x", 21)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.patience import PATIENCE
from tools.bench.server import free_port

# An element by its selector, also inside the shadow trees of components.
_FIND = """const find = (selector, root = document) => root.querySelector(selector) ??
  [...root.querySelectorAll("*")].filter((each) => each.shadowRoot)
    .map((each) => find(selector, each.shadowRoot)).find(Boolean) ?? null;"""


class Window(ABC):
    """A window of a browser; `goto` and `evaluate` are those of Playwright's pages."""

    @abstractmethod
    def goto(self, address: str) -> None:
        """Open an address, and wait until it has loaded."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Give the window this size in CSS pixels; WebKit keeps a smallest width."""

    @abstractmethod
    def perform(self, pointer: str, actions: Sequence[dict[str, Any]]) -> None:
        """Perform the actions of a pointer, "mouse" or "touch", one after another."""

    @abstractmethod
    def _called(self, function: str, arguments: list[Any]) -> Any:
        """The result of a function of the page."""

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """The result of a JavaScript function, awaited; `find` in it looks into shadow trees."""
        return self._called(f"(given) => {{ {_FIND} return ({function})(given); }}", [argument])

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the condition is true.

        Raises:
            AssertionError: the condition stayed false until the time limit.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            time.sleep(0.1)

    def drag(self, selector: str, *cells: tuple[float, float], pointer: str = "mouse") -> None:
        """Press at the first of these cells, (row, column) of 28, and release at the last."""
        left, top, side = self.evaluate(
            """(selector) => {
              const canvas = find(selector);
              canvas.scrollIntoView({block: "center", behavior: "instant"});
              const {left, top, width} = canvas.getBoundingClientRect();
              return [left, top, width];
            }""",
            selector,
        )
        moves = [
            {
                "type": "pointerMove",
                "duration": 20,
                "x": round(left + (column + 0.5) * side / 28),
                "y": round(top + (row + 0.5) * side / 28),
            }
            for row, column in cells
        ]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self.perform(pointer, [moves[0], down, *moves[1:], up])


def firefox(stack: ExitStack) -> Window:
    """A window of Firefox, until the stack is closed."""
    return Firefox(stack, *_programs("firefox-esr"))


def webkit(stack: ExitStack) -> Window:
    """A window of WebKitGTK, until the stack is closed."""
    return WebKit(stack, *_programs("WebKitWebDriver", "Xvfb"))


OPENERS: dict[str, Callable[[ExitStack], Window]] = {"firefox": firefox, "webkit": webkit}


def _programs(*names: str) -> list[str]:
    found = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        pytest.skip(f"not on the PATH: {', '.join(missing)}")
    return [str(path) for path in found]


class Firefox(Window):
    """WebDriver BiDi: JSON messages on a WebSocket, each answered by one with its number."""

    def __init__(self, stack: ExitStack, program: str) -> None:
        from websockets.sync.client import connect

        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        words = [program, "--headless", "--no-remote", "--profile", profile]
        port = free_port()
        _started(stack, [*words, f"--remote-debugging-port={port}"])
        address = f"ws://127.0.0.1:{port}/session"
        self.socket = stack.enter_context(_patiently(lambda: connect(address, max_size=None)))
        self.number = 0
        self._send("session.new", capabilities={})
        self.context = self._send("browsingContext.create", type="tab")["context"]

    def _send(self, method: str, **parameters: Any) -> Any:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        self.socket.send(json.dumps(message))
        while (answer := json.loads(self.socket.recv(PATIENCE))).get("id") != self.number:
            pass
        assert answer["type"] == "success", answer
        return answer["result"]

    def goto(self, address: str) -> None:
        self._send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def perform(self, pointer: str, actions: Sequence[dict[str, Any]]) -> None:
        self._send("input.performActions", context=self.context, actions=[_hand(pointer, actions)])

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._send("browsingContext.setViewport", context=self.context, viewport=size)

    def _called(self, function: str, arguments: list[Any]) -> Any:
        answer = self._send(
            "script.callFunction",
            functionDeclaration=f"async (text) => JSON.stringify(await ({function})("
            "...JSON.parse(text)) ?? null)",
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            target={"context": self.context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])


class WebKit(Window):
    """WebDriver: requests in HTTP."""

    BROWSERS: ClassVar = "usr/lib/*/webkit2gtk-4.*/MiniBrowser"

    def __init__(self, stack: ExitStack, program: str, screen: str) -> None:
        browser = next(iter(sorted(Path("/").glob(self.BROWSERS))), None)
        if browser is None:
            pytest.skip(f"no /{self.BROWSERS}")
        reader, writer = os.pipe()
        _started(stack, [screen, "-displayfd", str(writer)], pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader, encoding="ascii") as numbers:
            display = f":{numbers.readline().strip()}"
        port = free_port()
        _started(stack, [program, f"--port={port}"], env={**os.environ, "DISPLAY": display})
        self.address = f"http://127.0.0.1:{port}/session"
        options = {"binary": str(browser), "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        session = _patiently(lambda: self._send("", capabilities=wanted))
        self.address += f"/{session['sessionId']}"
        stack.callback(lambda: urlopen(Request(self.address, method="DELETE")).close())
        self._send("/timeouts", script=int(1000 * PATIENCE))

    def _send(self, path: str, **parameters: Any) -> Any:
        content = json.dumps(parameters).encode()
        request = Request(f"{self.address}{path}", content, {"Content-Type": "application/json"})
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]

    def goto(self, address: str) -> None:
        self._send("/url", url=address)

    def perform(self, pointer: str, actions: Sequence[dict[str, Any]]) -> None:
        self._send("/actions", actions=[_hand(pointer, actions)])

    def resize(self, width: int, height: int) -> None:
        self._send("/window/rect", width=width, height=height)

    def _called(self, function: str, arguments: list[Any]) -> Any:
        script = f"return ({function})(...arguments);"
        return self._send("/execute/sync", script=script, args=arguments)


def _patiently(connect: Callable[[], Any]) -> Any:
    """What the function returns as soon as the program that it calls listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connect()
        except (ConnectionRefusedError, URLError):
            assert time.monotonic() < deadline, "the browser does not answer"
            time.sleep(0.1)


def _started(stack: ExitStack, words: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """A program that is ended with the stack."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = stack.enter_context(subprocess.Popen(words, **{**quiet, **options}))
    stack.callback(running.terminate)
    return running


def _hand(pointer: str, actions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kind = {"pointerType": pointer}
    return {"type": "pointer", "id": pointer, "parameters": kind, "actions": list(actions)}
