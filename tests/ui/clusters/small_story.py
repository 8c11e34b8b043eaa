"""A run that was trained in a moment, as the lab of clusters shows it."""

from __future__ import annotations

from dgm_core.studies.clusters.course import Course
from tests.small_clusters import course, run
from ui.clusters.runs import Story


def story(name: str = "yours", found: Course | None = None) -> Story:
    """One that is in memory."""
    return Story(name, found or course(), run().model)
