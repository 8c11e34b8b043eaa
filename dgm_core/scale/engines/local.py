"""The local engine: processes on this machine, one thread each."""

from __future__ import annotations

import itertools
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
"""Pieces per worker that are submitted and not finished."""

_make: Callable[[], Tool]
_tool: Tool | None = None


class Local:
    """The engine that uses this machine only."""

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def map(self, make: Callable[[], Tool], pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See `Engine.map`. Processes are spawned: torch's threads do not survive a fork."""
        remaining = dict(enumerate(pieces))
        deaths: Counter[int] = Counter()  # deaths of a worker while this piece was running
        while remaining:
            running: dict[Future, int] = {}
            try:
                for i, result in self._in_processes(make, remaining, running):
                    del remaining[i]
                    yield i, result
            except BrokenProcessPool:
                deaths.update(running.values())
                if max(deaths.values(), default=0) >= LIVES:
                    raise WorkersLost(
                        f"workers died {LIVES} times at the same pieces; is there enough memory "
                        f"for {self.workers} workers?"
                    ) from None

    def _in_processes(
        self, make: Callable[[], Tool], remaining: dict[int, Any], running: dict[Future, int]
    ) -> Iterator[tuple[int, Any]]:
        processes = min(self.workers, len(remaining))
        waiting = iter(list(remaining.items()))
        spawn = multiprocessing.get_context("spawn")
        worker_end, driver_end = spawn.Pipe(duplex=False)
        pool = ProcessPoolExecutor(processes, spawn, _start_worker, (make, worker_end))
        try:
            while True:
                for index, piece in itertools.islice(waiting, AHEAD * processes - len(running)):
                    running[pool.submit(_call_tool, piece)] = index
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield running.pop(future), result
        finally:
            driver_end.close()
            pool.shutdown(wait=True, cancel_futures=True)
            worker_end.close()


def _start_worker(make: Callable[[], Tool], driver: Connection) -> None:
    """Prepare a worker, which exits when `driver` is closed, even if the driver is killed."""
    global _make
    one_thread()
    _make = make
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the driver, which ends the worker
    threading.Thread(target=_exit_with, args=(driver,), daemon=True).start()


def _exit_with(driver: Connection) -> None:
    driver.poll(None)
    os._exit(1)


def _call_tool(piece: Any) -> Any:
    global _tool
    if _tool is None:  # made here, so that the driver gets what `make` raises
        _tool = _make()
    return _tool(piece)
