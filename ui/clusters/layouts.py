"""Where images lie in the plane: shipped, computed at once, or in the background."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.course import Moment
from ui import jobs
from ui.clusters.runs import Story

WORK = "cluster layout"
LINEAR = ("PCA", "clusters apart")
SECONDS = 0.5
"""Between two looks at a layout under way."""

KEPT = 24
"""Layouts that a session remembers."""


class Step(NamedTuple):
    """Layouts under way: as far as they are, by the name of the moment."""

    done: float
    found: dict[str, np.ndarray]


class Layouts:
    """Layouts of several moments of a story.

    Args:
        story: whose.
        names: of the moments; each is begun from the one before.
        config: how.
    """

    def __init__(self, story: Story, names: list[str], config: embeddings.Config) -> None:
        self.moments = {name: story.moments[name] for name in names}
        self.config = config
        self.of = (story.name, story.course.config)
        self.key = (self.of, tuple(names), config)
        self.worker = jobs.worker(WORK)
        self.kept: dict[tuple, np.ndarray] = st.session_state.setdefault("cluster layouts", {})

    def _place(self, name: str) -> tuple:
        return (self.of, name, self.config)

    def _known(self, name: str) -> np.ndarray | None:
        moment = self.moments[name]
        if self.config == embeddings.Config() and moment.xy is not None:
            return moment.xy
        return self.kept.get(self._place(name))

    def _keep(self, found: dict[str, np.ndarray]) -> None:
        """These come last, so that others are forgotten first."""
        for name, xy in found.items():
            self.kept.pop(self._place(name), None)
            self.kept[self._place(name)] = xy
        for old in list(self.kept)[:-KEPT]:
            del self.kept[old]

    @property
    def run(self) -> jobs.Run | None:
        """The run that computes these, if one does."""
        run = self.worker.run
        return run if run is not None and run.key == self.key else None

    @property
    def live(self) -> bool:
        """Is more to come?"""
        return self.run is not None and self.run.live

    @property
    def cut_short(self) -> bool:
        """Was it stopped, by the visitor or by its time limit?"""
        return self.run is not None and self.run.state in ("stopped", "timed out")

    @property
    def failed(self) -> bool:
        """Did it break off?"""
        return self.run is not None and self.run.state == "failed"

    def begin(self) -> None:
        """Compute what is not known: linear ones at once, others in the background."""
        if all(self._known(name) is not None for name in self.moments):
            return
        if self.config.method in LINEAR:
            found, start = {}, None
            for name, moment in self.moments.items():
                *_, last = embeddings.run(self.config, moment.mean, moment.assignment, start)
                found[name] = start = last.xy
            self._keep(found)
        elif self.run is None:
            self.worker.start(self.key, partial(_steps, self.config, self.moments))

    def planes(self) -> dict[str, np.ndarray]:
        """By name of the moment, (M, 2): of those that there is something to show of.

        While more is to come, a moment that was not begun stands as the one that it begins from.
        """
        run = self.run
        steps = [] if run is None else list(run.items)
        latest = steps[-1].found if steps else {}
        if run is not None and run.state == "finished":
            self._keep(latest)
        found: dict[str, np.ndarray] = {}
        for name in self.moments:
            xy = self._known(name)
            xy = latest.get(name) if xy is None else xy
            if xy is None and self.live and found:
                xy = list(found.values())[-1]
            if xy is not None:
                found[name] = xy
        return found

    @property
    def done(self) -> float:
        """Share of the work."""
        return self.run.items[-1].done if self.run is not None and self.run.items else 0.0


def _steps(config: embeddings.Config, moments: dict[str, Moment]) -> Iterator[Step]:
    found: dict[str, np.ndarray] = {}
    start = None
    for place, (name, moment) in enumerate(moments.items()):
        for item in embeddings.run(config, moment.mean, moment.assignment, start):
            found = {**found, name: item.xy}
            part = getattr(item, "done", 1.0)
            yield Step((place + part) / len(moments), found)
        start = found[name]
