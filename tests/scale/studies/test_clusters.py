"""Choices of VAE and mixture, cell by cell: the same rows in any order and after interruption."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dgm_core.evaluation import cluster_choices
from dgm_core.evaluation.cluster_choices import CHOICES, Row
from dgm_core.scale.studies import clusters
from dgm_core.scale.studies.cells import Done
from dgm_core.training.mutual import Config
from tests.studies.last_first import LastFirst
from tests.studies.small_digits import SMALL

NAMES = ("both at once", "6 latents", "default settings")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is a few epochs on digits."""
    config = dataclasses.replace(SMALL, warmup=3, rounds=1, epochs=2)
    monkeypatch.setattr(cluster_choices, "Config", partial(Config, **vars(config)))
    monkeypatch.setattr("dgm_core.training.mixture_fits.ITERATIONS", 5)
    monkeypatch.setattr("dgm_core.training.mixture_fits.RESTARTS", 2)


def rows_of(items: Any) -> list[str]:
    return [repr(item) for item in items if isinstance(item, Row)]


def written(folder: Path) -> dict[str, int]:
    """Checkpoints and their modification times."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.usefixtures("tiny")
def test_rows_equal_those_of_a_plain_loop_in_order(tmp_path: Path) -> None:
    expected = rows_of(cluster_choices.run(NAMES, 2, tmp_path / "plain"))
    assert len(expected) == len(NAMES)
    folder, journal = tmp_path / "cells", tmp_path / "journal"
    where = LastFirst()
    run = clusters.run(NAMES, 2, folder, where, journal)
    assert str(next(run).cell) == "seed 1, 6 latents"
    before = written(folder)
    run.close()
    rows = []
    for item in clusters.run(NAMES, 2, folder, where, journal):
        if isinstance(item, Done) and not item.from_journal:
            after = written(folder)
            assert before.items() < after.items()  # no checkpoint of another cell is written again
            before = after
        rows.append(item)
    assert rows_of(rows) == expected
    assert [(cell.choices, cell.runs[0][0].seed) for cell in where.pieces] == [
        (("6 latents",), 1),
        (("6 latents",), 0),
        (("both at once", "default settings"), 1),
        (("both at once", "default settings"), 0),
    ]
    assert {*before} == {*written(tmp_path / "plain")}  # so nothing was trained twice
    assert list(journal.iterdir()) == []


def test_cells_of_the_whole_study_contain_each_run_once() -> None:
    every = [cell for group in clusters.cells_of(tuple(CHOICES), 3) for cell in group]
    names = [name for cell in every for name in cell.choices]
    assert sorted(names) == sorted([*CHOICES] * 3)
    assert len({repr(cell) for cell in every}) == len(every)
    for cell in every:
        for name, (config, control) in zip(cell.choices, cell.runs, strict=True):
            assert CHOICES[name].config(config.seed) == config
            assert CHOICES[name].control(config.seed) == control


def test_an_unknown_choice_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 'x'"):
        next(clusters.run(("both at once", "x"), 1, tmp_path, LastFirst()))
