"""Tables filled in by blocks: rows per second, overhead of Ray over the local engine, and memory.

Each run is a separate process. It is timed from the start of the first worker to the end of the
last block; the model is trained before. The time with 100 workers is then extrapolated by

    T(N, W) = start + max(N · r / W, (N / B) · b) + N · j

with N rows in blocks of B on W workers, r seconds per row in a worker, b seconds per block in the
driver, and j seconds per row to join the blocks (0 for a folder of parts). With more than
W* = r · B / b workers, workers wait for the driver.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dgm_core.bench.timing import Line
from dgm_core.estimators import impute_table
from dgm_core.options.impute import Model
from dgm_core.scale import engines
from dgm_core.scale.tables import Job
from dgm_core.scale.tables.blocks import BLOCK

A = TypeVar("A")
R = TypeVar("R")

COLUMNS = 10
OVERHEAD, FLAT = 1.15, 1.2
"""Goals: time of Ray ÷ time of the local engine; memory of the largest table ÷ the smallest."""
LARGE_ROWS, LARGE_WORKERS = 10**9, 100
"""Rows and workers of the extrapolation."""
_MARK = "DGM_BENCH"
_PIECES = 1000


class Run(NamedTuple):
    """Time and memory of one run."""

    seconds: float  # filling in, with the start of the workers
    joining: float
    megabytes: float  # anonymous memory of its largest process


@dataclass(frozen=True)
class Task:
    """One run: a table, an engine, a model."""

    table: str
    engine: engines.EngineName
    workers: int
    model: Model = "miwae"
    samples: int = 20


def run(rows: int, memory: tuple[int, ...], samples: int) -> Iterator[Line]:
    """All lines of this benchmark.

    Args:
        rows: rows of the table that is timed.
        memory: rows of the tables for which memory is measured; empty = not measured.
        samples: K of MIWAE.

    Raises:
        EngineMissing: Ray is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        timed = _table(rows, Path(folder))
        taken: dict[tuple[str, int], Run] = {}
        for workers in (1, 2):
            for name in engines.NAMES:
                found = _measured(Task(timed, name, workers, samples=samples))
                taken[name, workers] = found
                what = f"{name}, {workers} worker(s), {rows:,} rows"
                yield Line(what, rows / found.seconds, "rows/s", None)
        for workers in (1, 2):
            ratio = taken["ray", workers].seconds / taken["local", workers].seconds
            yield Line(f"ray ÷ local, {workers} worker(s)", ratio, "×", OVERHEAD)
        yield from _extrapolated(rows, taken["ray", 1], taken["local", 1])
        Path(timed).unlink()
        if memory:
            yield from _memory(memory, Path(folder))


def _memory(sizes: tuple[int, ...], folder: Path) -> Iterator[Line]:
    found = []
    for rows in sizes:
        table = _table(rows, folder)
        done = _measured(Task(table, "local", 2, "mfa"))
        found.append(done.megabytes)
        yield Line(f"largest process, {rows:,} rows", done.megabytes, "MB", None)
        rate = rows / done.seconds
        yield Line(f"mixture of factor analysers, {rows:,} rows", rate, "rows/s", None)
        Path(table).unlink()
    yield Line("largest table ÷ smallest", found[-1] / found[0], "×", FLAT)


