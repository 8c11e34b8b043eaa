"""Limits on one visitor: kept uploads, the caches of all sessions, turns of the processor."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime import caching
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState
from streamlit.runtime.state.common import GENERATED_ELEMENT_ID_PREFIX, WidgetMetadata
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from tests.patience import PATIENCE
from ui import jobs, server_limits
from ui.jobs import Slots, Worker


def uploaded(number: int) -> UploadedFileRec:
    return UploadedFileRec(str(number), "a.png", "image/png", bytes(100))


def test_the_newest_uploads_of_a_session_are_kept_and_other_sessions_lose_none() -> None:
    server_limits.apply()
    manager = MemoryUploadedFileManager("/upload")
    manager.add_file("another", uploaded(0))
    for number in range(200):
        manager.add_file("one", uploaded(number))
    kept = [str(number) for number in range(200 - server_limits.MAX_FILES, 200)]
    assert [file.file_id for file in manager.get_files("one", list(map(str, range(200))))] == kept
    assert len(manager.get_files("another", ["0"])) == 1
    assert manager.get_files("another", kept) == []


def test_no_visitor_clears_the_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = []
    monkeypatch.setattr(caching.cache_data, "clear", lambda: cleared.append("data"))
    monkeypatch.setattr(caching.cache_resource, "clear", lambda: cleared.append("resources"))
    server_limits.apply()
    AppSession._handle_clear_cache_request(SimpleNamespace())
    assert not cleared


class Interrupted(Exception):
    """Stands in for Streamlit's own, which ends a run where another waits."""


def test_a_waiting_rerun_does_not_interrupt_a_callback() -> None:
    server_limits.apply()
    waits = False

    def interrupt() -> None:
        if waits:
            raise Interrupted

    state = SafeSessionState(SessionState(), interrupt)

    def click() -> None:
        nonlocal waits
        waits = True  # the rerun request comes while the callback runs
        state["half"] = state["box"]
        state["whole"] = state["box"]

    name = f"{GENERATED_ELEMENT_ID_PREFIX}-1-box"
    box = WidgetMetadata(name, lambda value: value, str, "string_value", callback=click)
    state.register_widget(box, "box")
    ThreadState.initialize()
    state.on_script_will_rerun(WidgetStates(widgets=[WidgetState(id=name, string_value="new")]))
    with pytest.raises(Interrupted):
        _ = state["box"]  # after the callback a run is interrupted as before
    waits = False
    assert (state["half"], state["whole"]) == ("new", "new")


def test_a_visitor_with_many_runs_gets_no_more_turns() -> None:
    """Slots alternate between visitors: five runs of one do not slow another five times."""
    turn, slots = Slots(1), Slots(1)
    counts = {"greedy": 0, "modest": 0}
    enough = threading.Event()

    def work(name: str) -> Iterator[int]:
        while not enough.is_set():
            time.sleep(0.002)
            counts[name] += 1
            if counts["modest"] >= 60:
                enough.set()
            yield counts[name]

    before, jobs._slots = jobs._slots, slots
    try:
        runs = [Worker(turn).start(i, lambda: work("greedy")) for i in range(5)]
        runs.append(Worker().start("modest", lambda: work("modest")))
        assert all(run.wait(PATIENCE) for run in runs)
    finally:
        jobs._slots = before
    assert counts["greedy"] < 2 * counts["modest"]


def test_garbage_is_collected_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit asks for a collection after every run of a script or fragment."""
    searches: list[int] = []
    monkeypatch.setattr(
        server_limits.gc, "collect", lambda generation: searches.append(generation) or 7
    )
    server_limits.apply()
    collector = script_runner.gc
    assert [collector.collect(2) for _ in range(5)] == [0] * 5
    monkeypatch.setattr(server_limits, "GC_INTERVAL", 0.0)
    assert collector.collect(2) == 7
    assert searches == [2]
