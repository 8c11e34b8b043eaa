"""Background runs: they finish, stop at once, are replaced, continue, and survive an error."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dgm_core.child_process import IDLE, Pool
from tests.patience import PATIENCE
from ui import jobs
from ui.jobs import Worker


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
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
    assert run.wait(PATIENCE)
    assert run.items == [0, 1, 2, 3, 4]
    assert run.state == "finished"
    assert not run.live


def test_stop_takes_effect_at_once_and_the_thread_ends() -> None:
    worker = Worker()
    run = worker.start("key", counting(10**9, pause=0.01))
    assert until(lambda: len(run.items) > 2)
    worker.stop()
    assert run.state == "stopped"
    assert run.wait(PATIENCE)
    seen = len(run.items)
    time.sleep(0.05)
    assert len(run.items) == seen


def test_a_new_run_replaces_the_previous_one() -> None:
    worker = Worker()
    old = worker.start("old", counting(10**9, pause=0.01))
    new = worker.start("new", counting(3))
    assert worker.run is new
    assert old.wait(PATIENCE)
    assert new.wait(PATIENCE)
    assert old.state == "stopped"
    assert new.items == [0, 1, 2]


def test_an_error_in_the_work_does_not_reach_the_page() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise RuntimeError("no")

    run = Worker().start("key", broken)
    assert run.wait(PATIENCE)
    assert run.state == "failed"
    assert run.items == [1]


def test_a_run_at_its_time_limit_keeps_its_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.05)
    run = Worker().start("key", counting(10**9, pause=0.01))
    assert run.wait(PATIENCE)
    assert run.state == "timed out"
    assert run.items


# --- continuing a run that was stopped --------------------------------------------------------


class Gated:
    """Work of a given number of items; each is computed when `let` allows it."""

    def __init__(self, items: int) -> None:
        self.items = items
        self.started: list[int] = []
        self.gate = threading.Semaphore(0)

    def __call__(self) -> Iterator[int]:
        for i in range(self.items):
            self.started.append(i)
            assert self.gate.acquire(timeout=PATIENCE)
            yield i

    def let(self, items: int) -> None:
        self.gate.release(items)


def test_a_stopped_run_continues_where_it_was() -> None:
    work, worker = Gated(6), Worker()
    first = worker.start("key", work)
    work.let(2)
    assert until(lambda: len(work.started) == 3)  # the third is being computed
    worker.stop()
    assert first.state == "stopped"
    second = worker.resume()
    assert worker.run is second
    assert second.key == "key"
    assert second.live
    work.let(4)
    assert second.wait(PATIENCE)
    assert second.state == "finished"
    assert second.items == [0, 1, 2, 3, 4, 5]
    assert work.started == [0, 1, 2, 3, 4, 5]  # none was computed twice
    assert first.items == [0, 1]


def test_an_item_that_was_being_computed_at_the_stop_is_not_lost() -> None:
    work, worker = Gated(3), Worker()
    first = worker.start("key", work)
    assert until(lambda: work.started == [0])
    worker.stop()
    work.let(1)
    assert first.wait(PATIENCE)
    assert first.items == []  # nothing appears after a stop
    second = worker.resume()
    work.let(2)
    assert second.wait(PATIENCE)
    assert second.items == [0, 1, 2]
    assert work.started == [0, 1, 2]


def test_a_run_can_be_stopped_and_continued_many_times_at_once() -> None:
    work, worker = Gated(5), Worker()
    runs = [worker.start("key", work)]
    assert until(lambda: work.started == [0])
    for _ in range(4):  # while the first item is being computed
        worker.stop()
        runs.append(worker.resume())
    work.let(5)
    assert runs[-1].wait(PATIENCE)
    assert runs[-1].items == [0, 1, 2, 3, 4]
    assert work.started == [0, 1, 2, 3, 4]
    assert all(run.wait(PATIENCE) for run in runs)
    assert [run.state for run in runs] == ["stopped"] * 4 + ["finished"]


def test_stops_at_any_moment_lose_and_repeat_no_item() -> None:
    worker = Worker()
    worker.start("key", counting(40, pause=0.005))
    source = random.Random(0)
    while worker.run.live or worker.run.state == "stopped":
        time.sleep(source.uniform(0, 0.01))
        worker.stop()
        if worker.run.state == "stopped":
            worker.resume()
            time.sleep(source.uniform(0, 0.01))
    assert worker.run.wait(PATIENCE)
    assert worker.run.items == list(range(40))


def test_a_run_stopped_as_it_ended_finishes() -> None:
    worker = Worker()
    work = Gated(1)
    worker.start("key", work)
    work.let(1)
    assert until(lambda: not worker.run.live)
    worker.run.state = "stopped"  # the visitor stops before the thread ends
    assert worker.resume().wait(PATIENCE)
    assert worker.run.state == "finished"
    assert worker.run.items == [0]


def test_a_run_continues_with_a_new_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.0)
    worker = Worker()
    assert worker.start("key", counting(5)).wait(PATIENCE)
    assert worker.run.items == [0]
    monkeypatch.setattr(jobs, "MAX_SECONDS", 60.0)
    assert worker.resume().wait(PATIENCE)
    assert worker.run.items == [0, 1, 2, 3, 4]
    assert worker.run.state == "finished"


def test_a_run_that_waits_for_a_stopped_item_takes_no_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise two runs that wait for each other would block all others forever."""
    monkeypatch.setattr(jobs, "_slots", jobs.Slots(2))
    work, worker = Gated(2), Worker()
    worker.start("key", work)
    assert until(lambda: work.started == [0])  # one slot is taken
    worker.stop()
    resumed = worker.resume()
    other = Worker().start("another visitor", counting(3))
    assert other.wait(PATIENCE)
    assert other.items == [0, 1, 2]
    work.let(2)
    assert resumed.wait(PATIENCE)
    assert resumed.items == [0, 1]


