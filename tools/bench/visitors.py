"""Visitors without a browser: sessions that use Streamlit's websocket protocol.

A visitor opens a page, receives its elements, requests the reruns of timed fragments, and paints
on the canvas. It draws nothing, so that twenty visitors leave the cores to the server.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

LONG = 600.0
"""Time limit of every wait, in seconds."""
_RUN = re.compile(r'"run": ?"(\w+)"')
_STATE = re.compile(r'"state": ?"(\w+)"')


class Visitor:
    """One tab, closed at the end of `async with`.

    Args:
        url: address of the server.
        page: path of the page, without the leading slash; "" is the start page.
        query: query string, without the question mark.
        protocol: websocket subprotocols besides "streamlit". A tab that reconnects sends a token
            and the id of its session here.
    """

    def __init__(
        self, url: str, page: str = "", query: str = "", protocol: Iterable[str] = ()
    ) -> None:
        self.url = url.replace("http", "ws", 1)
        self.page, self.query = page, query
        self.session = ""
        self.runs = 0  # completed runs of the script
        self.player: tuple[str, str] = ("", "")  # run and state of the chain player
        self.widgets: dict[str, str] = {}  # key → id
        self.data: dict[str, str] = {}  # key of a component → its last data, JSON
        self.texts: list[str] = []  # bodies of alerts and Markdown in the last run
        self.exceptions: list[str] = []  # in all runs
        self.states: dict[str, tuple[str, Any]] = {}  # id → kind and value of a widget
        self._protocol = [Subprotocol(text) for text in ("streamlit", *protocol)]
        self._hash = ""
        self._known: dict[str, tuple[str, str]] = {}  # hash of a message → run and state
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._received = asyncio.Condition()

    async def __aenter__(self) -> Visitor:
        self.line: ClientConnection = await connect(
            f"{self.url}/_stcore/stream",
            subprotocols=self._protocol,
            max_size=None,
            compression=None,
            ping_interval=None,
            open_timeout=LONG,
        )
        self._listening = asyncio.create_task(self._listen())
        await self.request_run()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the tab."""
        for timer in self._timers.values():
            timer.cancel()
        await self.line.close()
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening

    async def request_run(self, fragment: str = "") -> None:
        """Request a run of the script, or of a fragment as its timer does."""
        message = BackMsg()
        request = message.rerun_script
        request.query_string, request.page_script_hash = self.query, self._hash
        request.page_name = "" if self._hash else self.page
        request.fragment_id, request.is_auto_rerun = fragment, bool(fragment)
        for name, (kind, value) in self.states.items():
            state = request.widget_states.widgets.add()
            state.id = name
            setattr(state, kind, value)
        await self.send(message.SerializeToString())

    async def send(self, content: bytes) -> None:
        """Send bytes, whether or not they are a valid message."""
        with suppress(ConnectionClosed):
            await self.line.send(content)

    async def rerun(self) -> float:
        """Seconds that a run of the script without a change takes."""
        runs, start = self.runs, time.perf_counter()
        await self.request_run()
        await self.until(lambda: self.runs > runs)
        return time.perf_counter() - start

    async def until(self, condition: Callable[[], bool], seconds: float = LONG) -> None:
        """Wait until a condition is true.

        Raises:
            TimeoutError: it was not true within `seconds`.
            ConnectionError: the server closed the connection.
        """
        async with asyncio.timeout(seconds), self._received:
            while not condition():
                if self._listening.done():
                    raise ConnectionError(f"the connection was closed: {self.line.close_reason}")
                await self._received.wait()

    async def set(self, key: str, value: dict[str, Any]) -> None:
        """Give the component `key` a new state, and rerun the script."""
        self.states[self.widgets[key]] = ("json_value", json.dumps(value))
        await self.request_run()

    async def stroke(self, number: int, bits: str, key: str = "mask_canvas") -> float:
        """Seconds from a stroke on the canvas to the first frame of the run that it starts.

        Args:
            number: number of the stroke, higher than the previous one.
            bits: mask of the hidden pixels after the stroke, packed in base64.
            key: key of the canvas.
        """
        data = json.loads(self.data[key])
        layer = data["layers"][-1]
        painted = {"height": data["height"], "width": data["width"], "rev": layer["rev"]}
        previous, start = self.player[0], time.perf_counter()
        await self.set(key, {"pixels": painted | {"stroke": number, "bits": bits}})
        await self.until(lambda: self.player[0] != previous)
        return time.perf_counter() - start

    async def _listen(self) -> None:
        try:
            async for content in self.line:
                assert isinstance(content, bytes)
                self._handle(ForwardMsg.FromString(content))
                async with self._received:
                    self._received.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._received:
                self._received.notify_all()

    def _handle(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
            if not message.metadata.run.fragment_ids:
                self.texts = []
                self._stop_timers()
        elif kind == "navigation":
            self._hash = message.navigation.page_script_hash
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message)
        elif kind == "ref_hash" and message.ref_hash in self._known:
            self.player = self._known[message.ref_hash]
        elif kind == "auto_rerun":
            name, every = message.auto_rerun.fragment_id, message.auto_rerun.interval
            if name in self._timers:
                self._timers.pop(name).cancel()
            self._timers[name] = asyncio.create_task(self._tick(name, every))
        elif kind == "script_finished":
            self.runs += message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY

    def _element(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind in ("alert", "markdown"):
            self.texts.append(getattr(element, kind).body)
        elif kind == "exception":
            self.exceptions.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "bidi_component":
            component = element.bidi_component
            self.widgets[_key(component.id)] = component.id
            text = component.json or component.mixed.json
            if component.component_name.endswith("chain_player"):
                run, state = _RUN.search(text), _STATE.search(text)
                if run and state:
                    self.player = self._known[message.hash] = (run[1], state[1])
            else:
                self.data[_key(component.id)] = text
        elif kind and hasattr(widget := getattr(element, kind), "id"):
            self.widgets[_key(widget.id)] = widget.id

    async def _tick(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.request_run(fragment)

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _key(name: str) -> str:
    """Key of a widget, which is the end of its id."""
    return name.split("-", 2)[-1]
