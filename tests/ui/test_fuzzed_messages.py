"""What a browser of ours never sends costs a real server at most one line of its log.

The page stays as it is: a value that no widget can have sent counts as if it were not sent.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import BackendOperationResponse, ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.patience import PATIENCE
from tools.bench.server import ROOT, free_port
from tools.hosting.check import answers
from ui import server_limits, streamlit_internals

APP = """
import streamlit as st
from ui import server_limits
from ui.components.number_line import number_line
from ui.components.pixel_canvas import pixel_canvas
from ui.download_button import download_button
server_limits.apply()
st.text_input("a", "first")
st.slider("b", 0, 10, 3)
st.slider("c", 0.0, 1.0, (0.2, 0.4))
st.multiselect("d", ["x", "y"], ["x"])
st.selectbox("e", ["x", "y"])
st.segmented_control("f", ["x", "y"], default="x")
st.number_input("g", 0, 9, 5)
st.checkbox("h")
st.radio("i", ["x", "y"])
st.file_uploader("j")
st.button("k")
number_line("l", [1.0], low=0, high=2, rev=1, label="n")
st.select_slider("m", ["x", "y"])
download_button("o", lambda: "content", "o.txt", "text/plain")
"""
DEEP = "[" * 100_000
FIELDS = {
    "string_value": ["", "x", "9" * 5000],
    "json_value": [DEEP, "{", '{"value": ' + "[" * 500 + "]" * 500 + "}", '{"value": [1e999]}'],
    "json_trigger_value": [DEEP, "{", '[{"event": 1}]'],
    "int_value": [5, -(2**62)],
    "double_value": [float("nan"), 1e308],
    "int_array_value": [[99], []],
    "double_array_value": [[float("nan")], [1e308, -1.0, 5.0], []],
    "string_array_value": [["q"], []],
    "bool_value": [True],
    "bytes_value": [b"\xff"],
    "trigger_value": [True],
    "file_uploader_state_value": ["nonsense"],
}


class Visitor:
    """A connection to the server, and the server's log."""

    def __init__(self, line: ClientConnection, log: Path) -> None:
        self.line, self.log = line, log
        self.ids: dict[str, str] = {}  # kind of a widget → its id
        self.session = self.file = ""  # ids of the session and of the file that it offers
        self.run()

    def run(self) -> list[str]:
        """Run the script once, as a browser does; returns errors on the page."""
        self.line.send(rerun())
        return self.wait()

    def wait(self) -> list[str]:
        """Wait for the end of a script run; returns the messages of exceptions on the page."""
        errors, deadline = [], time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            message = ForwardMsg.FromString(self.line.recv(timeout=PATIENCE))
            kind = message.WhichOneof("type")
            if kind == "delta":
                element = message.delta.new_element
                name = element.WhichOneof("type")
                if name == "download_button":
                    self.file = element.download_button.deferred_file_id
                if name == "exception":
                    errors.append(element.exception.message)
                elif name and hasattr(getattr(element, name), "id"):
                    self.ids[name] = getattr(element, name).id
            elif kind == "new_session":
                self.session = message.new_session.initialize.session_id
            elif kind == "session_event":
                errors.append(str(message.session_event))
            elif kind == "script_finished":
                return errors
        raise AssertionError("the script did not end")

    def answer(self) -> BackendOperationResponse:
        """Wait for the answer to a request."""
        while True:
            message = ForwardMsg.FromString(self.line.recv(timeout=PATIENCE))
            if message.WhichOneof("type") == "backend_operation_response":
                return message.backend_operation_response

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()


def rerun(*widgets: tuple[str, str, object], **fields: str) -> bytes:
    """The message that starts a run, with widgets (id, field, value)."""
    message = BackMsg()
    request = message.rerun_script
    request.query_string = fields.get("query", "")
    request.page_script_hash = fields.get("page", "")
    request.fragment_id = fields.get("fragment", "")
    for name, field, value in widgets:
        state = request.widget_states.widgets.add()
        state.id = name
        if field.endswith("array_value"):
            getattr(state, field).data.extend(value)
        elif field == "file_uploader_state_value":
            file = state.file_uploader_state_value.uploaded_file_info.add()
            file.file_id = file.name = str(value)
        else:
            setattr(state, field, value)
    return message.SerializeToString()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of the websocket, and the log."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    command = ["streamlit", "run", str(folder / "app.py"), f"--server.port={port}"]
    command += ["--server.headless=true", "--server.fileWatcherType=none"]
    command += ["--server.address=127.0.0.1"]
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=file,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"ws://127.0.0.1:{port}/_stcore/stream", log
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def visit(server: tuple[str, Path]) -> Iterator[Callable[[], Visitor]]:
    """Opens connections, after a first visitor has set the limits of the server."""
    address, log = server
    with ExitStack() as stack:

        def visitor() -> Visitor:
            line = connect(
                address, max_size=None, max_queue=None, subprotocols=["streamlit"], proxy=None
            )
            return Visitor(stack.enter_context(line), log)

        visitor()
        yield visitor


def back(field: str, value: object) -> bytes:
    message = BackMsg()
    setattr(message, field, value)
    return message.SerializeToString()


LINES = "x\n2026-01-01 00:00:00.000 forged\r\n\u2028\x1b[31m" + "y" * 5000


def operation(request: str, session: str, **payload: str | bool) -> bytes:
    """A request of a browser beside the runs of a script; `payload` has at most one field."""
    message = BackMsg()
    sent = message.backend_operation_request
    sent.request_id, sent.session_id = request, session
    for field, value in payload.items():
        each = getattr(sent, field)
        each.SetInParent()
        if field == "deferred_file":
            each.file_id = value
        elif field == "dataframe_chunk":
            each.source_id = value
    return message.SerializeToString()