def test_the_runs_of_many_visitors_alternate() -> None:
    runs = [Worker().start(i, counting(30, pause=0.002)) for i in range(6)]
    assert all(run.wait(PATIENCE) for run in runs)
    assert all(run.state == "finished" for run in runs)
    assert jobs.waiting() == 0


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    workers = [Worker() for _ in range(10)]
    for worker in workers:
        worker.start("key", counting(10**9, pause=0.01))
    for worker in workers:
        worker.stop()
    assert until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("when", ["under way", "stopped", "continued"])
def test_a_closed_run_closes_its_generator(when: str) -> None:
    closed = threading.Event()

    def work() -> Iterator[int]:
        try:
            for number in range(10_000):
                time.sleep(0.005)
                yield number
        finally:
            closed.set()

    worker = Worker()
    remembered = worker.start("key", work)
    assert remembered.ready.wait(PATIENCE)
    if when != "under way":
        worker.stop()
        assert remembered.wait(PATIENCE)
        assert not closed.is_set()  # it may be continued
    if when == "continued":
        assert worker.resume().ready.wait(PATIENCE)
    worker.close()
    assert closed.wait(PATIENCE)


def test_none_is_not_an_item() -> None:
    run = Worker().start("key", lambda: iter([None, 1, None, None, 2]))
    assert run.wait(PATIENCE)
    assert run.items == [1, 2]
    assert run.state == "finished"


def test_a_run_stopped_at_none_continues_where_it_was() -> None:
    at_none, go = threading.Event(), threading.Event()

    def work() -> Iterator[int | None]:
        yield 1
        at_none.set()
        go.wait(PATIENCE)
        yield None
        yield 2

    worker = Worker()
    run = worker.start("key", work)
    assert at_none.wait(PATIENCE)
    worker.stop()
    go.set()
    assert run.wait(PATIENCE)
    assert run.items == [1]
    assert worker.resume().wait(PATIENCE)
    assert worker.run.items == [1, 2]


