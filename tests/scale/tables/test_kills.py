"""Killed drivers and workers: the same command resumes, and no row changes."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
BLOCKS = 8
MARK = "DGM_TEST_JOB"
ENGINES = [
    "local",
    pytest.param(
        "ray",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("ray") is None, reason="Ray is not installed"
        ),
    ),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BLOCKS * 1000, 1)) + 0.5 * rng.normal(size=(BLOCKS * 1000, 4))
    x[rng.random(x.shape) < 0.3] = np.nan
    path = tmp_path_factory.mktemp("table") / "t.parquet"
    columns = {f"x{i}": pa.array(x[:, i], from_pandas=True) for i in range(4)}
    pq.write_table(pa.table(columns), path, row_group_size=1000)
    return path


def start_command(table: Path, out: Path, engine: str, workers: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "dgm_core",
        "impute",
        str(table),
        "--out",
        str(out),
        "--verbose",
    ]
    command += ["--engine", engine, "--workers", str(workers), "--fit-rows", "500"]
    command += ["--samples", "300", "--epochs", "2", "--draws", "1"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", MARK: str(out)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def done(out: Path) -> int:
    return len(list(Path(f"{out}.parts").glob("0*.json")))


def until(condition: Callable[[], bool], job: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        assert job.poll() is None, job.stdout.read().decode()
        time.sleep(0.01)


def ended(job: subprocess.Popen[bytes]) -> None:
    output = job.communicate(timeout=180)[0].decode()
    assert job.returncode == 0, output
    assert f"{BLOCKS * 1000:,} rows" in output


def contents(out: Path) -> list[bytes]:
    marked = [out, *(out.with_stem(f"{out.stem}-{mark}") for mark in ("sd", "01"))]
    return [path.read_bytes() for path in marked]


def workers_of(out: Path) -> list[int]:
    """Worker processes of this job, found by a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={out}".encode() in (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marked and (b"spawn_main" in command or b"_Worker" in command):
            found.append(int(folder.name))
    return found


@pytest.fixture(scope="module")
def expected(table: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    out = tmp_path_factory.mktemp("expected") / "out.parquet"
    ended(start_command(table, out, "local", 1))
    return contents(out)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds workers in /proc")
@pytest.mark.parametrize("engine", ENGINES)
def test_killed_drivers_and_workers_do_not_change_the_result(
    table: Path, expected: list[bytes], tmp_path: Path, engine: str
) -> None:
    out = tmp_path / "out.parquet"
    job = start_command(table, out, engine, 2)
    until(lambda: done(out) >= 1, job)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    job.stdout.close()
    before = done(out)
    assert 0 < before < BLOCKS
    assert not out.exists()

    again = start_command(table, out, engine, 2)
    until(lambda: done(out) > before, again)
    for worker in workers_of(out)[:1]:
        os.kill(worker, signal.SIGKILL)
        break
    else:
        pytest.fail("expected a worker to kill")
    ended(again)
    assert contents(out) == expected
    assert not Path(f"{out}.parts").exists()
