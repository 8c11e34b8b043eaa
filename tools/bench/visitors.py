"""Visitors without a browser: sessions that speak Streamlit's websocket protocol.

A visitor opens a page, hears what is drawn, asks for reruns as timers of fragments would, and
paints on the canvas. It keeps no picture, so that twenty of them leave the cores to the server.
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
"""Seconds that anything may take."""
_RUN = re.compile(r'"run": ?"(\w+)"')
_STATE = re.compile(r'"state": ?"(\w+)"')


class Visitor:
    """One tab, closed at the end of `async with`.

    Args:
        url: of the server.
        page: its address, without the leading slash; "" is the front door.
        query: what follows the question mark.
        protocol: beside "streamlit", what a tab says that comes back: a token, and its session.
    """

    def __init__(
        self, url: str, page: str = "", query: str = "", protocol: Iterable[str] = ()
    ) -> None:
        self.url = url.replace("http", "ws", 1)
        self.page, self.query = page, query
        self.session = ""
        self.runs = 0  # of the script, ended
        self.player: tuple[str, str] = ("", "")  # run and state of the chain player
        self.widgets: dict[str, str] = {}  # key → id
        self.data: dict[str, str] = {}  # key of a component → what it was last told, JSON
        self.texts: list[str] = []  # bodies of alerts and Markdown in the last run
        self.exceptions: list[str] = []  # of all runs
        self.states: dict[str, tuple[str, Any]] = {}  # id → kind and value that the browser holds
        self.heard = 0  # bytes
        self._protocol = [Subprotocol(text) for text in ("streamlit", *protocol)]
        self._hash = ""
        self._known: dict[str, tuple[str, str]] = {}  # messages that may be referred to
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Condition()

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
        await self.ask()
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

    async def ask(self, fragment: str = "") -> None:
        """Ask for a run of the script, or of a fragment as its timer would."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self.query, self._hash
        asked.page_name = "" if self._hash else self.page
        asked.fragment_id, asked.is_auto_rerun = fragment, bool(fragment)
        for name, (kind, value) in self.states.items():
            state = asked.widget_states.widgets.add()
            state.id = name
            setattr(state, kind, value)
        await self.say(message.SerializeToString())

    async def say(self, content: bytes) -> None:
        """Send any bytes."""
        with suppress(ConnectionClosed):
            await self.line.send(content)

    async def rerun(self) -> float:
        """Seconds that a run of the script takes that changes nothing."""
        runs, begun = self.runs, time.perf_counter()
        await self.ask()
        await self.until(lambda: self.runs > runs)
        return time.perf_counter() - begun

    async def until(self, true: Callable[[], bool], seconds: float = LONG) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: it was not.
            ConnectionError: the server closed the connection.
        """
        async with asyncio.timeout(seconds), self._news:
            while not true():
                if self._listening.done():
                    raise ConnectionError(f"the connection was closed: {self.line.close_reason}")
                await self._news.wait()

    async def set(self, key: str, value: dict[str, Any]) -> None:
        """Let the component `key` have another state, and rerun the script."""
        self.states[self.widgets[key]] = ("json_value", json.dumps(value))
        await self.ask()

    async def stroke(self, number: int, bits: str, key: str = "mask_canvas") -> float:
        """Seconds from a stroke on the canvas to the first frame of the run that it brings.

        Args:
            number: of the stroke, higher than the last.
            bits: what is hidden then, packed in base64.
            key: of the canvas.
        """
        told = json.loads(self.data[key])
        layer = told["layers"][-1]
        painted = {"height": told["height"], "width": told["width"], "rev": layer["rev"]}
        before, begun = self.player[0], time.perf_counter()
        await self.set(key, {"pixels": painted | {"stroke": number, "bits": bits}})
        await self.until(lambda: self.player[0] != before)
        return time.perf_counter() - begun

    async def _listen(self) -> None:
        try:
            async for content in self.line:
                assert isinstance(content, bytes)
                self.heard += len(content)
                self._take(ForwardMsg.FromString(content))
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._news:
                self._news.notify_all()

    def _take(self, told: ForwardMsg) -> None:
        kind = told.WhichOneof("type")
        if kind == "new_session":
            self.session = told.new_session.initialize.session_id or self.session
            if not told.metadata.run.fragment_ids:
                self.texts = []
                self._stop_timers()
        elif kind == "navigation":
            self._hash = told.navigation.page_script_hash
        elif kind == "delta" and told.delta.WhichOneof("type") == "new_element":
            self._element(told)
        elif kind == "ref_hash" and told.ref_hash in self._known:
            self.player = self._known[told.ref_hash]
        elif kind == "auto_rerun":
            name, every = told.auto_rerun.fragment_id, told.auto_rerun.interval
            if name in self._timers:
                self._timers.pop(name).cancel()
            self._timers[name] = asyncio.create_task(self._tick(name, every))
        elif kind == "script_finished":
            self.runs += told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY

    def _element(self, told: ForwardMsg) -> None:
        element = told.delta.new_element
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
                    self.player = self._known[told.hash] = (run[1], state[1])
            else:
                self.data[_key(component.id)] = text
        elif hasattr(widget := getattr(element, kind), "id"):
            self.widgets[_key(widget.id)] = widget.id

    async def _tick(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.ask(fragment)

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _key(name: str) -> str:
    """The key that a widget's id ends with."""
    return name.split("-", 2)[-1]
