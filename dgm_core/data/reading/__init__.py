"""An unknown CSV or Parquet file → a typed table, and a report of what was understood.

    reading = read_table(path.read_bytes(), path.name)
    reading.frame       # float64 columns and categoricals, NaN = missing, index = line of the file
    reading.columns     # what each column is
    reading.remarks     # what could not be used, by line and column

A file is trusted with nothing. Whatever can be used is used and the rest is reported; a file of
which nothing can be made is an `UnreadableTable`, whose message can be shown as it is.

| in the file                                   | becomes                                         |
|-----------------------------------------------|-------------------------------------------------|
| UTF-8, UTF-16, Latin-1; `,` `;` tab `|`       | read; decimal commas where `,` cannot separate  |
| `NA`, `?`, `-`, `null`, an empty cell, …      | missing                                         |
| a first line of numbers only                  | data; columns are named by their place          |
| a row with too few cells                      | the last ones are missing                       |
| a row with too many cells, an open quote      | left out; empty cells at its end do not count   |
| more numbers than words in a column           | numeric; the words are missing                  |
| `inf`, 1e400, more than 1e100                 | missing                                         |
| two different numbers, two different texts    | binary                                          |
| three to fifty different texts                | categorical                                     |
| another text in nearly every row, or over 50  | left out                                        |
| a column that is constant or empty            | left out                                        |
| a column without a name that counts the rows  | left out                                        |
| a row without any value                       | left out                                        |
| Parquet columns of dates, lists, structs, …   | left out                                        |
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from dgm_core.data.reading.columns import LeftOut, Typing
from dgm_core.data.reading.delimited import read_delimited
from dgm_core.data.reading.parquet import MAGIC, read_parquet
from dgm_core.data.reading.raw import Limits, Raw
from dgm_core.data.reading.remarks import Remark, Remarks, UnreadableTable, count_of, quoted

Kind = Literal["numeric", "binary", "categorical"]


class ColumnReport(NamedTuple):
    """What a column of the table is."""

    name: str
    kind: Kind
    missing: int  # rows without a value
    distinct: int  # different values
    low: float | None  # of a numeric column
    high: float | None
    levels: tuple[str, ...]  # of a binary or categorical column


class Reading(NamedTuple):
    """A table and how it was understood.

    In `frame`, numeric columns are float64, the others categoricals; NaN is a missing value. Its
    index is the line of a text file (1 = the header) or the row of a Parquet file (from 1).
    """

    frame: pd.DataFrame
    columns: tuple[ColumnReport, ...]
    remarks: tuple[Remark, ...]


def read_table(content: bytes, name: str, *, limits: Limits = Limits()) -> Reading:  # noqa: B008
    """Reads a CSV or Parquet file.

    Args:
        content: the bytes of the file.
        name: the file's name, to speak of it in messages; its ending decides nothing.
        limits: the largest table to read.

    Raises:
        UnreadableTable: nothing can be made of the file; says what is wrong and what to do.

    Example:
        >>> reading = read_table(b"age,smokes\\n61,no\\n?,yes\\n47,no\\n58,no", "study.csv")
        >>> [(column.name, column.kind, column.missing) for column in reading.columns]
        [('age', 'numeric', 1), ('smokes', 'binary', 0)]
        >>> reading.frame.index.tolist()
        [2, 3, 4, 5]
    """
    file, remarks = quoted(name), Remarks()
    if not content.strip():
        raise UnreadableTable(f"{file} is empty. Choose a CSV or Parquet file with data.")
    if len(content) > limits.bytes:
        raise UnreadableTable(
            f"{file} has {len(content) / 2**20:,.1f} MB, and at most "
            f"{limits.bytes / 2**20:,.1f} MB can be read. Keep a part of it and try again."
        )
    read = read_parquet if content.startswith(MAGIC) else read_delimited
    raw = read(content, file, limits, remarks)
    return understand(raw, file, remarks)


def understand(raw: Raw, file: str, remarks: Remarks) -> Reading:
    """Cells of text or numbers → a typed table.

    Raises:
        UnreadableTable: no column can be used.
    """
    typing, columns, reasons = Typing(raw, remarks), {}, []
    for place, column in enumerate(raw.names):
        try:
            columns[column] = typing.column(place)
        except LeftOut as reason:
            remarks.add(f"The column is left out: it {reason}.", column=column)
            reasons.append(f"{quoted(column)} {reason}")
    if not columns:
        why = "; ".join(reasons[:3]) or "none holds numbers or text"
        raise UnreadableTable(
            f"No column of {file} can be used: {why}. Choose a table whose columns vary."
        )
    frame = pd.DataFrame(columns, index=pd.Index(raw.lines, name="line"))
    empty = frame.isna().all(axis=1)
    for line in frame.index[empty]:
        remarks.add(
            "The row has no value that can be used, so it was left out.", line, None, "row"
        )
    _say_of_all(typing, remarks)
    frame = frame.loc[~empty]
    reports = tuple(_report(column, frame[column]) for column in frame)
    return Reading(frame, reports, remarks.in_order())


def _say_of_all(typing: Typing, remarks: Remarks) -> None:
    if typing.spellings:
        spelled = ", ".join(quoted(text) for text, _ in typing.spellings.most_common(5))
        cells = count_of(typing.spellings.total(), "cell")
        remarks.add(f"Counted as missing: {cells} with {spelled}.")
    if typing.with_commas:
        first = ", ".join(quoted(name) for name in typing.with_commas[:5])
        more = " …" if len(typing.with_commas) > 5 else ""
        remarks.add(f"Decimal commas were read as decimal points in {first}{more}.")


def _report(name: str, values: pd.Series) -> ColumnReport:
    missing, distinct = int(values.isna().sum()), values.nunique()
    if values.dtype == np.float64:
        low, high = float(values.min()), float(values.max())
        return ColumnReport(name, "numeric", missing, distinct, low, high, ())
    levels = tuple(str(level) for level in values.cat.categories)
    kind = "binary" if len(levels) == 2 else "categorical"
    return ColumnReport(name, kind, missing, distinct, None, None, levels)


__all__ = [
    "ColumnReport",
    "Limits",
    "Reading",
    "Remark",
    "UnreadableTable",
    "read_table",
    "understand",
]
