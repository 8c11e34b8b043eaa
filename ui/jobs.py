"""Background runs, one per session and worker; they can be stopped and continued.

A run is a generator of results. A thread of its own exhausts it, one item at a time, and the page
reads `run.items` at any time; the thread makes no call to Streamlit. Computing takes a CPU slot.
Between items the thread passes its slot to the run that has waited longest, or that has no item
yet, so the runs of many visitors alternate. The runs of one visitor share one turn. A generator
whose results take long can yield None in between. This is no result, but the run can stop or pass
its slot there. It can also yield a `Call` that a child process computes: the run waits for it
without a slot, and ends it when the run is stopped.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import uuid4

import streamlit as st

from dgm_core import device
from dgm_core.child_process import Call

LOG = logging.getLogger(__name__)
MAX_SECONDS = 180.0
"""Time limit of a run: seconds of computation, without waiting. It then keeps its results."""

CALL_LOOK = 0.1
"""Seconds between two looks at a call in a child process."""
FIRST_LOOK = 1.0
"""Seconds that the first look at a run waits for the first item, so that it is on screen as soon
as it is there. After that, the page looks from time to time."""
MAX_INTERVAL = 10.0
"""Most seconds between two looks; with many waiting runs, looking often would slow them."""
TRIM = 0.5
"""A run that computed for more seconds returns the freed memory of the server at its end, and
before a child process computes for it."""
MAX_PAUSE = 0.3
"""Most seconds that a run pauses while its page is drawn."""


class Slots:
    """CPU slots, given in the order of requests.

    A run without an item goes ahead of the others, but only every other time: a visitor who
    starts run after run must not keep the others waiting.

    A semaphore will not do: it lets the releaser acquire again before waiting threads wake up.
    """

    def __init__(self, number: int) -> None:
        self.free = number
        self._line: deque[_Waiting] = deque()
        self._ahead: deque[_Waiting] = deque()
        self._went_ahead = False  # did the last slot go to a run of `_ahead`?
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many threads wait for a slot."""
        return len(self._line) + len(self._ahead)

    def acquire(self, *, ahead: bool = False, unless: threading.Event | None = None) -> bool:
        """Wait for a slot; False if the thread left the line instead.

        Args:
            ahead: of runs that have items.
            unless: says that no slot is needed any more; whoever sets it calls `leave`.
        """
        with self._lock:
            if unless is not None and unless.is_set():
                return False
            if self.free:
                self.free -= 1
                return True
            waiting = _Waiting(threading.Event(), unless)
            (self._ahead if ahead else self._line).append(waiting)
        waiting.called.wait()
        return waiting.given

    def leave(self, unless: threading.Event) -> None:
        """Let the threads that wait with this event, which is set, leave the line."""
        with self._lock:
            for line in (self._line, self._ahead):
                for waiting in [each for each in line if each.unless is unless]:
                    line.remove(waiting)
                    waiting.called.set()

    def release(self) -> None:
        """Pass the slot to the next in line."""
        with self._lock:
            self._went_ahead = bool(self._ahead) and not (self._went_ahead and self._line)
            line = self._ahead if self._went_ahead else self._line
            if line:
                waiting = line.popleft()
                waiting.given = True
                waiting.called.set()
            else:
                self.free += 1


@dataclass(eq=False)
class _Waiting:
    """A thread in the line of `Slots`."""

    called: threading.Event
    unless: threading.Event | None
    given: bool = False


