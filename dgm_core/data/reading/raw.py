"""The common result of the CSV and Parquet readers: named columns of untyped cells."""

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
    """Size limits of a table; in a text file each line counts as a row."""

    bytes: int = 100 * 2**20
    rows: int = 1_000_000
    columns: int = 1_000
    cells: int = 20_000_000

    def check(self, file: str, rows: int, columns: int) -> None:
        """Raise UnreadableTable, with a message for visitors, if a limit is exceeded."""
        for found, most, what in (
            (columns, self.columns, "column"),
            (rows, self.rows, "row"),
            (rows * columns, self.cells, "cell"),
        ):
            if found > most:
                raise UnreadableTable(
                    f"{file} has {count_of(found, what)}, but at most {most:,} can be read. "
                    "Choose a smaller file."
                )


class Form(NamedTuple):
    """The form of a text file."""

    codec: str
    mark: bytes  # byte-order mark
    separator: str
    skip: int  # lines before the first row
    header: int  # line of the names of the columns; 0 = there is none


class Raw(NamedTuple):
    """N rows of D columns, untyped."""

    names: list[str]  # (D,), unique
    unnamed: list[bool]  # (D,): whether the file gives no name
    cells: list[pa.ChunkedArray]  # (D,) of length N: text, numbers or bools
    lines: np.ndarray  # (N,) line in a text file, or row in a Parquet file, from 1
    decimal_comma: bool  # whether "1,5" may mean 1.5
    positions: list[int]  # (D,): position of each column in the file
    form: Form | None = None  # of a text file
    unread: tuple[int, ...] = ()  # lines that are no row: too many cells, an open quotation mark


def unique_names(given: Sequence[str], remarks: Remarks) -> tuple[list[str], list[bool]]:
    """Unique names of the columns, and whether each `given` name was empty; names may repeat."""
    names: dict[str, None] = {}
    reserved = set(given)
    for number, name in enumerate(given, 1):
        preferred = name or f"column {number}"
        numbered = (f"{preferred} ({copy})" for copy in count(2))
        free = (each for each in chain([preferred], numbered) if each not in names)
        chosen = next(each for each in free if each == name or each not in reserved)
        if not name:
            remarks.add(f"The column has no name; it is called {quoted(chosen)}.", column=chosen)
        elif chosen != name:
            remarks.add(f"An earlier column is also called {quoted(name)}.", column=chosen)
        names[chosen] = None
    return list(names), [not name for name in given]