NO_MESSAGES = {
    "text": "hello",
    "deep text": DEEP,
    "no protobuf": b"\xff\xff\xff",
    "random": random.Random(0).randbytes(200),
    "longer than a message may be": b"\0" * 1_100_000,
    "longer than a frame may be": b"\0" * 21_000_000,
}
STRANGE = {
    "empty": b"",
    "clear the caches": back("clear_cache", True),
    "disconnect": back("debug_disconnect_websocket", True),
    "shut down": back("debug_shutdown_runtime", True),
    "git": back("load_git_info", True),
    "save": back("set_run_on_save", True),
    "stop": back("stop_script", True),
    "page": rerun(page="nonsense"),
    "fragment": rerun(fragment="nonsense"),
    "fragment with lines": rerun(fragment=LINES),
    "request of another session": operation(LINES, "another", deferred_file=LINES),
    "request of no session": operation(LINES, ""),
    "query": rerun(query="\0&&&=%ff%00&" + "a" * 10_000),
    "unknown widgets": rerun(*((f"nothing {i}", "string_value", "x") for i in range(1000))),
    "unknown ids": rerun(*((f"$$ID-{i}-None", "string_value", "x") for i in range(1000))),
    "unknown keys": rerun(*((f"$$ID-{i}-key", "json_value", DEEP[:99]) for i in range(1000))),
}


OPERATIONS = {
    "unknown file": {"deferred_file": "nonsense"},
    "unknown file with lines": {"deferred_file": LINES},
    "nothing": {},
    "install": {"install_skills": True},
    "dismiss": {"dismiss_skills_nudge": True},
    "part of a table": {"dataframe_chunk": LINES},
}
"""Payloads of requests that name the session of their connection."""


@pytest.mark.parametrize("name", NO_MESSAGES)
def test_what_is_no_message_ends_the_connection(visit: Callable[[], Visitor], name: str) -> None:
    visitor, other = visit(), visit()
    before = len(visitor.lines())
    with suppress(ConnectionClosed):  # the server may not wait for the end of a long one
        visitor.line.send(NO_MESSAGES[name])
    with pytest.raises(ConnectionClosed):
        visitor.wait()
    assert other.run() == []
    assert len(other.lines()) <= before + 1, other.lines()[before:]


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_message_does_no_harm(visit: Callable[[], Visitor], name: str) -> None:
    visitor, other = visit(), visit()
    before = len(visitor.lines())
    visitor.line.send(STRANGE[name])
    assert other.run() == []
    assert visit().run() == []
    assert len(other.lines()) <= before + 1, other.lines()[before:]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_strange_request_is_refused(visit: Callable[[], Visitor], name: str) -> None:
    visitor, other = visit(), visit()
    before = len(visitor.lines())
    visitor.line.send(operation(LINES, visitor.session, **OPERATIONS[name]))
    answer = visitor.answer()
    assert answer.request_id == LINES
    assert answer.error_msg == "This file is no longer offered. Try again."
    assert other.run() == []
    new = other.lines()[before:]
    assert len(new) <= 1, new
    assert not any("forged" in line or "Traceback" in line for line in new)


def test_a_file_that_the_page_offers_is_sent_and_another_visitors_is_not(
    visit: Callable[[], Visitor],
) -> None:
    visitor, other = visit(), visit()
    other.line.send(operation("1", other.session, deferred_file=visitor.file))
    assert other.answer().error_msg
    visitor.line.send(operation("1", visitor.session, deferred_file=visitor.file))
    answer = visitor.answer()
    assert answer.error_msg == ""
    address = f"http://{visitor.line.remote_address[0]}:{visitor.line.remote_address[1]}"
    with urlopen(address + answer.deferred_file.url) as file:
        assert file.read() == b"content"


def test_a_value_that_no_widget_can_have_sent_is_ignored(visit: Callable[[], Visitor]) -> None:
    visitor = visit()
    assert len(visitor.ids) >= 10
    for widget, name in visitor.ids.items():
        for field, values in FIELDS.items():
            for value in values:
                before = len(visitor.lines())
                visitor.line.send(rerun((name, field, value)))
                assert visitor.wait() == [], (widget, field, value)
                new = visitor.lines()[before:]
                assert len(new) <= 1, (widget, field, value, new)
    assert visitor.run() == []


def test_lines_of_the_log_are_rare(caplog: pytest.LogCaptureFixture) -> None:
    report = server_limits._Report()
    for _ in range(1000):
        report()
    assert len(caplog.records) <= 2


@pytest.mark.parametrize(
    ("value", "levels"),
    [(1, 0), ("[[", 0), ([], 1), ({}, 1), ([1, [2]], 2), ({"a": {"b": [1]}, "c": 1}, 3)],
)
def test_the_depth_of_a_value(value: object, levels: int) -> None:
    assert streamlit_internals.depth(value) == levels


@pytest.mark.parametrize(
    ("field", "expected", "accepted"),
    [
        ("int_value", "double_value", True),  # what a browser sends for a whole number
        ("string_value", "string_value", True),
        ("string_value", None, True),
        ("int_value", "string_value", False),
        ("double_array_value", "double_value", False),
    ],
)
def test_only_a_value_of_the_widgets_type_is_read(
    field: str, expected: str | None, accepted: bool
) -> None:
    assert streamlit_internals._is_of_type(field, expected) == accepted
