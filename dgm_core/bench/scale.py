"""Tables in blocks: rows a second, what Ray costs over this machine's own cores, and memory.

Each run is a process of its own, from the first worker's start to the last block's end; the model
is trained before. What 100 workers would do is then a matter of arithmetic:

    T(N, W) = start + max(N · r / W, (N / B) · b) + N · j

with N rows in blocks of B on W workers, r seconds a row in a worker, b seconds a block in the
driver, which hands out one after the other, and j seconds a row to put the blocks together, none
where they stay a folder of parts. More than W* = r · B / b workers wait for the driver.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dgm_core.bench.timing import Line
from dgm_core.estimators import impute_table
from dgm_core.scale import engines
from dgm_core.scale.tables import Job
from dgm_core.scale.tables.blocks import BLOCK

COLUMNS = 10
OVERHEAD, FLAT = 1.15, 1.2
"""Goals: Ray's time ÷ that of the local engine; memory of the largest table ÷ the smallest."""
PAPER_ROWS, PAPER_WORKERS = 10**9, 100
_MARK = "DGM_BENCH"
_PIECES = 1000


class Run(NamedTuple):
    """What one run took."""

    seconds: float  # filling, with the start of the workers
    joining: float
    megabytes: float  # of its largest process, anonymous memory


@dataclass(frozen=True)
class Asked:
    """One run: a table, an engine, a model."""

    table: str
    engine: engines.EngineName
    workers: int
    model: impute_table.Model = "miwae"
    samples: int = 20


def run(rows: int, memory: tuple[int, ...], samples: int) -> Iterator[Line]:
    """All figures, line by line.

    Args:
        rows: of the table that is timed.
        memory: rows of the tables whose memory is measured; none = not measured.
        samples: K of MIWAE.

    Raises:
        EngineMissing: Ray is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        timed = _table(rows, Path(folder))
        taken: dict[tuple[str, int], Run] = {}
        asked = [(name, workers) for workers in (1, 2) for name in engines.NAMES]
        for name, workers in asked:
            taken[name, workers] = _measured(Asked(timed, name, workers, samples=samples))
            rate = rows / taken[name, workers].seconds
            yield Line(f"{name}, {workers} worker(s), {rows:,} rows", rate, "rows/s", None)
        for workers in (1, 2):
            ratio = taken["ray", workers].seconds / taken["local", workers].seconds
            yield Line(f"ray ÷ local, {workers} worker(s)", ratio, "×", OVERHEAD)
        yield from _on_paper(rows, taken["ray", 1], taken["local", 1])
        Path(timed).unlink()
        if memory:
            yield from _memory(memory, Path(folder))


def _memory(sizes: tuple[int, ...], folder: Path) -> Iterator[Line]:
    found = []
    for rows in sizes:
        table = _table(rows, folder)
        done = _measured(Asked(table, "local", 2, "mfa"))
        found.append(done.megabytes)
        yield Line(f"largest process, {rows:,} rows", done.megabytes, "MB", None)
        rate = rows / done.seconds
        yield Line(f"mixture of factor analysers, {rows:,} rows", rate, "rows/s", None)
        Path(table).unlink()
    yield Line("largest table ÷ smallest", found[-1] / found[0], "×", FLAT)


def _on_paper(rows: int, ray: Run, local: Run) -> Iterator[Line]:
    few, many = (_in_a_process(_pieces, count) for count in (1, _PIECES))
    a_block = (many - few) / (_PIECES - 1)
    a_row = max(ray.seconds - few - rows / BLOCK * a_block, 0.0) / rows
    joined = local.joining / rows
    yield Line("ray: start of a worker", few, "s", None)
    yield Line("r: a row in a worker", 1e6 * a_row, "µs", None)
    yield Line("b: a block in the driver", 1e3 * a_block, "ms", None)
    yield Line("j: a row when blocks are put together", 1e6 * joined, "µs", None)
    filling = max(PAPER_ROWS * a_row / PAPER_WORKERS, PAPER_ROWS / BLOCK * a_block)
    on = f"on paper: {PAPER_ROWS:.0e} rows, {PAPER_WORKERS} workers"
    yield Line(f"{on}, filling", filling / 60, "min", None)
    yield Line(f"{on}, putting together", PAPER_ROWS * joined / 60, "min", None)
    in_parts = few + filling
    for what, seconds in (
        ("a folder of parts", in_parts),
        ("one file", in_parts + PAPER_ROWS * joined),
    ):
        yield Line(f"{on}, core hours, {what}", PAPER_WORKERS * seconds / 3600, "h", None)
    yield Line("on paper: workers that the driver keeps busy", a_row * BLOCK / a_block, "", None)


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


def _measured(asked: Asked) -> Run:
    return _in_a_process(_job, asked)


def _in_a_process(work, asked):  # noqa: ANN001, ANN202
    """What `work` gives in a process of its own, whose memory is its own too."""
    fresh = multiprocessing.get_context("spawn")
    mine, theirs = fresh.Pipe()
    process = fresh.Process(target=_send, args=(work, asked, theirs))
    process.start()
    theirs.close()
    try:
        return mine.recv()
    except EOFError:
        raise RuntimeError("a run ended without a result") from None
    finally:
        process.join()


def _send(work, asked, to) -> None:  # noqa: ANN001
    to.send(work(asked))


def _job(asked: Asked) -> Run:
    os.environ[_MARK] = mark = str(os.getpid())
    settings = impute_table.Settings(asked.model, samples=asked.samples, epochs=1)
    job = Job(asked.table, f"{asked.table}.{asked.engine}.parquet", settings, fit_rows=2000)
    job.prepare()
    for _ in job.training():
        pass
    with _largest(mark) as sizes:
        start = time.perf_counter()
        for _ in job.filling(engines.engine(asked.engine, asked.workers)):
            pass
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        done = job.finish()
        joining = time.perf_counter() - start
    for path in done.paths:
        Path(path).unlink()
    return Run(seconds, joining, max(sizes))


def _pieces(count: int) -> float:
    """Seconds of so many pieces without work."""
    start = time.perf_counter()
    for _ in engines.engine("ray", 1).map(_nothing, range(count)):
        pass
    return time.perf_counter() - start


def _nothing():  # noqa: ANN202
    return _same


def _same(piece: int) -> int:
    return piece


@contextlib.contextmanager
def _largest(mark: str) -> Iterator[list[float]]:
    """Megabytes of the largest process with this mark, now and then, as the block goes on."""
    sizes, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            sizes.extend(_megabytes(mark))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
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
