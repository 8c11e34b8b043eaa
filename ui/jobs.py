"""One background run a session: start, replace, stop; every visitor gets a fair share.

A run is a generator of results that a thread of its own exhausts, one item at a time. The page
reads `run.items` whenever it likes; no call to Streamlit is made in the thread. Between items the
thread gives its place to whoever waits, so that many visitors advance in turns. A generator whose
results take long may yield None in between: no result, but a place to stop or to give way.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import streamlit as st

LOG = logging.getLogger(__name__)
MAX_SECONDS = 180.0
"""Wall-clock budget of one run; then it stops with what it has."""

FIRST_LOOK = 0.5
"""Seconds that the first look at a run may wait for its first item, which mostly comes sooner than
the next look would."""
GIVEN_WAY = 0.3
"""Seconds, at most, that a run leaves the processor to a page that is being drawn."""

_places = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))
_waiting = 0
_waiting_lock = threading.Lock()
_runs: weakref.WeakSet[Run] = weakref.WeakSet()


class Run:
    """One piece of work under way, or done."""

    def __init__(self, key: Hashable, work: Callable[[], Iterator[Any]]) -> None:
        self.key = key
        self.items: list[Any] = []
        self.state = "running"  # → finished | stopped | timed out | failed
        self.shown = 0  # how many items the page has sent on
        self.begun = threading.Event()  # there is an item, or there will be none
        self._made: dict[Hashable, Any] = {}
        self._on = threading.Event()  # not now: a page is being drawn
        self._on.set()
        self._rest: Iterator[Any] = iter(())  # what a run that was stopped had yet to yield
        self._stop = threading.Event()
        _runs.add(self)
        self._thread = threading.Thread(target=self._exhaust, args=(work,), daemon=True)
        self._thread.start()

    @property
    def live(self) -> bool:
        """Is more to come?"""
        return self.state == "running"

    def stop(self) -> None:
        """Stop before the next item; the page sees it at once."""
        if self.live:
            self.state = "stopped"
        self._stop.set()
        self._on.set()

    def give_way(self) -> None:
        """Rest after the item under way until `go_on`, or for `GIVEN_WAY` seconds."""
        self._on.clear()

    def go_on(self) -> None:
        """Rest no longer."""
        self._on.set()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` made of the run's items when it was first asked for under this name.

        Of a run that has ended: a page drawn anew shows it again and again.
        """
        key = (name, len(self.items))
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the thread; True if it ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def whole(self) -> Iterator[Any]:
        """What it has yielded, and then what it would have if it had not been stopped.

        Waits for the thread to end, in which the next item may be on its way.
        """
        self._thread.join()
        return chain(self.items, self._rest)

    def _exhaust(self, work: Callable[[], Iterator[Any]]) -> None:
        deadline = time.monotonic() + MAX_SECONDS
        try:
            iterator = self._rest = work()
            while not self._stop.is_set():
                if not self._on.wait(GIVEN_WAY):  # the page was not drawn to its end
                    self._on.set()
                    continue
                with _place():
                    item = next(iterator, _END)
                if self._stop.is_set():
                    if item is not _END:
                        self._rest = chain([item], iterator)
                    break
                if item is _END:
                    self.state = "finished"
                    return
                if item is not None:
                    self.items.append(item)
                    self.begun.set()
                if time.monotonic() > deadline:
                    self.state = "timed out"
                    return
        except Exception:
            LOG.exception("a background run failed")
            if not self._stop.is_set():
                self.state = "failed"
        finally:
            self.begun.set()


class Worker:
    """The session's place for one run at a time."""

    def __init__(self) -> None:
        self.run: Run | None = None

    def start(self, key: Hashable, work: Callable[[], Iterator[Any]]) -> Run:
        """Start `work`, in place of whatever runs."""
        self.stop()
        self.run = Run(key, work)
        return self.run

    def resume(self) -> Run:
        """Go on with a run that was stopped."""
        self.run = Run(self.run.key, self.run.whole)
        return self.run

    def give_way(self) -> None:
        """Let the page be drawn first: at its beginning; `follow` ends it."""
        if self.run is not None:
            self.run.give_way()

    def stop(self) -> None:
        """Stop the run, if there is one."""
        if self.run is not None:
            self.run.stop()


def waiting() -> int:
    """How many runs of all visitors wait for their turn."""
    return _waiting


@st.cache_resource(scope="session", on_release=Worker.stop, show_spinner=False)
def worker(name: str) -> Worker:
    """This session's worker for a page; it stops when the tab closes."""
    return Worker()


def follow(run: Run | None, draw: Callable[[], None], seconds: float, *, live: bool) -> None:
    """Draw where a run stands, again and again while it is live, and at its end the whole page.

    The last statement of a page: a poll may cut short the run of the script that it comes upon.

    Args:
        run: what is followed, if there is one.
        draw: shows it.
        seconds: between two looks.
        live: what the rest of the page was drawn for, so that a run that has ended since is
            redrawn with it.
    """

    @st.fragment(run_every=seconds if live else None)
    def look() -> None:
        if live and not run.live:
            st.rerun()
        with st.container():  # one element, however many it holds
            draw()

    if run is not None:
        run.go_on()
    if live and _waiting <= 1:
        _await_first_item(run)
    look()


def _await_first_item(run: Run) -> None:
    """For a moment, and not while a stroke waits."""
    deadline = time.monotonic() + FIRST_LOOK
    while not run.begun.wait(0.02) and time.monotonic() < deadline:
        _ = "any" in st.session_state  # here the script ends where a rerun is asked for


def beginning() -> str:
    """What a run without results yet says of itself."""
    return f"Waiting for a free place, {_waiting} in line" if _waiting > 1 else "Begins …"


def stop_all(seconds: float = 2.0) -> None:
    """Stop every run of every session and wait for the threads, as a server does that ends."""
    runs = list(_runs)
    for run in runs:
        run.stop()
    for run in runs:
        run.wait(seconds)


# A page that draws while a run computes shall not wait 5 ms for every turn, nor the run for it.
sys.setswitchinterval(0.0005)
atexit.register(stop_all)
_END = object()


@contextmanager
def _place() -> Iterator[None]:
    """A place among the computing runs, held for one item."""
    global _waiting
    with _waiting_lock:
        _waiting += 1
    _places.acquire()
    with _waiting_lock:
        _waiting -= 1
    try:
        yield
    finally:
        _places.release()
