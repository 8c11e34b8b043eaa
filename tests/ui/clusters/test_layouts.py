"""Projections of the lab of clusters: immediate or in the background, cached, stopped."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dgm_core.studies.clusters import embeddings
from tests.patience import PATIENCE
from tests.small_clusters import CONFIG, history
from tests.small_clusters import IMAGES as M
from tests.ui.clusters.small_trained_run import trained_run
from ui import jobs
from ui.clusters import layouts
from ui.clusters.layouts import KEPT, Layouts
from ui.clusters.runs import TrainedRun
from ui.percent import percent
from ui.run_panel import Progress, RunPanel, latest_progress


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The state of the only session."""
    state: dict[str, Any] = {}
    monkeypatch.setattr("streamlit.session_state", state)
    return state


BOTH = ["Before", "After"]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[jobs.Worker]:
    one = jobs.Worker()
    monkeypatch.setattr(jobs, "worker", lambda name: one)
    yield one
    one.stop()


def started(
    method: str, names: list[str] | None = None, found: TrainedRun | None = None
) -> tuple[Layouts, RunPanel]:
    laid = Layouts(found or trained_run(), names or BOTH, embeddings.Config(method))
    return laid, laid.panel()


@pytest.mark.parametrize("method", layouts.LINEAR)
def test_linear_planes_are_computed_at_once_aligned_and_kept(
    method: str, worker: jobs.Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid, panel = started(method)
    assert worker.run is None
    assert panel.settings is None  # so no button is drawn
    planes = laid.planes()
    assert list(planes) == BOTH
    # The second is already aligned with the first: no rotation reduces the distance.
    turn = embeddings.rotation_to(planes["After"].astype(float), planes["Before"].astype(float))
    np.testing.assert_allclose(turn, np.eye(2), atol=1e-4)
    monkeypatch.setattr(embeddings, "run", None)  # nothing is computed twice
    again = started(method)[0].planes()
    assert all(again[name] is planes[name] for name in BOTH)


def test_the_oldest_layouts_are_deleted_but_none_on_screen(
    worker: jobs.Worker,
) -> None:
    names = ["Before", "Round 1", "After"]

    def other(seed: int) -> TrainedRun:
        config = dataclasses.replace(CONFIG, seed=seed)
        return trained_run(found=dataclasses.replace(history(), config=config))

    first = started("PCA", names)[0].planes()
    for seed in range(1, KEPT):
        started("PCA", ["Before"], other(seed))
    # Some of the first layouts are deleted now, and all are shown again.
    again, _ = started("PCA", names)
    assert list(again.planes()) == names
    for name, xy in again.planes().items():
        np.testing.assert_allclose(xy, first[name], atol=1e-5)
    assert len(again.kept) == KEPT
    assert worker.run is None


class Gated:
    """Layouts that wait after the first frame, except those of linear methods."""

    def __init__(self) -> None:
        self.leave = threading.Event()

    def run(self, config: Any, points: Any, clusters: Any = None, start: Any = None) -> Iterator:
        at = np.zeros((len(points), 2), np.float32) if start is None else start
        yield embeddings.Frame(0.5, at + 1)
        assert config.method in layouts.LINEAR or self.leave.wait(PATIENCE)
        yield embeddings.Frame(1.0, at + 2)
        yield embeddings.Embedding(at + 3, lambda new: new)


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gated]:
    gate = Gated()
    monkeypatch.setattr(embeddings, "run", gate.run)
    yield gate
    gate.leave.set()


def first_frame(panel: RunPanel) -> jobs.Run:
    run = panel.run
    assert run is not None
    assert run.ready.wait(PATIENCE)
    assert run.items
    return run


def test_other_layouts_start_from_the_previous_one(worker: jobs.Worker, gated: Gated) -> None:
    laid, panel = started("UMAP-like")
    run = first_frame(panel)
    assert panel.live
    assert latest_progress(run) == Progress(0.25, f"UMAP-like, {percent(0.25)}")
    planes = laid.planes(run)
    assert (planes["Before"] == 1).all()
    assert planes["After"] is planes["Before"]  # its initial layout
    assert started("UMAP-like")[1].run is run  # it is not restarted
    gated.leave.set()
    assert run.wait(PATIENCE)
    assert run.state == "finished"
    planes = laid.planes(run)
    assert (planes["Before"] == 3).all()
    assert (planes["After"] == 6).all()
    laid, panel = started("UMAP-like")
    assert panel.settings is None  # all layouts are kept
    worker.run = None
    laid, panel = started("UMAP-like")
    assert (laid.planes()["After"] == 6).all()
    assert worker.run is None


def test_a_stopped_layout_is_shown_but_not_kept_and_can_continue(
    worker: jobs.Worker, gated: Gated
) -> None:
    laid, panel = started("UMAP-like")
    run = first_frame(panel)
    worker.stop()
    assert panel.can_continue
    planes = laid.planes(run)
    assert list(planes) == ["Before"]  # the other was not started
    assert (planes["Before"] == 1).all()
    assert not laid.kept
    laid, panel = started("UMAP-like")
    assert worker.run.state == "stopped"  # only the visitor can continue it
    panel.resume()
    assert panel.run.live
    gated.leave.set()
    assert panel.run.wait(PATIENCE)
    laid, panel = started("UMAP-like")
    assert not panel.can_continue
    assert (laid.planes()["After"] == 6).all()
    assert len(laid.kept) == 2


def test_a_layout_that_failed_is_started_by_the_visitor_alone(
    worker: jobs.Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "run", lambda *_: 1 / 0)
    _, panel = started("UMAP-like")
    assert panel.run.wait(PATIENCE)
    laid, panel = started("UMAP-like")
    assert (worker.run.state, panel.live) == ("failed", False)
    assert not laid.planes(panel.run)
    failed = worker.run
    panel.start()
    assert worker.run is not failed


def test_another_plane_stops_a_layout(worker: jobs.Worker, gated: Gated) -> None:
    run = first_frame(started("UMAP-like")[1])
    started("PCA")
    assert run.state == "stopped"


def test_shipped_layouts_are_used_unchanged(worker: jobs.Worker) -> None:
    xy = np.random.default_rng(0).normal(size=(M, 2)).astype(np.float32)
    snapshots = tuple(
        dataclasses.replace(each, xy=xy + i) for i, each in enumerate(history().snapshots)
    )
    found = trained_run(found=dataclasses.replace(history(), snapshots=snapshots))
    planes = started("t-SNE", found=found)[0].planes()
    assert planes["Before"] is snapshots[0].xy
    assert planes["After"] is snapshots[-1].xy
    assert worker.run is None
