"""An engine for tests of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class LastFirst:
    """Runs the pieces in this process, last piece first."""

    name = "reversed"
    workers = 1

    def __init__(self) -> None:
        self.pieces: list[Any] = []

    def map(self, make: Any, pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        tool = make()
        for place in reversed(range(len(pieces))):
            self.pieces.append(pieces[place])
            yield place, tool(pieces[place])
