"""Processes of this machine, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from dgm_core.scale.engines.contract import LIVES, Tool, WorkersLost, one_thread

AHEAD = 2
"""Pieces a worker that are handed out and not done."""

_make: Callable[[], Tool]
_tool: Tool | None = None


class Local:
    """The engine that needs nothing but this machine."""

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def map(self, make: Callable[[], Tool], pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As of `Engine`. Fresh processes, not forks: torch's threads do not survive a fork."""
        left = dict(enumerate(pieces))
        deaths: Counter[int] = Counter()  # with this piece under way
        while left:
            under_way: dict[Future, int] = {}
            try:
                for i, result in self._in_processes(make, left, under_way):
                    del left[i]
                    yield i, result
            except BrokenProcessPool:
                deaths.update(under_way.values())
                if max(deaths.values(), default=0) >= LIVES:
                    raise WorkersLost(
                        f"workers died {LIVES} times at the same pieces; is there memory for "
                        f"{self.workers} of them?"
                    ) from None

    def _in_processes(
        self, make: Callable[[], Tool], left: dict[int, Any], under_way: dict[Future, int]
    ) -> Iterator[tuple[int, Any]]:
        processes = min(self.workers, len(left))
        waiting = iter(list(left.items()))
        fresh = multiprocessing.get_context("spawn")
        theirs, ours = fresh.Pipe(duplex=False)
        pool = ProcessPoolExecutor(processes, fresh, _begin, (make, theirs))
        try:
            while True:
                while len(under_way) < AHEAD * processes:
                    place, piece = next(waiting, (None, None))
                    if place is None:
                        break
                    under_way[pool.submit(_use, piece)] = place
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield under_way.pop(future), result
        finally:
            ours.close()
            pool.shutdown(wait=True, cancel_futures=True)
            theirs.close()


def _begin(make: Callable[[], Tool], driver: Connection) -> None:
    """Of a process, which ends as soon as `driver` is closed, even by a kill."""
    global _make
    one_thread()
    _make = make
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the driver, and so this
    threading.Thread(target=_end_with, args=(driver,), daemon=True).start()


def _end_with(driver: Connection) -> None:
    driver.poll(None)
    os._exit(1)


def _use(piece: Any) -> Any:
    global _tool
    if _tool is None:  # here, so that what `make` raises comes to the driver
        _tool = _make()
    return _tool(piece)
