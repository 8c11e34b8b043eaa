"""Training in stages, and the figures of a machine."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dgm_core.recipes import RECIPES
from tools import gpu


def test_the_recipes_exist() -> None:
    assert set(gpu.RECIPES) <= set(RECIPES)


def test_a_stage_ends_in_time_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second recipe takes too long in the first stage."""
    started: list[tuple[str, float]] = []
    patient = False

    def run(command: list[str], *, timeout: float, **_: Any) -> None:
        name = command[4]
        started.append((name, timeout))
        if name == "second" and not patient:
            raise subprocess.TimeoutExpired(command, timeout)
        (tmp_path / "out" / f"{name}.toml").write_text("")

    monkeypatch.setattr(subprocess, "run", run)
    recipes = ("first", "second", "third")
    stage = (recipes, tmp_path / "runs", tmp_path / "out", 9)
    assert gpu.train(*stage) == ["second", "third"]
    patient = True
    assert gpu.train(*stage) == []
    assert [name for name, _ in started] == ["first", "second", "second", "third"]
    assert all(0 < timeout <= 540 for _, timeout in started)
    assert gpu.train(*stage) == []
    assert len(started) == 4


def test_a_training_that_is_cut_off_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real command, which has no time to start."""
    assert gpu.train(["digits-pixelcnn"], tmp_path / "runs", tmp_path / "out", 0.001) == [
        "digits-pixelcnn"
    ]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_the_figures_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "IMAGES", 2)
    monkeypatch.setattr(gpu, "CHAINS", 2)
    monkeypatch.setattr(gpu, "ROWS", 300)
    assert gpu.main(["measure", "--out", str(tmp_path / "gpu.toml")]) == 0
    found = tomllib.loads((tmp_path / "gpu.toml").read_text())
    assert len(found["figures"]) == 10
    assert all(each["value"] > 0 for each in found["figures"])
    page = (tmp_path / "gpu.md").read_text()
    assert all(each["what"] in page for each in found["figures"])
    assert found["machine"] in page
    assert "MIWAE" in capsys.readouterr().out