def test_a_run_pauses_while_a_page_is_drawn_but_not_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "MAX_PAUSE", 30.0)
    worker = Worker()
    run = worker.start("key", counting(10**9, pause=0.005))
    assert until(lambda: len(run.items) > 2)
    worker.pause()
    time.sleep(0.05)  # the item under way is finished
    resting = len(run.items)
    time.sleep(0.1)
    assert len(run.items) == resting
    run.unpause()
    assert until(lambda: len(run.items) > resting)
    monkeypatch.setattr(jobs, "MAX_PAUSE", 0.05)
    worker.pause()
    resting = len(run.items)
    assert until(lambda: len(run.items) > resting + 5)
    worker.stop()
    assert run.wait(PATIENCE)


def test_a_value_is_computed_once_per_number_of_items() -> None:
    run = Worker().start("key", counting(3))
    assert run.wait(PATIENCE)
    made: list[int] = []
    assert [run.once("total", lambda: made.append(1) or sum(run.items)) for _ in range(3)] == [
        3,
        3,
        3,
    ]
    assert made == [1]


def test_waiting_does_not_count_towards_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.5)
    one = jobs.Slots(1)
    monkeypatch.setattr(jobs, "_slots", one)
    one.acquire()
    run = Worker().start("key", lambda: iter(range(3)))
    time.sleep(0.7)
    one.release()
    assert run.wait(PATIENCE)
    assert run.state == "finished"


def test_the_items_kept_at_the_end_replace_the_items() -> None:
    def negative(items: list[int]) -> list[int]:
        return [-item for item in items]

    worker = Worker()
    run = worker.start("key", counting(3), at_end=negative)
    assert run.wait(PATIENCE)
    assert run.items == [0, -1, -2]
    run = worker.start("key", counting(40, pause=0.005), at_end=negative)
    assert until(lambda: len(run.items) > 2)
    worker.stop()
    assert run.wait(PATIENCE)
    assert run.items == list(range(len(run.items)))  # the run has not ended
    resumed = worker.resume()
    assert resumed.wait(PATIENCE)
    assert resumed.items == [-item for item in range(40)]


def waited_for(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_run_waits_for_a_child_without_a_slot() -> None:
    pool = Pool(1)
    others = jobs.Slots(1)

    def work() -> Iterator[object]:
        yield "before"
        yield (yield from pool.steps(pow, 2, 10, memory=2**28, seconds=PATIENCE))

    run = jobs.Run("child", work, others)
    assert run.wait(PATIENCE)
    assert (run.state, run.items) == ("finished", ["before", 1024])
    assert others.free == 1


def test_a_stopped_run_ends_its_child_and_can_continue() -> None:
    pool = Pool(1)
    child = pool.call(os.getpid, memory=2**28, seconds=PATIENCE)
    worker = jobs.Worker()

    def work() -> Iterator[object]:
        yield "before"
        yield (yield from pool.steps(waited_for, 1.0, memory=2**28, seconds=PATIENCE))

    first = worker.start("child", work)
    assert until(lambda: first.items == ["before"] and not IDLE.children)  # the child computes
    first.stop()
    assert first.wait(PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    again = worker.resume()
    assert again.wait(PATIENCE)
    assert (again.state, again.items) == ("finished", ["before", 1.0])


def test_the_time_limit_counts_the_time_of_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.5)
    pool = Pool(1)
    child = pool.call(os.getpid, memory=2**28, seconds=PATIENCE)
    run = jobs.Run(
        "child", lambda: pool.steps(waited_for, PATIENCE, memory=2**28, seconds=PATIENCE)
    )
    assert run.wait(PATIENCE)
    assert run.state == "timed out"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_stopped_run_leaves_the_line_and_lets_the_next_one_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = jobs.Slots(1)
    monkeypatch.setattr(jobs, "_slots", one)
    worker = jobs.Worker()
    first = worker.start("first", counting(10**6))
    assert until(lambda: bool(first.items))
    one.acquire(ahead=True)  # the slot of another visitor, who keeps it
    assert until(lambda: len(one) == 1)  # the first run waits in line
    second = worker.start("second", counting(3))
    assert first.wait(PATIENCE)
    assert until(lambda: len(one._ahead) == 1)  # the second run waits ahead
    one.release()
    assert second.wait(PATIENCE)
    assert second.items == [0, 1, 2]
    assert one.free == 1
