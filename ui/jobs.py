"""One background run a session: start, replace, stop; every visitor gets a fair share.

A run is a generator of results that a thread of its own exhausts, one item at a time. The page
reads `run.items` whenever it likes; no call to Streamlit is made in the thread. Between items the
thread gives its place to whoever has waited longest, or has nothing to show yet, so that many
visitors advance in turns; the runs of one visitor share one turn. A generator whose results take
long may yield None in between: no result, but a place to stop or to give way.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any
from uuid import uuid4

import streamlit as st

LOG = logging.getLogger(__name__)
MAX_SECONDS = 180.0
"""That one run may compute, waiting in line not counted; then it stops with what it has."""

FIRST_LOOK = 0.5
"""Seconds that the first look at a run may wait for its first item, which mostly comes sooner than
the next look would."""
SELDOM = 10.0
"""Seconds between two looks, at most: where many runs wait, looking would take their time."""
GIVEN_WAY = 0.3
"""Seconds, at most, that a run leaves the processor to a page that is being drawn."""


class Places:
    """Places to compute in, given in the order in which they were asked for.

    Whoever has nothing to show yet goes ahead of those who have, but only every other time, so
    that nobody who begins again and again keeps the others waiting.

    Of a semaphore, whoever gives a place back may take it again before those who wait wake up.
    """

    def __init__(self, number: int) -> None:
        self.free = number
        self._line: deque[threading.Event] = deque()
        self._ahead: deque[threading.Event] = deque()
        self._went_ahead = False  # whoever got the last place
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many wait for one."""
        return len(self._line) + len(self._ahead)

    def acquire(self, *, ahead: bool = False) -> None:
        """Wait for a place."""
        with self._lock:
            if self.free:
                self.free -= 1
                return
            turn = threading.Event()
            (self._ahead if ahead else self._line).append(turn)
        turn.wait()

    def release(self) -> None:
        """Give it to whoever is next."""
        with self._lock:
            self._went_ahead = bool(self._ahead) and not (self._went_ahead and self._line)
            line = self._ahead if self._went_ahead else self._line
            if line:
                line.popleft().set()
            else:
                self.free += 1


