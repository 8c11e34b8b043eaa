"""Layouts of the latents in the plane: shipped, computed at once, or in the background."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.history import Snapshot
from ui import jobs
from ui.clusters.runs import TrainedRun
from ui.percent import percent
from ui.run_panel import RunPanel

WORKER = "cluster layout"
LINEAR = ("PCA", "clusters apart")
KEPT = 24
"""Layouts that a session keeps."""


class Step(NamedTuple):
    """Layouts during the computation."""

    done: float  # fraction
    doing: str
    planes: dict[str, np.ndarray]  # name of the snapshot → (M, 2)


class Layouts:
    """Layouts of several snapshots of a run; those of a linear method are computed at once.

    Args:
        trained: the run.
        names: of the snapshots; each layout starts from the previous one.
        config: method and settings.
    """

    def __init__(self, trained: TrainedRun, names: list[str], config: embeddings.Config) -> None:
        self.snapshots = {name: trained.snapshots[name] for name in names}
        self.config = config
        self.run_key = (trained.name, trained.history.config)
        self.key = (self.run_key, tuple(names), config)
        self.kept: dict[tuple, np.ndarray] = st.session_state.setdefault("cluster layouts", {})
        if config.method in LINEAR and not self._complete:
            *_, last = _steps(config, self.snapshots)
            self._keep(last.planes)

    def _cache_key(self, name: str) -> tuple:
        return (self.run_key, name, self.config)

    def _available(self, name: str) -> np.ndarray | None:
        """The shipped or kept layout of a snapshot, (M, 2), if there is one."""
        snapshot = self.snapshots[name]
        if self.config == embeddings.Config() and snapshot.xy is not None:
            return snapshot.xy
        return self.kept.get(self._cache_key(name))

    @property
    def _complete(self) -> bool:
        """Are all layouts available?"""
        return all(self._available(name) is not None for name in self.snapshots)

    def _keep(self, planes: dict[str, np.ndarray]) -> None:
        """Keep these as the newest, and delete the oldest if there are too many."""
        for name, xy in planes.items():
            self.kept.pop(self._cache_key(name), None)
            self.kept[self._cache_key(name)] = xy
        for old in list(self.kept)[:-KEPT]:
            del self.kept[old]

    def panel(self) -> RunPanel:
        """The run that computes the layouts; it has no settings if all of them are available."""
        run = jobs.worker(WORKER).run
        if run is not None and run.key == self.key and run.state == "finished":
            self._keep(run.items[-1].planes)
        return RunPanel(
            WORKER,
            None if self._complete else self.key,
            lambda _: _steps(self.config, self.snapshots),
            action="Compute",
            automatic=True,
        )

    def planes(self, run: jobs.Run | None = None) -> dict[str, np.ndarray]:
        """Name of the snapshot → (M, 2), for the snapshots that can be drawn.

        While the run is live, a snapshot without a layout has that of the previous one, from which
        its own layout will start.

        Args:
            run: that computes the layouts, if there is one.
        """
        latest = run.items[-1].planes if run is not None and run.items else {}
        planes: dict[str, np.ndarray] = {}
        for name in self.snapshots:
            xy = self._available(name)
            xy = latest.get(name) if xy is None else xy
            if xy is None and run is not None and run.live and planes:
                xy = list(planes.values())[-1]
            if xy is not None:
                planes[name] = xy
        return planes


def _steps(config: embeddings.Config, snapshots: dict[str, Snapshot]) -> Iterator[Step]:
    planes: dict[str, np.ndarray] = {}
    start = None
    for index, (name, snapshot) in enumerate(snapshots.items()):
        for item in embeddings.run(config, snapshot.mean, snapshot.assignment, start):
            planes = {**planes, name: item.xy}
            done = (index + getattr(item, "done", 1.0)) / len(snapshots)
            yield Step(done, f"{config.method}, {percent(done)}", planes)
        start = planes[name]