def slot_count() -> int:
    """`$DGM_PLACES`, else half of the cores; the other half is for drawing pages.

    Raises:
        ValueError: the variable is not a whole number of at least 1.
    """
    named = os.environ.get("DGM_PLACES") or str(max(1, (os.cpu_count() or 1) // 2))
    if not (named.isdecimal() and int(named) > 0):
        raise ValueError(f"expected DGM_PLACES to be a number of at least 1, got {named!r}")
    return int(named)


_slots = Slots(slot_count())
_runs: weakref.WeakSet[Run] = weakref.WeakSet()


Items = list[Any]


class Run:
    """A background computation, live or ended."""

    def __init__(
        self,
        key: Hashable,
        work: Callable[[], Iterator[Any]],
        turn: Slots | None = None,
        previous: Run | None = None,
        at_end: Callable[[Items], Items] = list,
    ) -> None:
        self.key = key
        self.at_end = at_end  # items of a finished run → the items to keep
        self._turn = Slots(1) if turn is None else turn
        self._previous = previous  # the run that this one continues
        self._closed = self._ended = False
        self._source: Iterator[Any] = iter(())
        self._closing = threading.Lock()
        self.name = uuid4().hex  # unique, also after a restart of the server
        self.items: Items = []
        self.state = "running"  # → finished | stopped | timed out | failed
        self.shown = 0  # items that the page has sent to the browser
        self.shown_late = 0  # items sent to components that may be drawn a moment later
        self.ready = threading.Event()  # there is an item, or there will be none
        self._made: dict[str, tuple[Hashable, Any]] = {}  # name → what it is of, value
        self._unpaused = threading.Event()  # cleared while a page is drawn
        self._unpaused.set()
        self._rest: Iterator[Any] = iter(())  # the items that a stopped run did not yield
        self._stop = threading.Event()
        _runs.add(self)
        self._thread = threading.Thread(target=self._exhaust, args=(work,), daemon=True)
        self._thread.start()

    @property
    def live(self) -> bool:
        """Is the run under way?"""
        return self.state == "running"

    def stop(self) -> None:
        """Stop before the next item; the state changes at once."""
        if self.live:
            self.state = "stopped"
        self._stop.set()
        for slots in (self._turn, _slots):
            slots.leave(self._stop)  # a new run of the same visitor waits for this one
        self._unpaused.set()

    def close(self) -> None:
        """Stop without the possibility to continue, and close the generator.

        An open generator keeps its threads for as long as a page refers to it.
        """
        self.stop()
        with self._closing:
            self._closed = True
            if self._ended:
                self._close_generator()

    def _close_generator(self) -> None:
        if isinstance(self._source, Generator):
            self._source.close()
        if self._previous is not None:
            self._previous.close()

    def pause(self) -> None:
        """Pause after the present item until `unpause`, or for `MAX_PAUSE` seconds."""
        self._unpaused.clear()

    def unpause(self) -> None:
        """End a pause."""
        self._unpaused.set()

    def once(self, name: str, make: Callable[[], Any], *, of: Hashable = None) -> Any:
        """The value of `make()`, computed once per number of items and `of`.

        A page shows an ended run at every run of its script, and a waiting one as long as it has
        no new item. The latest value of each name is kept.
        """
        of = (len(self.items), of)
        if name not in self._made or self._made[name][0] != of:
            self._made[name] = (of, make())
        return self._made[name][1]

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread to end, for at most so many seconds; True if it did."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def all_items(self) -> Iterator[Any]:
        """The items of a stopped run, then those that it did not yield.

        Waits for the thread to end, which may still compute an item.
        """
        self._thread.join()
        return chain(self.items, self._rest)

    def _exhaust(self, work: Callable[[], Iterator[Any]]) -> None:
        computed = 0.0  # seconds
        call = None  # that a child computes
        try:
            iterator = self._rest = self._source = work()
            while not self._stop.is_set():
                if call is not None and computed <= MAX_SECONDS:
                    start, running = time.monotonic(), call.running
                    ended = call.wait(CALL_LOOK)
                    computed += (time.monotonic() - start) * running
                    if not ended:
                        continue
                if not self._unpaused.wait(MAX_PAUSE):  # the page was not drawn to its end
                    self._unpaused.set()
                    continue
                with _slot(self._turn, not self.items, self._stop) as given:
                    if not given:
                        break
                    start = time.monotonic()
                    item = next(iterator, _END)
                    computed += time.monotonic() - start
                call = item if isinstance(item, Call) else None
                item = None if call is not None else item
                if call is not None and computed > TRIM:
                    device.return_freed_memory()
                if self._stop.is_set():
                    if item is not None and item is not _END:
                        self._rest = chain([item], iterator)
                    break
                if item is _END:
                    self.items = self.at_end(self.items)
                    self.state = "finished"
                    return
                if item is not None:
                    self.items.append(item)
                    self.ready.set()
                if computed > MAX_SECONDS:
                    self.state = "timed out"
                    return
        except Exception:
            LOG.exception("a background run failed")
            if not self._stop.is_set():
                self.state = "failed"
        finally:
            if call is not None:
                call.abandon()
            self.ready.set()
            if computed > TRIM:
                device.return_freed_memory()
            with self._closing:
                self._ended = True
                if self._closed:
                    self._close_generator()


class Worker:
    """Holds one run of a session at a time.

    Args:
        turn: shared by the workers of a session; None: a turn of its own.
    """

    def __init__(self, turn: Slots | None = None) -> None:
        self.run: Run | None = None
        self._turn = Slots(1) if turn is None else turn

    def start(
        self,
        key: Hashable,
        work: Callable[[], Iterator[Any]],
        at_end: Callable[[Items], Items] = list,
    ) -> Run:
        """Start a run in place of the present one.

        Args:
            key: the settings of the run.
            work: returns the generator of results.
            at_end: items of the finished run → the items to keep.
        """
        self.close()
        self.run = Run(key, work, self._turn, at_end=at_end)
        return self.run

    def resume(self) -> Run:
        """Continue a run that was stopped or has reached its time limit."""
        last = self.run
        self.run = Run(last.key, last.all_items, self._turn, previous=last, at_end=last.at_end)
        return self.run

    def pause(self) -> None:
        """Pause while the page is drawn: called at its beginning; `follow` ends the pause."""
        if self.run is not None:
            self.run.pause()

    def stop(self) -> None:
        """Stop the run, if there is one."""
        if self.run is not None:
            self.run.stop()

    def close(self) -> None:
        """Stop the run without the possibility to continue."""
        if self.run is not None:
            self.run.close()


def waiting() -> int:
    """How many runs of all visitors wait for a slot."""
    return len(_slots)


@st.cache_resource(scope="session", on_release=Worker.close, show_spinner=False)
def worker(name: str) -> Worker:
    """This session's worker of that name; it stops when the tab closes."""
    return Worker(turn())


@st.cache_resource(scope="session", show_spinner=False)
def turn() -> Slots:
    """Shared by all workers of a session: more runs do not get more of the processor."""
    return Slots(1)


def follow(
    run: Run | None,
    draw: Callable[[], None],
    seconds: float,
    *,
    live: bool,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Draw a run repeatedly while it is live, and draw the whole page again at its end.

    This must be the last statement of a page, because a poll may interrupt the script.

    Args:
        run: that is followed, if there is one.
        draw: shows it.
        seconds: between two looks; more if many runs wait.
        live: was the run live when the rest of the page was drawn? If it has ended since, the
            page is drawn again.
        after: what can wait until the results are sent.
    """
    if run is not None:
        run.unpause()
    if live:
        _await_first_item(run)
    interval = max(seconds, min(seconds * (1 + waiting() / 2), MAX_INTERVAL))

    @st.fragment(run_every=interval if live else None)
    def look() -> None:
        if live and not run.live:
            st.rerun()
        with st.container():  # one element, whatever `draw` draws
            draw()
        after()

    look()


def _await_first_item(run: Run) -> None:
    """Wait briefly for the first item; end at once if a rerun is requested."""
    deadline = time.monotonic() + FIRST_LOOK
    while not run.ready.wait(0.02) and time.monotonic() < deadline:
        _ = "any" in st.session_state  # the script ends here if a rerun is requested


def stop_all(seconds: float = 2.0) -> None:
    """Stop every run of every session and wait for the threads: when the server ends."""
    runs = list(_runs)
    for run in runs:
        run.stop()
    for run in runs:
        run.wait(seconds)


# Pages and runs share the interpreter: switch between threads ten times as often as by default.
sys.setswitchinterval(0.0005)
atexit.register(stop_all)
_END = object()


@contextmanager
def _slot(turn: Slots, ahead: bool, stop: threading.Event) -> Iterator[bool]:
    """The visitor's turn and a slot, held for one item; False if the run was stopped before."""
    with ExitStack() as acquired:
        slots = _slots
        given = turn.acquire(unless=stop)
        if given:
            acquired.callback(turn.release)
            given = slots.acquire(ahead=ahead, unless=stop)
            if given:
                acquired.callback(slots.release)
        yield given
