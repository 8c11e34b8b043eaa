"""Checkpoints of trainings: written whole or not at all, and read only by the run they are of.

>>> import tempfile
>>> from dgm_core.training import Schedule
>>> long, short = (Schedule(epochs, batch_size=8, learning_rate=0.1) for epochs in (9, 4))
>>> folder = tempfile.TemporaryDirectory()
>>> path, cpu = Path(folder.name) / "run.pt", torch.device("cpu")
>>> write(path, long, {"epoch": 3, "weight": torch.ones(2)})
>>> read(path, long, cpu, lambda state: print(state["epoch"]))
3
>>> read(path, short, cpu, print)  # doctest: +ELLIPSIS
Traceback (most recent call last):
ValueError: ...run.pt belongs to another schedule; remove it to start anew
>>> folder.cleanup()
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from dgm_core.files import written_whole


def save(content: Any, path: Path) -> None:
    """Write tensors in anything that `torch.load` reads again, whole or not at all.

    Raises:
        OSError: no space, no permission. (Where torch writes the file it is a RuntimeError.)
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with written_whole(path) as part:
        part.write_bytes(buffer.getbuffer())


def write(path: Path, schedule: object, state: Mapping[str, Any]) -> None:
    """Keep the state of a run with this schedule, a dataclass.

    Raises:
        OSError: no space, no permission.
    """
    save({**state, "schedule": vars(schedule)}, path)


def read(
    path: Path, schedule: object, device: torch.device, take: Callable[[dict[str, Any]], None]
) -> None:
    """Hand a kept state to `take`.

    Raises:
        ValueError: the file is damaged, or of another schedule or model.
    """
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        is_of_this_run = saved.pop("schedule") == vars(schedule)
        if is_of_this_run:
            take(saved)
    except Exception as error:  # torch has no one kind of error for a broken file
        raise ValueError(
            f"{path} is damaged or of another model; remove it to start anew"
        ) from error
    if not is_of_this_run:
        raise ValueError(f"{path} belongs to another schedule; remove it to start anew")