def number_of_places() -> int:
    """`$DGM_PLACES`, else half of the cores: pages want the other half.

    Raises:
        ValueError: the variable holds no number of at least 1.
    """
    named = os.environ.get("DGM_PLACES") or str(max(1, (os.cpu_count() or 1) // 2))
    if not (named.isdecimal() and int(named) > 0):
        raise ValueError(f"expected DGM_PLACES to be a number of at least 1, got {named!r}")
    return int(named)


_places = Places(number_of_places())
_runs: weakref.WeakSet[Run] = weakref.WeakSet()


Items = list[Any]


class Run:
    """One piece of work under way, or done."""

    def __init__(
        self,
        key: Hashable,
        work: Callable[[], Iterator[Any]],
        turn: Places | None = None,
        before: Run | None = None,
        at_end: Callable[[Items], Items] = list,
    ) -> None:
        self.key = key
        self.at_end = at_end  # the items of a run that has finished → what is kept of them
        self._turn = Places(1) if turn is None else turn
        self._before = before  # the run that this one goes on with
        self._for_good = self._ended = False
        self._source: Iterator[Any] = iter(())
        self._closing = threading.Lock()
        self.name = uuid4().hex  # of no other run, even after another start of the server
        self.items: Items = []
        self.state = "running"  # → finished | stopped | timed out | failed
        self.shown = 0  # how many items the page has sent on
        self.told = 0  # and how many to what may come a moment later
        self.begun = threading.Event()  # there is an item, or there will be none
        self._made: dict[str, tuple[int, Any]] = {}  # of how many items, and what
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

    def close(self) -> None:
        """Stop for good: what it had yet to yield is given up, with all that it holds.

        A generator that nobody closes keeps its threads for as long as a page remembers it.
        """
        self.stop()
        with self._closing:
            self._for_good = True
            if self._ended:
                self._let_go()

    def _let_go(self) -> None:
        if isinstance(self._source, Generator):
            self._source.close()
        if self._before is not None:
            self._before.close()

    def give_way(self) -> None:
        """Rest after the item under way until `go_on`, or for `GIVEN_WAY` seconds."""
        self._on.clear()

    def go_on(self) -> None:
        """Rest no longer."""
        self._on.set()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` made of the run's items when it was first asked for under this name.

        A page drawn anew shows a run that has ended again and again, and one that waits as long as
        nothing is new.
        """
        count = len(self.items)
        if name not in self._made or self._made[name][0] != count:
            self._made[name] = (count, make())
        return self._made[name][1]

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
        computed = 0.0  # seconds
        try:
            iterator = self._rest = self._source = work()
            while not self._stop.is_set():
                if not self._on.wait(GIVEN_WAY):  # the page was not drawn to its end
                    self._on.set()
                    continue
                with _place(self._turn, begins=not self.items):
                    begun = time.monotonic()
                    item = next(iterator, _END)
                    computed += time.monotonic() - begun
                if self._stop.is_set():
                    if item is not _END:
                        self._rest = chain([item], iterator)
                    break
                if item is _END:
                    self.items = self.at_end(self.items)
                    self.state = "finished"
                    return
                if item is not None:
                    self.items.append(item)
                    self.begun.set()
                if computed > MAX_SECONDS:
                    self.state = "timed out"
                    return
        except Exception:
            LOG.exception("a background run failed")
            if not self._stop.is_set():
                self.state = "failed"
        finally:
            self.begun.set()
            with self._closing:
                self._ended = True
                if self._for_good:
                    self._let_go()


class Worker:
    """The session's place for one run at a time.

    Args:
        turn: what the session's workers share; None: a turn of its own.
    """

    def __init__(self, turn: Places | None = None) -> None:
        self.run: Run | None = None
        self._turn = Places(1) if turn is None else turn

    def start(
        self,
        key: Hashable,
        work: Callable[[], Iterator[Any]],
        at_end: Callable[[Items], Items] = list,
    ) -> Run:
        """Start `work`, in place of whatever runs.

        Args:
            key: what it computes.
            work: yields what the page shows.
            at_end: once it has finished, its items → as many that are kept.
        """
        self.close()
        self.run = Run(key, work, self._turn, at_end=at_end)
        return self.run

    def resume(self) -> Run:
        """Go on with a run that was stopped."""
        last = self.run
        self.run = Run(last.key, last.whole, self._turn, before=last, at_end=last.at_end)
        return self.run

    def give_way(self) -> None:
        """Let the page be drawn first: at its beginning; `follow` ends it."""
        if self.run is not None:
            self.run.give_way()

    def stop(self) -> None:
        """Stop the run, if there is one."""
        if self.run is not None:
            self.run.stop()

    def close(self) -> None:
        """Stop the run for good."""
        if self.run is not None:
            self.run.close()


def waiting() -> int:
    """How many runs of all visitors wait for their turn."""
    return len(_places)


@st.cache_resource(scope="session", on_release=Worker.close, show_spinner=False)
def worker(name: str) -> Worker:
    """This session's worker for a page; it stops when the tab closes."""
    return Worker(_turn())


@st.cache_resource(scope="session", show_spinner=False)
def _turn() -> Places:
    """One for all workers of a session: who starts more runs gets no more of the processor."""
    return Places(1)


def follow(
    run: Run | None,
    draw: Callable[[], None],
    seconds: float,
    *,
    live: bool,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Draw where a run stands, again and again while it is live, and at its end the whole page.

    The last statement of a page: a poll may cut short the run of the script that it comes upon.

    Args:
        run: what is followed, if there is one.
        draw: shows it.
        seconds: between two looks, or more where many runs wait.
        live: what the rest of the page was drawn for, so that a run that has ended since is
            redrawn with it.
        after: what can wait until the picture is sent.
    """

    often = max(seconds, min(seconds * (1 + waiting() / 2), SELDOM))

    @st.fragment(run_every=often if live else None)
    def look() -> None:
        if live and not run.live:
            st.rerun()
        with st.container():  # one element, however many it holds
            draw()
        after()

    if run is not None:
        run.go_on()
    if live:
        _await_first_item(run)  # it goes ahead of the line, and the next look may be far
    look()


def _await_first_item(run: Run) -> None:
    """For a moment, and not while a stroke waits."""
    deadline = time.monotonic() + FIRST_LOOK
    while not run.begun.wait(0.02) and time.monotonic() < deadline:
        _ = "any" in st.session_state  # here the script ends where a rerun is asked for


def beginning() -> str:
    """Message of a run that has no result yet."""
    return f"Waiting for a free slot, {waiting()} in line" if waiting() > 1 else "Starting …"


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
def _place(turn: Places, *, begins: bool) -> Iterator[None]:
    """The visitor's turn, and a place among the computing runs, held for one item."""
    turn.acquire()
    places = _places
    places.acquire(ahead=begins)
    try:
        yield
    finally:
        places.release()
        turn.release()
