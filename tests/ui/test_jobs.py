"""Background runs: they finish, stop at once, give way to the next, and survive a fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ui import jobs
from ui.jobs import Worker


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def counting(to: int, pause: float = 0.0) -> Callable[[], Iterator[int]]:
    def work() -> Iterator[int]:
        for i in range(to):
            time.sleep(pause)
            yield i

    return work


def test_a_run_finishes_with_all_its_items() -> None:
    run = Worker().start("key", counting(5))
    assert run.wait(5)
    assert run.items == [0, 1, 2, 3, 4]
    assert run.state == "finished"
    assert not run.live


def test_stop_takes_effect_at_once_and_the_thread_goes() -> None:
    worker = Worker()
    run = worker.start("key", counting(10_000, pause=0.01))
    assert until(lambda: len(run.items) > 2)
    worker.stop()
    assert run.state == "stopped"
    assert run.wait(1)
    seen = len(run.items)
    time.sleep(0.05)
    assert len(run.items) == seen


def test_a_new_run_takes_the_place_of_the_old_one() -> None:
    worker = Worker()
    old = worker.start("old", counting(10_000, pause=0.01))
    new = worker.start("new", counting(3))
    assert worker.run is new
    assert old.wait(1)
    assert new.wait(5)
    assert old.state == "stopped"
    assert new.items == [0, 1, 2]


def test_a_fault_in_the_work_is_kept_from_the_page() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise RuntimeError("no")

    run = Worker().start("key", broken)
    assert run.wait(5)
    assert run.state == "failed"
    assert run.items == [1]


def test_a_run_out_of_time_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.05)
    run = Worker().start("key", counting(10_000, pause=0.01))
    assert run.wait(5)
    assert run.state == "timed out"
    assert run.items


def test_runs_of_many_visitors_advance_in_turns() -> None:
    runs = [Worker().start(i, counting(30, pause=0.002)) for i in range(6)]
    assert all(run.wait(10) for run in runs)
    assert all(run.state == "finished" for run in runs)
    assert jobs.waiting() == 0


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    workers = [Worker() for _ in range(10)]
    for worker in workers:
        worker.start("key", counting(10_000, pause=0.01))
    for worker in workers:
        worker.stop()
    assert until(lambda: threading.active_count() <= before, 2)