def _extrapolated(rows: int, ray: Run, local: Run) -> Iterator[Line]:
    few, many = (_in_a_process(_pieces, count) for count in (1, _PIECES))
    per_block = (many - few) / (_PIECES - 1)
    per_row = max(ray.seconds - few - rows / BLOCK * per_block, 0.0) / rows
    joining = local.joining / rows
    yield Line("ray: start of a worker", few, "s", None)
    yield Line("r: one row in a worker", 1e6 * per_row, "µs", None)
    yield Line("b: one block in the driver", 1e3 * per_block, "ms", None)
    yield Line("j: one row when blocks are joined", 1e6 * joining, "µs", None)
    filling = max(LARGE_ROWS * per_row / LARGE_WORKERS, LARGE_ROWS / BLOCK * per_block)
    what = f"extrapolated: {LARGE_ROWS:.0e} rows, {LARGE_WORKERS} workers"
    yield Line(f"{what}, filling in", filling / 60, "min", None)
    yield Line(f"{what}, joining", LARGE_ROWS * joining / 60, "min", None)
    hours = LARGE_WORKERS / 3600
    parts, whole = few + filling, few + filling + LARGE_ROWS * joining
    yield Line(f"{what}, core hours, a folder of parts", hours * parts, "h", None)
    yield Line(f"{what}, core hours, one file", hours * whole, "h", None)
    busy = per_row * BLOCK / per_block
    yield Line("extrapolated: workers that the driver keeps busy", busy, "", None)


def _table(rows: int, folder: Path) -> str:
    """Ten columns of three factors and noise, a fifth of the cells missing."""
    loadings = np.random.default_rng(0).normal(size=(3, COLUMNS))
    schema = pa.schema([(f"x{i}", pa.float64()) for i in range(COLUMNS)])
    path = folder / f"{rows}.parquet"
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 8 * BLOCK):
            rng, count = np.random.default_rng(start), min(8 * BLOCK, rows - start)
            x = rng.normal(size=(count, 3)) @ loadings + 0.5 * rng.normal(size=(count, COLUMNS))
            x[rng.random(x.shape) < 0.2] = np.nan
            columns = [pa.array(x[:, i], from_pandas=True) for i in range(COLUMNS)]
            writer.write_table(pa.table(columns, schema=schema))
    return str(path)


def _measured(task: Task) -> Run:
    return _in_a_process(_job, task)


def _in_a_process(work: Callable[[A], R], argument: A) -> R:
    """The result of `work` in a separate process with separate memory."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe()
    process = spawn.Process(target=_send, args=(work, argument, sender))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise RuntimeError("a run ended without a result") from None
    finally:
        process.join()


def _send(work: Callable[[Any], Any], argument: object, sender: Connection) -> None:
    sender.send(work(argument))


def _job(task: Task) -> Run:
    os.environ[_MARK] = mark = str(os.getpid())
    settings = impute_table.Settings(
        task.model, samples=None if task.model == "mfa" else task.samples, epochs=1
    )
    job = Job(task.table, f"{task.table}.{task.engine}.parquet", settings, fit_rows=2000)
    job.prepare()
    for _ in job.training():
        pass
    with _largest(mark) as sizes:
        start = time.perf_counter()
        for _ in job.filling(engines.engine(task.engine, task.workers)):
            pass
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        done = job.finish()
        joining = time.perf_counter() - start
    for path in done.paths:
        Path(path).unlink()
    return Run(seconds, joining, max(sizes))


def _pieces(count: int) -> float:
    """Seconds for `count` pieces without work."""
    start = time.perf_counter()
    for _ in engines.engine("ray", 1).map(_idle_tool, range(count)):
        pass
    return time.perf_counter() - start


def _idle_tool() -> engines.Tool:
    return _identity


def _identity(piece: int) -> int:
    return piece


@contextlib.contextmanager
def _largest(mark: str) -> Iterator[list[float]]:
    """Megabytes of the processes with this mark, measured twice per second within the block."""
    sizes, finished = [0.0], threading.Event()

    def watch() -> None:
        while not finished.wait(0.5):
            sizes.extend(_megabytes(mark))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield sizes
    finally:
        finished.set()
        thread.join()


def _megabytes(mark: str) -> Iterator[float]:
    wanted = f"{_MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            own = int(folder.name) == os.getpid()
            if own or wanted in (folder / "environ").read_bytes().split(b"\0"):
                status = (folder / "status").read_text()
                kilobytes = [line.split()[1] for line in status.splitlines() if "RssAnon" in line]
                yield from (int(each) / 1024 for each in kilobytes)
