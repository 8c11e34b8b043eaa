"""What the readers of both kinds of files hand on: named columns of cells, not yet typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from dgm_core.data.reading.remarks import Remarks, UnreadableTable, count_of, quoted


@dataclass(frozen=True)
class Limits:
    """The largest table that is read; the rows of a text file are counted by its lines."""

    bytes: int = 100 * 2**20
    rows: int = 1_000_000
    columns: int = 1_000
    cells: int = 20_000_000

    def check(self, file: str, rows: int, columns: int) -> None:
        """Raises UnreadableTable, in the visitor's words, if there are too many of anything."""
        for found, most, what in (
            (columns, self.columns, "column"),
            (rows, self.rows, "row"),
            (rows * columns, self.cells, "cell"),
        ):
            if found > most:
                raise UnreadableTable(
                    f"{file} has {count_of(found, what)}, and at most {most:,} can be read. "
                    "Keep a part of it and try again."
                )


class Raw(NamedTuple):
    """N rows of D columns as they stand in the file."""

    names: list[str]  # (D,), unique
    unnamed: list[bool]  # (D,): the name is ours
    cells: list[pa.ChunkedArray]  # (D,) of length N: text, numbers or bools
    lines: np.ndarray  # (N,) line of a text file, or row counted from 1
    decimal_comma: bool  # may "1,5" be one and a half?


def unique_names(given: Sequence[str], remarks: Remarks) -> tuple[list[str], list[bool]]:
    """Names for columns whose given ones may be empty or the same, and which of them are ours."""
    names: dict[str, None] = {}
    theirs = set(given)
    for place, name in enumerate(given, 1):
        wanted = name or f"column {place}"
        others = (f"{wanted} ({again})" for again in count(2))
        free = (each for each in chain([wanted], others) if each not in names)
        chosen = next(each for each in free if each == name or each not in theirs)
        if not name:
            remarks.add(f"The column has no name; it is called {quoted(chosen)}.", column=chosen)
        elif chosen != name:
            remarks.add(f"An earlier column has the name {quoted(name)} too.", column=chosen)
        names[chosen] = None
    return list(names), [not name for name in given]
