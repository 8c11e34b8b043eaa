"""A briefly trained run, as the lab of clusters shows it."""

from __future__ import annotations

from dgm_core.studies.clusters.history import History
from tests.small_clusters import history, run
from ui.clusters.runs import TrainedRun


def trained_run(name: str = "yours", found: History | None = None) -> TrainedRun:
    """A trained run in memory."""
    return TrainedRun(name, found or history(), run().model)
