"""Cells of sweeps: the same tables from every engine, and after interruptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dgm_core.__main__ import app
from dgm_core.evaluation import mnar_protocol
from dgm_core.evaluation.mnar_protocol import Config, Row
from dgm_core.scale.studies import cells, mnar
from dgm_core.studies.inpainting import sampler_rows
from tests.studies.last_first import LastFirst

ROOT = Path(__file__).parents[3]
SWEEP = "evaluate samplers --study iterations --data digits --images 120 --iterations 40"


@dataclass(frozen=True)
class Cell:
    number: int


def squares() -> Any:
    return lambda cell: {"square": cell.number**2, "none": float("nan")}


CELLS = [Cell(number) for number in range(5)]


def results(journal: Path | None, depends: Sequence[str] = ()) -> tuple[list[int], list[Cell]]:
    """Squares in the order of the cells, and the cells that were computed."""
    where = LastFirst()
    done = list(cells.run(CELLS, squares, where, journal, depends))
    assert [each.fraction for each in done] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(each.cell == CELLS[each.number] for each in done)
    return [each.result["square"] for each in sorted(done)], where.pieces


def test_each_cell_is_computed_once_and_finished_cells_are_not_repeated(tmp_path: Path) -> None:
    expected = [0, 1, 4, 9, 16]
    assert results(None) == (expected, CELLS[::-1])
    run = cells.run(CELLS, squares, LastFirst(), tmp_path)
    assert [next(run).number, next(run).number] == [4, 3]
    run.close()
    assert results(tmp_path) == (expected, CELLS[2::-1])
    assert results(tmp_path) == (expected, [])
    cells.forget(CELLS[:2], tmp_path)
    assert results(tmp_path) == (expected, CELLS[1::-1])


def test_groups_come_in_their_order_with_their_results_in_that_of_their_cells(
    tmp_path: Path,
) -> None:
    groups = [CELLS[:2], [], CELLS[2:4], CELLS[4:], []]
    run = cells.run_groups(groups, squares, LastFirst(), tmp_path)
    assert [next(run).number for _ in range(2)] == [4, 3]
    run.close()
    items = list(cells.run_groups(groups, squares, LastFirst(), tmp_path))
    # Results of the journal in order, the others last first.
    assert [item.number for item in items if isinstance(item, cells.Done)] == [3, 4, 2, 1, 0]
    assert isinstance(items[-6], cells.Done)
    found = [(each.number, [result["square"] for result in each.results]) for each in items[-5:]]
    assert found == [(0, [0, 1]), (1, []), (2, [4, 9]), (3, [16]), (4, [])]


def test_different_weights_have_separate_results(tmp_path: Path) -> None:
    results(tmp_path, ["one sha"])
    assert results(tmp_path, ["another"])[1] == CELLS[::-1]
    assert results(tmp_path, ["one sha"])[1] == []


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"half of a li", None])
def test_a_damaged_entry_is_computed_again(tmp_path: Path, broken: bytes | None) -> None:
    results(tmp_path)
    entry = sorted(tmp_path.iterdir())[2]
    whole = entry.read_bytes()
    entry.write_bytes(whole.replace(b"square", b"sqare") if broken is None else broken)
    again, worked_on = results(tmp_path)
    assert again == [0, 1, 4, 9, 16]
    assert len(worked_on) == 1
    assert entry.read_bytes() == whole


def python(*words: str) -> list[str]:
    return [sys.executable, "-m", "dgm_core", *words]


def environment() -> dict[str, str]:
    # As in a worker, which has one thread: how sums are split changes their last bits.
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def swept(out: Path, *words: str) -> list[str]:
    """Run the sweep to its end and return the cells it reports."""
    command = python(*SWEEP.split(), "--out", str(out), *words)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if ": done" in line]


def both_files(out: Path) -> tuple[bytes, bytes]:
    return out.read_bytes(), out.with_suffix(".npz").read_bytes()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    out = tmp_path_factory.mktemp("plain") / "studies.toml"
    assert swept(out) == []
    return both_files(out)


@pytest.mark.slow
def test_a_killed_sweep_resumes_and_gives_the_same_table(
    tmp_path: Path, plain: tuple[bytes, bytes]
) -> None:
    out, journal = tmp_path / "studies.toml", tmp_path / "journal"
    words = ("--engine", "local", "--workers", "2", "--journal", str(journal))
    command = python(*SWEEP.split(), "--out", str(out), *words)
    driver = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        before = next(line for line in driver.stdout if ": done" in line)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        driver.stdout.close()
    assert driver.returncode == -signal.SIGKILL
    rows = len(sampler_rows.load(out.with_suffix(".npz")))
    lines = swept(out, *words)
    assert both_files(out) == plain
    again = [line for line in lines if ": done by an earlier run" in line]
    assert len(lines) + 3 * rows == 6  # two samplers, images in blocks of 50
    assert len(again) + 3 * rows >= 1
    new = [line.partition(":")[0] for line in lines if line not in again]
    assert before.partition(":")[0] not in new
    assert not list(journal.glob("*.json"))  # the cells in the table
    assert swept(out, *words) == []
    assert both_files(out) == plain


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="no Ray here")
def test_a_sweep_on_ray_gives_the_same_table(tmp_path: Path, plain: tuple[bytes, bytes]) -> None:
    out = tmp_path / "studies.toml"
    lines = swept(out, "--engine", "ray", "--workers", "2", "--journal", str(tmp_path / "j"))
    assert len(lines) == 6
    assert both_files(out) == plain


def test_rows_of_tables_equal_those_of_a_plain_loop_in_order(tmp_path: Path) -> None:
    methods = ("mean", "PPCA", "not-MIWAE PPCA, known sign", "MIWAE")
    config = Config(("breast",), methods, runs=2, iterations=20, samples=10)

    def rows(items: Any) -> list[Row]:
        found = [item._replace(minutes=0.0) for item in items if isinstance(item, Row)]
        return [repr(row) for row in found]  # NaN is not equal to itself

    expected = rows(mnar_protocol.run(config))
    where = LastFirst()
    assert rows(mnar.run(config, where, tmp_path)) == expected
    # PPCA and MIWAE use the same first training, so they are one cell
    assert [piece.config.methods for piece in where.pieces] == [
        ("not-MIWAE PPCA, known sign",),
        ("PPCA", "MIWAE"),
        ("mean",),
    ]
    assert list(tmp_path.iterdir()) == []


def test_cells_of_the_whole_study_contain_each_row_once() -> None:
    config = Config()
    every = mnar.cells_of(config)
    pairs = [(cell.config.tables[0], name) for cell in every for name in cell.config.methods]
    assert sorted(pairs) == sorted(
        (table, name) for table in config.tables for name in config.methods
    )
    alike = next(cell for cell in every if "MIWAE" in cell.config.methods)
    assert alike.config.methods == ("PPCA", "MIWAE")
    assert len({repr(cell) for cell in every}) == len(every)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--workers", "2"), "--workers and --address need --engine"),
        (("--engine", "local", "--workers", "0"), "at least one worker"),
        (("--engine", "local", "--address", "auto"), "has no address"),
    ],
)
@pytest.mark.parametrize("study", ["samplers", "mnar", "inpainting", "clusters"])
def test_a_command_refuses_invalid_arguments(study: str, words: tuple, message: str) -> None:
    result = CliRunner().invoke(app, ("evaluate", study, *words))
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output
