"""Options of commands that run a study on an engine, and the errors that may occur."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path

from dgm_core import data, zoo
from dgm_core.scale.engines import Engine, EngineMissing, EngineName, WorkersLost
from dgm_core.scale.engines import engine as make_engine

UNABLE = (
    data.DataUnavailable,
    data.DownloadError,
    zoo.ModelsUnavailable,
    EngineMissing,
    WorkersLost,
    ConnectionError,
)
"""Errors of data or workers; the message says what to do."""

EngineOption = Annotated[
    EngineName | None,
    typer.Option(
        help="Measure in parallel, on this machine (local) or on a Ray cluster (ray). "
        "Default: one after another."
    ),
]
Workers = Annotated[
    int | None, typer.Option(help="Worker processes of the engine. Default: one per core.")
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Address of a running Ray cluster, or auto. Default: start Ray on this machine."
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        help="With --engine: folder for finished parts, from which the study resumes. "
        "Default: a folder in the user's cache."
    ),
]


def chosen_engine(
    name: EngineName | None, workers: int | None, address: str | None
) -> Engine | None:
    """The requested engine, if there is one.

    Raises:
        ValueError, EngineMissing: see `engines.engine`; or settings without an engine.
    """
    if name is None:
        if workers is not None or address is not None:
            raise ValueError("--workers and --address need --engine local or --engine ray")
        return None
    return make_engine(name, workers, address)


def default_journal() -> Path:
    """The default folder for finished parts of a study."""
    return user_cache_path("dgm-lab") / "runs" / "cells"
