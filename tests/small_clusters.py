"""Small runs of a VAE with a mixture and of its control, and the history of both."""

from __future__ import annotations

import dataclasses
from functools import cache

from dgm_core.data.cluster_images import ClusterImages
from dgm_core.studies.clusters.history import History, history_of
from dgm_core.training import mutual
from dgm_core.training.mutual import Config, Result, Shot
from tests.studies.small_digits import SMALL, small_images

CONFIG = SMALL
IMAGES, CLUSTERS = SMALL.images, SMALL.clusters
EARLY = (1, 3)


def images() -> ClusterImages:
    """The images of both runs."""
    return small_images()


@cache
def run(config: Config = CONFIG) -> Result:
    """The final result of the run."""
    *_, end = mutual.run(config, images())
    return end


@cache
def early() -> tuple[Shot, ...]:
    """The last shots of shorter warm-ups."""
    short = [dataclasses.replace(CONFIG.control, warmup=epoch, rounds=0) for epoch in EARLY]
    return tuple(run(config).shots[-1] for config in short)


@cache
def history() -> History:
    """History of the run and its control, as a page receives it after training."""
    return history_of(CONFIG, run().shots, run(CONFIG.control).shots)


@cache
def shipped() -> History:
    """The same history with snapshots of the warm-up, as it would be shipped."""
    return history_of(CONFIG, run().shots, run(CONFIG.control).shots, early=early())
