"""A page that waits for a child process ends when its script must end."""

from __future__ import annotations

import operator
import time
from types import SimpleNamespace

import pytest

from dgm_core.child_process import OutOfTime, Pool
from tests.patience import PATIENCE
from ui import script_run


class Stopped(BaseException):
    """What Streamlit raises where a script must end."""


class Session:
    """The state of a session whose script must end at the third look."""

    looks = 0

    def __contains__(self, key: str) -> bool:
        self.looks += 1
        if self.looks == 3:
            raise Stopped
        return False


def test_the_result_is_that_of_the_function() -> None:
    assert script_run.in_child(Pool(1), operator.add, 2, 3, memory=2**24, seconds=PATIENCE) == 5


def test_errors_are_passed_on() -> None:
    pool = Pool(1)
    with pytest.raises(ZeroDivisionError):
        script_run.in_child(pool, operator.floordiv, 1, 0, memory=2**24, seconds=PATIENCE)
    with pytest.raises(OutOfTime):
        script_run.in_child(pool, time.sleep, 60, memory=2**24, seconds=0.1)


def test_the_computation_ends_with_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    session, pool = Session(), Pool(1)
    monkeypatch.setattr(script_run, "in_script_run", lambda: True)
    monkeypatch.setattr(script_run, "st", SimpleNamespace(session_state=session))
    start = time.monotonic()
    with pytest.raises(Stopped):
        script_run.in_child(pool, time.sleep, 600, memory=2**24, seconds=600)
    assert session.looks == 3
    assert time.monotonic() - start < PATIENCE
    assert pool.call(operator.add, 2, 3, memory=2**24, seconds=PATIENCE) == 5  # the place is free
