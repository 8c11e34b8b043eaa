"""The fetcher of the server: one fetch at a time, for everybody, and what it tells visitors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dgm_core import data
from dgm_core.data import download
from tests.data.official_server import Server, serving
from tests.patience import PATIENCE
from ui import data_fetching
from ui.data_fetching import Fetcher, Rule, State, read_rule

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(monkeypatch) as local:
        yield local


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    return tmp_path


def ended(fetcher: Fetcher) -> None:
    assert fetcher.thread is not None
    fetcher.thread.join(PATIENCE)
    assert not fetcher.thread.is_alive()


class Fake:
    """Stands in for `data.fetch`: waits for permission, then makes the file or fails."""

    def __init__(self, folder: Path, error: Exception | None = None) -> None:
        self.folder, self.error = folder, error
        self.calls: list[str] = []
        self.at_once = self.most_at_once = 0
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, name: str, *, progress: Callable[[int], None], **options: Any) -> None:
        assert options == {"extent": "part", "attempts": 1}
        self.calls.append(name)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        progress(1000)
        progress(234)
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        for file in download.files_of(name):
            file.parent.mkdir(exist_ok=True)
            np.savez(file, **data.PartCounts(1, 2, 1, 2).fields())


def test_two_visitors_cause_one_fetch_and_both_see_its_progress(folder: Path) -> None:
    fetch = Fake(folder)
    fetcher = Fetcher(fetch)
    assert fetcher.state("mnist").kind == "absent"
    for _ in range(2):
        fetcher.request("mnist")
    assert fetch.begun.wait(PATIENCE)
    state = fetcher.state("mnist")
    assert (state.kind, state.received) == ("running", 1234)
    fetcher.request("mnist")
    fetch.may_end.set()
    ended(fetcher)
    assert fetcher.state("mnist").kind == "here"
    fetcher.request("mnist")
    assert fetch.calls == ["mnist"]


def test_one_fetch_at_a_time(folder: Path) -> None:
    fetch = Fake(folder)
    fetcher = Fetcher(fetch)
    for name in ("omniglot", "mnist", "celeba", "mnist"):
        fetcher.request(name)
    assert [fetcher.state(name).kind for name in ("omniglot", "mnist", "celeba")] == [
        "running",
        "waiting",
        "waiting",
    ]
    fetch.may_end.set()
    ended(fetcher)
    assert fetch.calls == ["omniglot", "mnist", "celeba"]
    assert fetch.most_at_once == 1


@pytest.mark.parametrize("name", ["svhn", "banknote", "../mnist", ""])
def test_nothing_else_can_be_requested(name: str) -> None:
    with pytest.raises(ValueError, match="mnist, omniglot, celeba"):
        Fetcher().request(name)


def failing(error: Exception, folder: Path) -> tuple[Fetcher, Fake, list[float]]:
    now = [0.0]
    fetch = Fake(folder, error)
    fetch.may_end.set()
    fetcher = Fetcher(fetch, lambda: now[0])
    fetcher.request("mnist")
    ended(fetcher)
    return fetcher, fetch, now


def test_after_a_failure_there_is_a_pause(folder: Path) -> None:
    error = data.DownloadError("no network, set DGM_DATA to /somewhere")
    error.__cause__ = TimeoutError("timed out")
    fetcher, fetch, now = failing(error, folder)
    assert fetch.calls == ["mnist"] * data_fetching.ATTEMPTS
    state = fetcher.state("mnist")
    assert state.kind == "failed"
    assert state.message == "MNIST could not be fetched, or came with a wrong checksum."
    assert state.pause == data_fetching.PAUSE
    now[0] = data_fetching.PAUSE - 1
    fetcher.request("mnist")
    assert len(fetch.calls) == data_fetching.ATTEMPTS
    now[0] = data_fetching.PAUSE
    assert fetcher.state("mnist").pause == 0
    fetch.error = None
    fetcher.request("mnist")
    ended(fetcher)
    assert fetcher.state("mnist").kind == "here"


def test_a_mistake_of_the_program_is_no_trace_on_the_page(folder: Path) -> None:
    fetcher, fetch, _ = failing(AttributeError("no such thing"), folder)
    assert fetcher.state("mnist").message == "The fetch of MNIST failed on the server."
    assert len(fetch.calls) == 1


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("mnist", "404", "could not be fetched"),
        ("mnist", "truncated", "could not be fetched"),
        ("omniglot", "corrupt", "wrong checksum"),
        ("celeba", "no ranges", "The server of CelebA sends whole files of 1.4 GB only"),
        ("celeba", "a web page", "Google Drive refused CelebA, because too many people"),
    ],
)
def test_messages_to_visitors(
    server: Server, folder: Path, name: str, fault: str, words: str
) -> None:
    server.fail(fault)
    fetcher = Fetcher()
    fetcher.request(name)
    ended(fetcher)
    message = fetcher.state(name).message
    assert words in message
    assert str(folder) not in message
    assert "DGM_DATA" not in message
    assert not [file for file in folder.iterdir() if file.suffix != ".lock"]


def test_a_full_disk_is_named(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(file: Any, **_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", no_space)
    fetcher = Fetcher()
    fetcher.request("mnist")
    ended(fetcher)
    assert fetcher.state("mnist").message == "The disk of this server has no space for MNIST."


def test_a_restarted_server_has_what_was_fetched_and_removes_what_was_not(
    server: Server, folder: Path
) -> None:
    first = Fetcher()
    first.request("mnist")
    ended(first)
    (folder / ".omniglot-cut").mkdir()
    (folder / ".omniglot-cut" / "omniglot28.npz").write_bytes(b"half a file")
    second = Fetcher()
    assert second.state("mnist").kind == "here"
    assert second.state("omniglot").kind == "absent"
    requests = len(server.requests)
    second.request("mnist")
    assert len(server.requests) == requests
    second.request("omniglot")
    ended(second)
    assert {file.name for file in folder.iterdir() if file.suffix != ".lock"} == {
        "mnist.npz",
        "omniglot28.npz",
    }


# --- when a page looks


def offers() -> None:
    """Two sets that are absent."""
    from ui import data_fetching

    data_fetching.offer("mnist", "omniglot", part="test")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Seconds between two looks of each fragment that is drawn; None: it is drawn once."""
    found: list[float | None] = []
    fragment = st.fragment

    def recorded(function: Any = None, *, run_every: float | None = None) -> Any:
        found.append(run_every)
        return fragment(function, run_every=run_every)

    monkeypatch.setattr(st, "fragment", recorded)
    return found


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (State("absent"), None),
        (State("waiting"), data_fetching.LOOK),
        (State("running", 1234), data_fetching.LOOK),
        (State("failed", message="No network.", pause=200.0), 200.0),
        (State("failed", message="No network."), None),
    ],
)
def test_a_page_looks_again_only_while_there_is_a_fetch_or_a_pause(
    state: State, seconds: float | None, looks: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"mnist": state, "omniglot": State("absent")}
    monkeypatch.setattr(data_fetching.FETCHER, "state", states.get)
    app = AppTest.from_function(offers, default_timeout=PATIENCE).run()
    assert not app.exception
    assert looks == [seconds]


