"""Checkpoints of training runs: written whole or not at all, and read only by the same run.

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
ValueError: ...run.pt belongs to another schedule; remove it to start again
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
    """Write content that `torch.load` can read, such as tensors in dicts, whole or not at all.

    Raises:
        OSError: no space, no permission. (`torch.save` to a path would raise a RuntimeError.)
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with written_whole(path) as part:
        part.write_bytes(buffer.getbuffer())


def write(path: Path, schedule: object, state: Mapping[str, Any]) -> None:
    """Write the state of a run together with its schedule, a dataclass.

    Raises:
        OSError: no space, no permission.
    """
    save({**state, "schedule": vars(schedule)}, path)


def read(
    path: Path, schedule: object, device: torch.device, restore: Callable[[dict[str, Any]], None]
) -> None:
    """Pass a saved state to `restore`.

    Raises:
        ValueError: the file is damaged, or belongs to another schedule or model.
    """
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        same_schedule = saved.pop("schedule") == vars(schedule)
        if same_schedule:
            restore(saved)
    except Exception as error:  # torch raises errors of many types for a broken file
        raise ValueError(
            f"{path} is damaged or belongs to another model; remove it to start again"
        ) from error
    if not same_schedule:
        raise ValueError(f"{path} belongs to another schedule; remove it to start again")
