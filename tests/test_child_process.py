"""Calls in child processes: results, errors, limits, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.impute import KNNImputer, SimpleImputer

from dgm_core.child_process import Call, ChildFailed, OutOfMemory, OutOfTime, Pool
from tests.patience import PATIENCE

SMALL = 2**28
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool(2)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def quiet_print(text: str) -> str:
    """Prints, which must not disturb the answer."""
    print(text)
    os.write(1, b"more")
    return text


def test_a_call_gives_what_the_function_gives(pool: Pool) -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    values[::4, 1] = np.nan
    method = KNNImputer(n_neighbors=3)
    got = pool.call(method.fit_transform, values, memory=SMALL, seconds=PATIENCE)
    np.testing.assert_array_equal(got, method.fit_transform(values))


def test_printing_does_not_disturb_the_answer(pool: Pool) -> None:
    assert pool.call(quiet_print, "hello", memory=SMALL, seconds=PATIENCE) == "hello"


def test_errors_of_the_function_arrive(pool: Pool) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        pool.call(int, "x", memory=SMALL, seconds=PATIENCE)
    with pytest.raises(TypeError, match="pickle"):
        pool.call(open, os.devnull, memory=SMALL, seconds=PATIENCE)
    assert pool.call(int, "3", memory=SMALL, seconds=PATIENCE) == 3


@linux
def test_a_call_that_needs_too_much_memory_ends(pool: Pool) -> None:
    with pytest.raises(OutOfMemory):
        pool.call(np.ones, 10**8, memory=SMALL, seconds=PATIENCE)
    assert pool.call(np.ones, 3, memory=SMALL, seconds=PATIENCE).sum() == 3


def test_a_call_that_takes_too_long_ends() -> None:
    pool = Pool(1)
    child = pool.call(os.getpid, memory=SMALL, seconds=PATIENCE)
    started = time.monotonic()
    with pytest.raises(OutOfTime, match=r"within 0\.3 s"):
        pool.call(time.sleep, 2 * PATIENCE, memory=SMALL, seconds=0.3)
    assert time.monotonic() - started < PATIENCE
    assert not alive(child)
    assert pool.call(os.getpid, memory=SMALL, seconds=PATIENCE) != child


def test_a_child_that_ends_without_an_answer_is_replaced(pool: Pool) -> None:
    with pytest.raises(ChildFailed, match="code"):
        pool.call(os.abort, memory=SMALL, seconds=PATIENCE)
    assert pool.call(int, "3", memory=SMALL, seconds=PATIENCE) == 3


def test_a_child_is_used_again_unless_it_needed_much_memory() -> None:
    pool = Pool(1)
    first, second = (pool.call(os.getpid, memory=SMALL, seconds=PATIENCE) for _ in range(2))
    assert first == second
    pool.call(np.ones, 4 * 10**7, memory=2 * SMALL, seconds=PATIENCE)
    assert pool.call(os.getpid, memory=SMALL, seconds=PATIENCE) != first


SLOW_PID = "__import__('time').sleep(1) or __import__('os').getpid()"
"""The number of the process, after a while: two calls overlap."""


def test_pools_share_the_child_without_a_call_and_no_other_stays() -> None:
    first, second = Pool(2), Pool(1)
    calls = [first.steps(eval, SLOW_PID, memory=SMALL, seconds=PATIENCE) for _ in range(2)]
    for call in [next(steps) for steps in calls]:
        assert call.wait(PATIENCE)
    ended = []
    for steps in calls:
        with pytest.raises(StopIteration) as end:
            next(steps)
        ended.append(end.value.value)
    assert [alive(process) for process in ended] == [True, False]
    assert second.call(os.getpid, memory=SMALL, seconds=PATIENCE) == ended[0]


def test_at_most_so_many_children_compute() -> None:
    pool = Pool(1)
    first = pool.steps(time.sleep, 0.5, memory=SMALL, seconds=PATIENCE)
    second = pool.steps(os.getpid, memory=SMALL, seconds=PATIENCE)
    busy, waiting = next(first), next(second)
    assert (busy.running, waiting.running) == (True, False)
    assert not waiting.wait(0.05)
    while not busy.wait(0.1):
        assert not waiting.running
    with pytest.raises(StopIteration):
        next(first)
    assert waiting.wait(PATIENCE)
    with pytest.raises(StopIteration) as end:
        next(second)
    assert isinstance(end.value.value, int)


def test_an_abandoned_call_starts_again() -> None:
    pool = Pool(1)
    child = pool.call(os.getpid, memory=SMALL, seconds=PATIENCE)
    steps = pool.steps(time.sleep, 0.2, memory=SMALL, seconds=PATIENCE)
    call = next(steps)
    assert call.running
    call.abandon()
    assert not call.running
    assert not alive(child)
    assert pool.call(int, "3", memory=SMALL, seconds=PATIENCE) == 3  # the place is free
    assert isinstance(next(steps), Call)
    assert call.wait(PATIENCE)
    with pytest.raises(StopIteration):
        next(steps)


def test_closing_the_generator_ends_the_computation() -> None:
    pool = Pool(1)
    child = pool.call(os.getpid, memory=SMALL, seconds=PATIENCE)
    steps = pool.steps(time.sleep, 2 * PATIENCE, memory=SMALL, seconds=3 * PATIENCE)
    next(steps)
    steps.close()
    assert not alive(child)
    assert pool.call(int, "3", memory=SMALL, seconds=PATIENCE) == 3


PARENT = """
import os, time
from dgm_core.child_process import Pool
pool = Pool(1)
print(pool.call(os.getpid, memory=2**28, seconds=60), flush=True)
next(pool.steps({what}, memory=2**28, seconds={seconds}))
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("what", "seconds"), [("time.sleep, 600", 600), ("sum, range(10**12)", 1)]
)
def test_a_child_ends_with_its_parent(what: str, seconds: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(what=what, seconds=seconds)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + PATIENCE
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(child)


def loaded(name: str) -> bool:
    return name in sys.modules


def test_a_child_does_not_load_torch() -> None:
    pool = Pool(1)
    method = SimpleImputer()
    pool.call(method.fit_transform, np.eye(3), memory=SMALL, seconds=PATIENCE)
    assert pool.call(loaded, "sklearn", memory=SMALL, seconds=PATIENCE)
    assert not pool.call(loaded, "torch", memory=SMALL, seconds=PATIENCE)
