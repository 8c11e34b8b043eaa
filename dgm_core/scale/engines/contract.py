"""The interface of engines, and their errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

Tool = Callable[[Any], Any]
"""A piece → its result."""

LIVES = 4
"""Largest number of attempts at a piece whose worker dies each time."""


class EngineMissing(ImportError):
    """The engine is not installed; the message says what to install."""


class WorkersLost(RuntimeError):
    """Workers died repeatedly at the same pieces, possibly because memory ran out."""


class Engine(Protocol):
    """Runs pieces of work in worker processes."""

    name: str
    workers: int

    def map(self, make: Callable[[], Tool], pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Pairs (index of a piece, its result), each as soon as it is ready.

        Args:
            make: returns the tool; called once per worker.
            pieces: arguments of the tool.

        Raises:
            WorkersLost: a piece was started several times, and its worker died each time.
            Exception: the first one that a tool raised; running pieces are cancelled.
        """
        ...


def one_thread() -> None:
    """Restrict this worker to one thread, since every core has its own worker.

    Importing torch is slow and not every tool needs it, so it is not imported here. If it is
    imported later, it reads the environment variable.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
