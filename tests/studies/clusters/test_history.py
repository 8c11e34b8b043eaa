"""Saved histories of runs: exact numbers, latents in half precision, and no image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters import history as history_module
from dgm_core.studies.clusters.history import Curve, History, Snapshot, history_of, load, save
from dgm_core.studies.progress import Frame
from dgm_core.training.mutual import Bound
from tests.small_clusters import CLUSTERS, CONFIG, EARLY, early, history, images, run, shipped

CONTROL = CONFIG.control


def snapshots(of: History) -> list[Snapshot]:
    return [*of.early, *of.snapshots, *([of.control] if of.control else [])]


def test_a_history_has_the_scores_and_the_first_images() -> None:
    shots, control = run().shots, run(CONTROL).shots
    found = history_of(CONFIG, shots, control, rows=50)
    assert found.images == 50
    assert found.curve.epochs.tolist() == [shot.epoch for shot in shots] == [16, 20, 24]
    assert found.curve.rounds.tolist() == [0, 1, 2]
    for name in Bound._fields:
        expected = [getattr(shot.bound, name) for shot in shots]
        np.testing.assert_array_equal(getattr(found.curve, name), expected)
    for name in ("accuracy", "nmi", "ari"):
        expected = [getattr(shot.scores, name) for shot in shots]
        np.testing.assert_array_equal(getattr(found.curve, name), expected)
    parts = found.curve.reconstruction + found.curve.entropy + found.curve.message
    np.testing.assert_allclose(found.curve.elbo, parts, rtol=1e-6)
    assert len(found.snapshots) == len(shots)
    for snapshot, shot in zip(found.snapshots, shots, strict=True):
        np.testing.assert_array_equal(snapshot.mean, shot.latents.mean[:50])
        np.testing.assert_array_equal(snapshot.assignment, shot.assignment[:50])
        sure = shot.mixture.responsibilities(shot.latents.mean, shot.latents.variance).amax(1)
        np.testing.assert_allclose(snapshot.confidence, sure[:50], atol=1e-6)
    np.testing.assert_array_equal(found.control.mean, control[-1].latents.mean[:50])
    assert found.control.epoch == shots[-1].epoch
    assert (found.early, found.early_curve, found.whole_curve) == ((), None, found.curve)
    # The accuracy of a curve is over all images, not over those that are kept.
    assert found.curve.accuracy[-1] == shots[-1].scores.accuracy
    assert len(images()) == 200


def test_before_the_control_starts_there_is_none() -> None:
    found = history_of(CONFIG, run().shots)
    assert (found.control, found.control_curve, found.read) == (None, None, None)


def test_epochs_within_the_warm_up_come_first() -> None:
    found = shipped()
    assert [snapshot.epoch for snapshot in snapshots(found)] == [*EARLY, 16, 20, 24, 24]
    assert found.whole_curve.epochs.tolist() == [*EARLY, 16, 20, 24]
    expected = [shot.scores.accuracy for shot in (*early(), *run().shots)]
    assert found.whole_curve.accuracy.tolist() == expected
    assert found.curve.epochs.tolist() == [16, 20, 24]


def with_layout(found: History) -> History:
    """An arbitrary layout of each snapshot."""
    layout = np.random.default_rng(0).normal(0, 30, (200, 2)).astype(np.float32)
    several = [dataclasses.replace(each, xy=layout + i) for i, each in enumerate(snapshots(found))]
    first, last = len(found.early), len(found.early) + len(found.snapshots)
    return dataclasses.replace(
        found,
        early=tuple(several[:first]),
        snapshots=tuple(several[first:last]),
        control=several[last] if found.control else None,
    )


READ = np.arange(200) % 10
HISTORIES: dict[str, Callable[[], History]] = {
    "a run": lambda: history_of(CONFIG, run().shots),
    "a run and its control": history,
    "a run, its control and the warm-up": shipped,
    "read by a classifier": lambda: dataclasses.replace(history(), read=READ),
    "laid out": lambda: with_layout(history_of(CONFIG, run().shots)),
    "everything": lambda: dataclasses.replace(with_layout(shipped()), read=READ),
}


@pytest.mark.parametrize("case", HISTORIES)
def test_a_file_keeps_a_history(tmp_path: Path, case: str) -> None:
    written = HISTORIES[case]()
    path = tmp_path / "small.npz"
    save(written, path)
    found = load(path)
    assert found.config == CONFIG
    np.testing.assert_array_equal(found.read, written.read)
    assert (found.control is None) == (written.control is None)
    assert len(found.early) == len(written.early)
    for name in history_module.CURVES:
        ours, theirs = getattr(found, name), getattr(written, name)
        assert (ours is None) == (theirs is None)
        for field in dataclasses.fields(Curve) if theirs is not None else ():
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))
    for ours, theirs in zip(snapshots(found), snapshots(written), strict=True):
        assert (ours.epoch, ours.round) == (theirs.epoch, theirs.round)
        np.testing.assert_array_equal(ours.assignment, theirs.assignment)
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=2**-11, atol=1e-4)
        np.testing.assert_allclose(ours.confidence, theirs.confidence, rtol=2**-11, atol=1e-4)
        assert {ours.mean.dtype, ours.confidence.dtype} == {np.dtype(np.float32)}
        assert ours.assignment.dtype == np.int64
        for name in ("weights", "means", "covariances"):
            one, other = getattr(ours.mixture, name), getattr(theirs.mixture, name)
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        assert (ours.xy is None) == (theirs.xy is None)
        if theirs.xy is not None:
            np.testing.assert_allclose(ours.xy, theirs.xy, rtol=2**-10)


def test_a_file_contains_no_image(tmp_path: Path) -> None:
    save(shipped(), tmp_path / "small.npz")
    pixels = 28 * 28
    with np.load(tmp_path / "small.npz") as file:
        for name in file.files:
            assert file[name].size / 200 < pixels / 10, name


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"not a history",
    "half": lambda whole: whole[: len(whole) // 2],
    "without its end": lambda whole: whole[:-30],
    "zeros inside": lambda whole: whole[:3000] + bytes(500) + whole[3500:],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "small.npz"
    save(history(), path)
    path.write_bytes(BROKEN[case](path.read_bytes()))
    with pytest.raises(ValueError, match=r"small\.npz is not a training history"):
        load(path)


OTHER: dict[str, dict[str, np.ndarray | None]] = {
    "no config": {"config": None},
    "another config": {"config": np.array('{"clusters": -3}')},
    "an unknown setting": {"config": np.array('{"colour": "red"}')},
    "no curve": {"curve_epochs": None},
    "half a control": {"control_curve_nmi": None},
    "a snapshot too many": {"epochs": np.arange(9)},
    "snapshots of no kind": {"kinds": None},
    "no mixture": {"mixture_means": None},
    "covariances that are none": {"mixture_covariances": np.full((4, CLUSTERS, 3, 3), np.nan)},
}


@pytest.mark.parametrize("case", OTHER)
def test_an_archive_of_another_kind_is_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "small.npz"
    save(history(), path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | OTHER[case]
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(ValueError, match=r"small\.npz is not a training history"):
        load(path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        load(tmp_path / "none.npz")


def test_layouts_start_from_the_neighbouring_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embeddings, "EARLY", 25)
    monkeypatch.setattr(embeddings, "LATE", 25)
    started_from: list[np.ndarray | None] = []
    plain = embeddings.run

    def recorded(config, points, clusters=None, start=None):  # noqa: ANN001, ANN202
        started_from.append(start)
        return plain(config, points, clusters, start)

    monkeypatch.setattr(history_module.embeddings, "run", recorded)
    *frames, last = history_module.lay_out(shipped())
    assert isinstance(last, History)
    assert all(isinstance(frame, Frame) for frame in frames)
    done = [frame.done for frame in frames]
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] == 1
    for before, after in zip(snapshots(shipped()), snapshots(last), strict=True):
        assert after.xy.shape == (200, 2)
        assert np.isfinite(after.xy).all()
        np.testing.assert_array_equal(after.mean, before.mean)
    first, second, _ = (snapshot.xy for snapshot in last.snapshots)
    # The control and the earlier snapshots start from the end of the common warm-up.
    starts = [None, first, second, first, first, last.early[1].xy]
    for found, expected in zip(started_from, starts, strict=True):
        assert found is expected
    assert (last.config, last.curve) == (shipped().config, shipped().curve)
