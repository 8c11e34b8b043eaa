"""What an engine is, and what can go wrong with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

Tool = Callable[[Any], Any]
"""A piece → its result."""

LIVES = 4
"""How often a piece is begun, at most, if its worker dies each time."""


class EngineMissing(ImportError):
    """An engine that is not installed; the message says what to install."""


class WorkersLost(RuntimeError):
    """Workers died again and again at the same pieces, of lack of memory perhaps."""


class Engine(Protocol):
    """What runs pieces of work."""

    name: str
    workers: int

    def map(self, make: Callable[[], Tool], pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """(place of a piece, its result), as they are ready.

        Raises:
            WorkersLost: a piece was begun several times, and its worker died each time.
            Exception: the first that a tool raised; the pieces under way are given up.
        """
        ...


def one_thread() -> None:
    """Of a worker: the other cores are the others'. A tool may do without torch, which is slow to
    import: where it is not there yet it will read the variable."""
    os.environ["OMP_NUM_THREADS"] = "1"
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
