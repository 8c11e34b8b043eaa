"""Interrupted runs resume without a difference, and runs reuse common parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dgm_core.training import mutual
from dgm_core.training.mutual import Config, Frame, Result
from tests.studies.small_digits import SMALL, same, small_images

CONFIG = replace(SMALL, batch_size=50, warmup=5)

KINDS = {
    "mutual": {},
    "one pass": {"form": "one pass"},
    "joint": {"form": "joint"},
    "renewed, hard": {"renewed": True, "hard": True},
    "Gibbs, annealed": {"fit": "Gibbs", "annealed": True},
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough sweeps for a few hundred points."""
    monkeypatch.setattr("dgm_core.training.mixture_fits.ITERATIONS", 5)
    monkeypatch.setattr("dgm_core.training.mixture_fits.RESTARTS", 2)


def run(config: Config, folder: Path | None = None) -> Result:
    *_, last = mutual.run(config, small_images(), folder)
    return last


def cut_off(config: Config, folder: Path, epoch: int) -> None:
    """Close a run after its networks have been trained for the given number of epochs."""
    frames = mutual.run(config, small_images(), folder)
    for frame in frames:
        assert isinstance(frame, Frame)
        if frame.done * config.all_epochs >= epoch - 1e-9:
            break
    frames.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_run_ends_bit_for_bit_the_same(kind: str, tmp_path: Path) -> None:
    config = replace(CONFIG, **KINDS[kind])
    whole = run(config)
    # Late in the warm-up; after it; late in the last round; and after every second epoch.
    moments = (4, 5, config.all_epochs - 1)
    for epoch in moments:
        folder = tmp_path / str(epoch)
        cut_off(config, folder, epoch)
        assert same(run(config, folder), whole), epoch
    for epoch in range(1, config.all_epochs, 2):
        cut_off(config, tmp_path / "often", epoch)
    assert same(run(config, tmp_path / "often"), whole)


def test_a_run_with_all_its_checkpoints_trains_nothing(tmp_path: Path) -> None:
    whole = run(CONFIG, tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    *frames, again = mutual.run(CONFIG, small_images(), tmp_path)
    assert same(again, whole)
    learning = [frame for frame in frames if frame.doing == "the VAE learns"]
    assert len(learning) == 3  # one message at the end of each part
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "joint"},
        {"form": "one pass"},
        {"fit": "Gibbs", "hard": True},
        {"rounds": 1, "epochs": 2, "weight": 0.5, "spread": False, "blur": 0.4},
    ],
)
def test_runs_with_the_same_start_reuse_the_warm_up(changes: dict, tmp_path: Path) -> None:
    other = replace(CONFIG, **changes)
    first = run(CONFIG, tmp_path)
    files = set(tmp_path.iterdir())
    assert len(files) == 3
    second = run(other, tmp_path)
    assert len(set(tmp_path.iterdir()) - files) == other.rounds
    assert same(second, run(other))
    assert (first.shots[0].latents.mean == second.shots[0].latents.mean).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"warmup": 17},
        {"learning_rate": 2e-3},
        {"hidden": 16},
        {"layers": 2},
        {"latent_dim": 4},
        {"batch_size": 20},
        {"clusters": 6},
        {"deskewed": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_runs_with_a_different_start_reuse_nothing(changes: dict, tmp_path: Path) -> None:
    """The images are equal here; only the configs differ."""
    short, other = replace(CONFIG, rounds=0), replace(CONFIG, rounds=0, **changes)
    run(short, tmp_path)
    run(other, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_controls_of_all_mixtures_are_one_training(tmp_path: Path) -> None:
    """Networks in one pass do not depend on the mixture, so they are trained only once."""
    control = CONFIG.control
    ends = [
        run(replace(control, **changes), tmp_path)
        for changes in ({}, {"fit": "Gibbs"}, {"blur": 0.5, "weight": 2.0}, {"rounds": 1})
    ]
    assert len(list(tmp_path.iterdir())) == 3
    for end in ends:
        assert (end.shots[1].latents.mean == ends[0].shots[1].latents.mean).all()
    assert not same(ends[0], ends[2])
