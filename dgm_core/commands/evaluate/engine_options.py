"""Studies whose cells an engine spreads: the options of their commands, and what can go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path

from dgm_core import data
from dgm_core.scale.engines import Engine, EngineMissing, EngineName, WorkersLost
from dgm_core.scale.engines import engine as make_engine

UNABLE = (
    data.DataUnavailable,
    data.DownloadError,
    EngineMissing,
    WorkersLost,
    ConnectionError,
)
"""What keeps a study from its data or its workers; the message says what to do."""

EngineOption = Annotated[
    EngineName | None,
    typer.Option(help="spread the cells of the study; default: one after another"),
]
Workers = Annotated[int | None, typer.Option(help="processes of one thread; default: all cores")]
Address = Annotated[str | None, typer.Option(help="of a Ray cluster, auto for one; its own")]
Journal = Annotated[
    Path | None, typer.Option(help="folder for what is done, with --engine; resumed if there")
]


def chosen_engine(
    name: EngineName | None, workers: int | None, address: str | None
) -> Engine | None:
    """The engine that was asked for.

    Raises:
        ValueError, EngineMissing: as of `engines.engine`; or settings of no engine.
    """
    if name is None:
        if workers is not None or address is not None:
            raise ValueError("--workers and --address are of an engine: --engine local, or ray")
        return None
    return make_engine(name, workers, address)


def default_journal() -> Path:
    """Where what is done is kept unless a folder is named."""
    return user_cache_path("dgm-lab") / "runs" / "cells"
