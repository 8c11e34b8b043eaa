"""Downloads: one at a time for each session, each made once, and none outlives its session."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgm_core.child_process import Pool
from dgm_core.stepwise import Steps
from tests.patience import PATIENCE
from ui import download_button, jobs
from ui.download_button import BUSY, FAILED, Downloads, KeptFiles, Refused

UI = Path(__file__).parents[2] / "ui"


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Downloads]:
    monkeypatch.setattr(download_button, "_kept", KeptFiles(1000))
    monkeypatch.setattr(jobs, "_slots", jobs.Slots(1))
    session = Downloads(jobs.Slots(1))
    yield session
    session.close()


class Slow:
    """Makes a file after `go` is set, and counts how often."""

    def __init__(self) -> None:
        self.begun, self.go, self.made = threading.Event(), threading.Event(), 0

    def __call__(self) -> Steps[str]:
        self.made += 1
        self.begun.set()
        while not self.go.wait(0.01):
            yield
        return "content"


class Request(threading.Thread):
    """A request as Streamlit makes it, in a thread; `answer` is the file or what was raised."""

    def __init__(self, downloads: Downloads, key: str, make: download_button.Make) -> None:
        super().__init__(daemon=True)
        self._request = (downloads, key, make)
        self.start()

    def run(self) -> None:
        downloads, key, make = self._request
        try:
            self.answer: bytes | Refused = downloads.file(key, make)
        except Refused as error:
            self.answer = error

    def result(self) -> bytes | Refused:
        self.join(PATIENCE)
        return self.answer


def test_a_file_is_made_once(downloads: Downloads) -> None:
    made = []
    for _ in range(3):
        assert downloads.file("a", lambda: made.append(1) or "ü") == "ü".encode()
    assert len(made) == 1
    assert downloads.file("b", lambda: b"other") == b"other"


def test_a_second_request_is_refused_while_a_file_is_made(downloads: Downloads) -> None:
    slow = Slow()
    first = Request(downloads, "a", slow)
    assert slow.begun.wait(PATIENCE)
    for key in ("a", "b"):
        with pytest.raises(Refused, match=BUSY):
            downloads.file(key, slow)
    slow.go.set()
    assert first.result() == b"content"
    assert downloads.file("a", slow) == b"content"
    assert slow.made == 1


def test_a_file_waits_for_a_slot_and_passes_it_on(downloads: Downloads) -> None:
    jobs._slots.acquire()
    slow = Slow()
    request = Request(downloads, "a", slow)
    assert not slow.begun.wait(0.3)
    jobs._slots.release()
    assert slow.begun.wait(PATIENCE)
    jobs._slots.acquire()  # between two steps
    jobs._slots.release()
    slow.go.set()
    assert request.result() == b"content"


def test_the_end_of_the_session_ends_a_child_and_forgets_the_files(downloads: Downloads) -> None:
    pool, calls = Pool(1), []

    def make() -> Steps[str]:
        for call in (steps := pool.steps(time.sleep, 600, memory=2**26, seconds=700)):
            calls.append(call)
            yield call
        steps.close()
        return ""

    assert downloads.file("kept", lambda: b"x") == b"x"
    request = Request(downloads, "a", make)
    deadline = time.monotonic() + PATIENCE
    while not (calls and calls[0].running):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process = calls[0]._child._process
    start = time.monotonic()
    downloads.close()
    assert isinstance(request.result(), Refused)
    assert process.poll() is not None
    assert time.monotonic() - start < 2
    with pytest.raises(Refused):
        downloads.file("kept", lambda: b"x")


def test_the_end_of_the_session_ends_steps(downloads: Downloads) -> None:
    slow = Slow()
    request = Request(downloads, "a", slow)
    assert slow.begun.wait(PATIENCE)
    start = time.monotonic()
    downloads.close()
    assert isinstance(request.result(), Refused)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("limits", [{"memory": 2**24}, {"seconds": 0.2}], ids=str)
def test_a_child_that_reaches_a_limit_gives_a_sentence(
    downloads: Downloads, limits: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> Steps[bytes]:
        function, argument = (bytes, 2**28) if "memory" in limits else (time.sleep, 600)
        return (
            yield from pool.steps(function, argument, **{"memory": 2**26, "seconds": 60} | limits)
        )

    pool = Pool(1)
    with pytest.raises(Refused, match=FAILED):
        downloads.file("a", make)
    assert [record.exc_info for record in caplog.records] == [None]
    assert downloads.file("a", lambda: b"later") == b"later"


def test_the_time_limit_of_a_run_holds(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.2)
    with pytest.raises(Refused, match=FAILED):
        downloads.file("a", Slow())


def test_kept_files_stay_within_their_limit() -> None:
    kept = KeptFiles(10)
    kept.put((1, "a"), b"12345")
    kept.put((2, "b"), b"12345")
    assert kept.get((1, "a"))  # now requested last
    kept.put((1, "c"), b"1")
    assert kept.get((2, "b")) is None
    kept.put((1, "d"), b"longer than all")
    assert kept.get((1, "d")) is None
    assert kept.get((1, "a"))
    assert kept.get((1, "c"))
    kept.put((1, "e"), b"1")
    kept.drop(1)
    assert kept.get((1, "e")) is None


def test_every_download_button_is_this_one() -> None:
    users = set()
    for path in (*UI.rglob("*.py"), *(UI.parent / "pages").glob("*.py"), UI.parent / "app.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "download_button":
                users.add(path)
    assert users == {UI / "download_button.py"}
