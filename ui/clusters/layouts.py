"""Layouts of the latents in the plane: shipped, computed at once, or in the background."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.history import Snapshot
from ui import jobs
from ui.clusters.runs import TrainedRun

WORKER = "cluster layout"
LINEAR = ("PCA", "clusters apart")
SECONDS = 0.5
"""Between two updates of a layout that is being computed."""

KEPT = 24
"""Layouts that a session keeps."""


class Step(NamedTuple):
    """Layouts during the computation."""

    done: float  # fraction
    planes: dict[str, np.ndarray]  # name of the snapshot → (M, 2)


class Layouts:
    """Layouts of several snapshots of a run.

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
        self.worker = jobs.worker(WORKER)
        self.kept: dict[tuple, np.ndarray] = st.session_state.setdefault("cluster layouts", {})

    def _cache_key(self, name: str) -> tuple:
        return (self.run_key, name, self.config)

    def _available(self, name: str) -> np.ndarray | None:
        """The shipped or kept layout of a snapshot, (M, 2), if there is one."""
        snapshot = self.snapshots[name]
        if self.config == embeddings.Config() and snapshot.xy is not None:
            return snapshot.xy
        return self.kept.get(self._cache_key(name))

    def _keep(self, planes: dict[str, np.ndarray]) -> None:
        """Keep these as the newest, and delete the oldest if there are too many."""
        for name, xy in planes.items():
            self.kept.pop(self._cache_key(name), None)
            self.kept[self._cache_key(name)] = xy
        for old in list(self.kept)[:-KEPT]:
            del self.kept[old]

    @property
    def run(self) -> jobs.Run | None:
        """The run that computes these layouts, if there is one."""
        run = self.worker.run
        return run if run is not None and run.key == self.key else None

    @property
    def live(self) -> bool:
        """Whether the layouts are being computed."""
        return self.run is not None and self.run.live

    @property
    def failed(self) -> bool:
        """Whether the computation raised an error."""
        return self.run is not None and self.run.state == "failed"

    def start(self) -> None:
        """Compute the missing layouts: linear ones at once, others in the background."""
        if all(self._available(name) is not None for name in self.snapshots):
            return
        if self.config.method in LINEAR:
            planes, previous = {}, None
            for name, snapshot in self.snapshots.items():
                *_, last = embeddings.run(
                    self.config, snapshot.mean, snapshot.assignment, previous
                )
                planes[name] = previous = last.xy
            self._keep(planes)
        elif self.run is None:
            self.compute()

    def compute(self) -> None:
        """Compute all layouts in the background, in place of a run that failed."""
        self.worker.start(self.key, partial(_steps, self.config, self.snapshots))

    def planes(self) -> dict[str, np.ndarray]:
        """Name of the snapshot → (M, 2), for the snapshots that can be drawn.

        While the run is live, a snapshot without a layout has that of the previous one, from which
        its own layout will start.
        """
        run = self.run
        steps = [] if run is None else list(run.items)
        latest = steps[-1].planes if steps else {}
        if run is not None and run.state == "finished":
            self._keep(latest)
        planes: dict[str, np.ndarray] = {}
        for name in self.snapshots:
            xy = self._available(name)
            xy = latest.get(name) if xy is None else xy
            if xy is None and self.live and planes:
                xy = list(planes.values())[-1]
            if xy is not None:
                planes[name] = xy
        return planes

    @property
    def done(self) -> float:
        """Fraction of the work that is done."""
        return self.run.items[-1].done if self.run is not None and self.run.items else 0.0


def _steps(config: embeddings.Config, snapshots: dict[str, Snapshot]) -> Iterator[Step]:
    planes: dict[str, np.ndarray] = {}
    start = None
    for index, (name, snapshot) in enumerate(snapshots.items()):
        for item in embeddings.run(config, snapshot.mean, snapshot.assignment, start):
            planes = {**planes, name: item.xy}
            part = getattr(item, "done", 1.0)
            yield Step((index + part) / len(snapshots), planes)
        start = planes[name]
