"""Trials of an engine in a separate process: `work.py ENGINE FOLDER` prints JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dgm_core.scale.engines import WorkersLost, engine

PIECES = [0, (1, 2), [3, 4], {"five": (6,)}, None, b"seven\0", 8.5, "nine", frozenset({10}), 11]
PATIENCE = 120.0


def until(condition: Callable[[], bool]) -> bool:
    """Wait until the condition is true; False if that takes too long."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def alive(process: str) -> bool:
    stat = Path("/proc") / process / "stat"
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Tool:
    """Records itself in a file, acts by its name, and returns each piece with its number."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        if name == "cannot be made":
            raise FileNotFoundError("no weights here")
        (folder / f"made {os.getpid()} {uuid.uuid4()}").touch()

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        number, piece = numbered
        if self.name == "killed once" and number:
            assert until((self.folder / f"have {number - 1}").exists), "no previous piece"
        if self.name == "killed once" and number == 3 and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.name == "always killed" and number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.name == "raises" and number == 3:
            raise ValueError("expected anything but the fourth")
        if self.name == "threads" and number == 0:
            import torch

            return os.getpid(), number, torch.get_num_threads()
        if (self.name == "left early" and number) or self.name == "never done":
            time.sleep(1e6)
        return os.getpid(), number, repr(piece)


def trial(which: str, name: str, folder: Path) -> dict[str, Any]:
    folder = folder / name
    folder.mkdir()
    results, error_raised = [], None
    workers = 1 if name in ("killed once", "threads") else 2
    done = engine(which, workers).map(partial(Tool, folder, name), list(enumerate(PIECES)))
    try:
        for place, result in done:
            (folder / f"have {place}").touch()
            results.append((place, *result))
            if name == "left early":
                break
        done.close()
    except (WorkersLost, ValueError, FileNotFoundError) as error:
        error_raised = [type(error).__name__, str(error)]
    made = [path.name.split()[1] for path in folder.glob("made *")]
    ended = until(lambda: not any(map(alive, made)))
    return {"results": results, "error": error_raised, "made": made, "ended": ended}


NAMES = ("killed once", "always killed", "raises", "left early")

if __name__ == "__main__":
    which, folder = sys.argv[1], Path(sys.argv[2])
    names = sys.argv[3:] or NAMES
    print(json.dumps({name: trial(which, name, folder) for name in names}))