def test_a_page_is_drawn_again_when_a_fetch_or_a_pause_ends(
    looks: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_mnist = iter([State("running"), *[State("failed", pause=200.0)] * 4, State("failed")])
    last = State("failed")

    def state(name: str) -> State:
        return next(of_mnist, last) if name == "mnist" else State("absent")

    monkeypatch.setattr(data_fetching.FETCHER, "state", state)
    app = AppTest.from_function(offers, default_timeout=PATIENCE).run()
    assert not app.exception
    assert looks == [data_fetching.LOOK, 200.0]  # the first look found another stage
    assert app.button[0].disabled
    app.run()
    assert looks == [data_fetching.LOOK, 200.0, 200.0, None]
    assert not app.button[0].disabled


# --- DGM_FETCH


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", Rule()),
        ("  ", Rule()),
        ("never", Rule(allowed=False)),
        ("Never ", Rule(allowed=False)),
        ("mnist", Rule(first=("mnist",))),
        ("mnist omniglot celeba", Rule(first=("mnist", "omniglot", "celeba"))),
        ("omniglot, mnist,omniglot", Rule(first=("omniglot", "mnist"))),
    ],
)
def test_the_setting(text: str, rule: Rule) -> None:
    assert read_rule(text) == rule


@pytest.mark.parametrize(
    "text", ["cifar", "mnist svhn", "never mnist", "yes", "[1]", "x" * 10_000]
)
def test_a_wrong_setting_is_a_sentence_and_nothing_is_fetched(text: str) -> None:
    rule = read_rule(text)
    assert not rule.allowed
    assert not rule.first
    assert rule.problem.startswith(
        "DGM_FETCH: expected `never`, or names among mnist, omniglot, celeba; got '"
    )
    assert len(rule.problem) < 300


@pytest.fixture
def fresh_rule() -> Iterator[None]:
    data_fetching.rule.cache_clear()
    yield
    data_fetching.rule.cache_clear()


@pytest.mark.usefixtures("fresh_rule")
def test_the_setting_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DGM_FETCH", raising=False)
    assert data_fetching.rule() == Rule()  # no file of secrets is no error
    data_fetching.rule.cache_clear()
    secrets: dict[str, object] = {"DGM_FETCH": "mnist"}
    stored = SimpleNamespace(load_if_toml_exists=lambda: True, get=secrets.get)
    monkeypatch.setattr(st, "secrets", stored)
    assert data_fetching.rule().first == ("mnist",)
    data_fetching.rule.cache_clear()
    secrets["DGM_FETCH"] = ["mnist"]
    assert data_fetching.rule().problem
    data_fetching.rule.cache_clear()
    monkeypatch.setenv("DGM_FETCH", "never")  # the environment comes first
    assert data_fetching.rule() == Rule(allowed=False)


def test_the_sets_of_the_setting_are_fetched_once_and_later(folder: Path) -> None:
    fetch = Fake(folder)
    fetch.may_end.set()
    fetcher = Fetcher(fetch)
    for _ in range(3):
        fetcher.start(("mnist", "celeba"), 0.3)
    assert not fetch.calls
    for _ in range(int(PATIENCE / 0.05)):
        if fetcher.state("celeba").kind == "here":
            break
        threading.Event().wait(0.05)
    assert fetch.calls == ["mnist", "celeba"]


def test_each_licence_is_that_of_the_table_of_sources() -> None:
    licences = {name: data_fetching.source_of(name).licence for name in data_fetching.TITLES}
    assert licences == {
        "mnist": "CC BY-SA 3.0",
        "omniglot": "MIT",
        "celeba": "non-commercial research",
    }
