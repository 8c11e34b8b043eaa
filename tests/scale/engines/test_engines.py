"""Engines: every piece is done once, even if workers die, and no process stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dgm_core.scale import engines
from tests.scale.engines.work import PIECES, alive, until

ROOT = Path(__file__).parents[3]
WORK = Path(__file__).with_name("work.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

IS_THERE = {"local": True, "ray": find_spec("ray") is not None}


def run_python(*words: str, **environment: str) -> str:
    """The output of a Python process that must succeed."""
    done = subprocess.run(
        [sys.executable, *words],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ON_EACH = ["local", pytest.param("ray", marks=pytest.mark.slow)]
assert {"local", "ray"} == set(engines.NAMES)


@pytest.fixture(scope="module", params=ON_EACH)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Results of an engine in each of the trials of `work`."""
    if not IS_THERE[request.param]:
        pytest.skip(f"no {request.param} here")
    folder = tmp_path_factory.mktemp("work")
    output = run_python(str(WORK), request.param, str(folder))
    return json.loads(output.splitlines()[-1])  # Ray reports killed workers before this line


PLAIN = {place: repr(piece) for place, piece in enumerate(PIECES)}


def equals_a_loop(trial: dict[str, Any]) -> bool:
    places = [place for place, *_ in trial["results"]]
    return (
        len(places) == len(PIECES)
        and {place: piece for place, _, _, piece in trial["results"]} == PLAIN
    )


def test_results_are_those_of_a_plain_loop_even_if_a_worker_is_killed(found: dict) -> None:
    """No piece is lost or repeated, and no two pieces wait for each other."""
    assert equals_a_loop(found["killed once"])


def test_a_worker_makes_its_tool_once(found: dict) -> None:
    trial = found["killed once"]
    assert len(trial["made"]) == 2  # by the worker and by its replacement
    assert {str(process) for _, process, *_ in trial["results"]} == set(trial["made"])


def test_a_piece_that_always_kills_its_worker_ends_the_work(found: dict) -> None:
    trial = found["always killed"]
    kind, message = trial["error"]
    assert kind == "WorkersLost"
    assert f"workers died {engines.LIVES} times at the same piece" in message
    assert 3 not in [place for place, *_ in trial["results"]]
    assert len(trial["made"]) >= engines.LIVES


def test_an_exception_of_a_tool_is_raised_unchanged(found: dict) -> None:
    assert found["raises"]["error"] == ["ValueError", "expected anything but the fourth"]


def test_an_exception_while_making_a_tool_is_raised_unchanged(tmp_path: Path) -> None:
    trial = json.loads(run_python(str(WORK), "local", str(tmp_path), "cannot be made"))
    assert trial["cannot be made"]["error"] == ["FileNotFoundError", "no weights here"]


@pytest.mark.parametrize("which", ON_EACH)
def test_a_tool_that_imports_torch_has_one_thread_of_it(which: str, tmp_path: Path) -> None:
    if not IS_THERE[which]:
        pytest.skip(f"no {which} here")
    many = {"OMP_NUM_THREADS": "2"}  # as the driver may have
    trial = json.loads(run_python(str(WORK), which, str(tmp_path), "threads", **many))
    threads = {place: threads for place, *_, threads in trial["threads"]["results"]}
    assert threads[0] == 1  # the results of several pieces may come in any order


def test_leaving_early_ends_the_workers(found: dict) -> None:
    assert len(found["left early"]["results"]) == 1
    for name, trial in found.items():
        assert trial["ended"], name


def test_workers_end_with_a_killed_driver(tmp_path: Path) -> None:
    words = [sys.executable, str(WORK), "local", str(tmp_path), "never done"]

    def made() -> list[str]:
        return [path.name.split()[1] for path in (tmp_path / "never done").glob("made *")]

    driver = subprocess.Popen(words, env=ENVIRONMENT)
    try:
        assert until(lambda: len(made()) == 2)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    assert until(lambda: not any(map(alive, made())))


def test_without_ray_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "import dgm_core.scale.engines.on_ray\n"
        "from dgm_core.scale.engines import EngineMissing, engine\n"
        "try: engine('ray', 1)\n"
        "except EngineMissing as error: print(error)"
    )
    output = run_python("-c", code)
    assert "pip install ray" in output
    assert len(output.splitlines()) == 1


def test_importing_engines_is_cheap() -> None:
    code = (
        "import sys, dgm_core.scale.engines.local, dgm_core.scale.engines.on_ray\n"
        "print(sorted({'torch', 'ray', 'numpy'} & set(sys.modules)))"
    )
    assert run_python("-c", code).strip() == "[]"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("spark",), "expected an engine among local, ray, got 'spark'"),
        (("local", 0), "at least one worker"),
        (("local", 1, "auto"), "has no address"),
    ],
)
def test_invalid_arguments_are_refused(wrong: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engines.engine(*wrong)
