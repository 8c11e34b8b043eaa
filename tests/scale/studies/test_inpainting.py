"""The inpainting tables, cell by cell: the same in any order and after interruption."""

from __future__ import annotations

import tomllib
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from dgm_core import data
from dgm_core.__main__ import app
from dgm_core.commands.evaluate import engine_options
from dgm_core.evaluation import holes, samplers
from dgm_core.scale.studies import inpainting
from dgm_core.scale.studies.cells import Done
from dgm_core.studies.inpainting.patterns import PATTERNS
from tests.studies.last_first import LastFirst

TINY = samplers.Config(
    images=5,
    chains=2,
    iterations=20,
    warmup=5,
    completions=2,
    batch=2,
    lair_iterations=20,
    data="digits",
)
CPU = torch.device("cpu")


@pytest.fixture
def one_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "PATTERNS", {"top half": PATTERNS["top half"]})


def rows_of(items: Any) -> list[str]:
    """Rows without the seconds, as text, because NaN is not equal to itself."""
    rows = [item for item in items if isinstance(item, (samplers.Row, holes.Row))]
    return [repr(row._replace(seconds=0) if hasattr(row, "seconds") else row) for row in rows]


@pytest.mark.usefixtures("one_pattern")
def test_the_command_makes_the_same_table_of_samplers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dgm_core.commands.evaluate.inpainting  # before its defaults are replaced  # noqa: F401

    config = {name: value for name, value in vars(TINY).items() if name != "lair_iterations"}
    del config["images"], config["iterations"]
    monkeypatch.setattr(samplers, "Config", partial(samplers.Config, **config))
    where = LastFirst()
    monkeypatch.setattr(engine_options, "make_engine", lambda *_: where)

    def table(name: str, *words: str) -> list[dict]:
        command = ("evaluate", "inpainting", "--only", "samplers", "--out", str(tmp_path / name))
        sizes = ("--inpainted", "5", "--iterations", "20", "--lair-iterations", "20")
        result = CliRunner().invoke(app, (*command, *sizes, *words))
        assert result.exit_code == 0, result.output
        rows = tomllib.loads((tmp_path / name).read_text(encoding="utf-8"))["samplers"]
        return [repr(row | {"seconds": 0}) for row in rows]

    expected = table("plain.toml")
    assert len(expected) == 5
    assert where.pieces == []
    journal = ("--engine", "local", "--journal", str(tmp_path / "journal"))
    assert table("cells.toml", *journal) == expected
    ends = [(cell.method, cell.first, cell.last) for cell in reversed(where.pieces)]
    assert ends == [
        (name, *pair)
        for name in (*samplers.CHAINS, "partial encoder", "LAIR")
        for pair in ((0, 2), (2, 4), (4, 5))
    ]
    assert list((tmp_path / "journal").iterdir()) == []


@pytest.mark.usefixtures("one_pattern")
def test_timed_lair_is_one_cell_with_its_time_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[int] = []

    def affordable(config: samplers.Config, model: Any, original: Any, *_: Any) -> int:
        timed.append(len(original))
        return 20

    monkeypatch.setattr(samplers, "_affordable", affordable)
    monkeypatch.setattr(samplers, "CHAINS", samplers.CHAINS[:1])
    config = samplers.Config(**vars(TINY) | {"lair_iterations": None})
    expected = rows_of(samplers.run(config, CPU))
    assert timed == [2]  # images of one block
    where = LastFirst()
    run = inpainting.run_samplers(config, where, tmp_path)
    cut = list(islice(run, 2))
    assert all(isinstance(item, Done) for item in cut)
    run.close()
    assert rows_of(inpainting.run_samplers(config, where, tmp_path)) == expected
    ends = [(cell.method, cell.first, cell.last) for cell in where.pieces]
    blocks = ((4, 5), (2, 4), (0, 2))
    others = [(name, *pair) for name in ("partial encoder", samplers.CHAINS[0]) for pair in blocks]
    assert ends == [("LAIR", 0, 5), *others]
    assert timed == [2, 2]
    assert list(tmp_path.iterdir()) == []


def test_holes_equal_those_of_a_plain_run_and_available_models_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def test_images(name: str, images: int | None) -> torch.Tensor:
        if name != "mnist":
            raise data.DataUnavailable("no faces here")
        return data.load("digits", "test").x[:images]

    monkeypatch.setattr(holes, "HOLES", {"mnist": ((9, 12),), "celeba32": ((16, 16),)})
    monkeypatch.setattr(holes, "test_images", test_images)
    monkeypatch.setattr(holes, "BATCH", 2)
    monkeypatch.setattr(inpainting, "HOLE_IMAGES", 4)
    config = holes.Config(images=9)

    def measured(items: Any) -> list[str]:
        found = []
        with pytest.raises(data.DataUnavailable, match="no faces here"):
            found.extend(items)
        return rows_of(found)

    expected = measured(holes.run(config, CPU))
    assert [row.partition(", sse=")[0] for row in expected] == [
        f"Row(data='mnist', hole=(9, 12), method='{method}', images=9"
        for method in ("DMFA", "MFA")
    ]
    where = LastFirst()
    run = inpainting.run_holes(config, where, tmp_path)
    assert str(next(run).cell) == "mnist, 9×12, MFA, images 9 to 9"
    next(run)
    run.close()
    assert measured(inpainting.run_holes(config, where, tmp_path)) == expected
    # No row is measured twice after the interruption.
    assert len(where.pieces) == len(set(where.pieces)) == 6
    assert list(tmp_path.iterdir()) == []
