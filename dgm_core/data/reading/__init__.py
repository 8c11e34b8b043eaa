"""Read an unknown CSV or Parquet file as a typed table, with remarks on what was not used.

    reading = read_table(path.read_bytes(), path.name)
    reading.frame       # float64 columns and categoricals, NaN = missing, index = line of the file
    reading.columns     # what each column is
    reading.remarks     # what could not be used, by line and column

No property of the file is assumed. Everything usable is used and the rest is reported. A file
without any usable column raises `UnreadableTable`, whose message can be shown to a visitor.

| in the file                                   | becomes                                         |
|-----------------------------------------------|-------------------------------------------------|
| UTF-8, UTF-16, Latin-1; `,` `;` tab `|` `^`   | read; decimal commas where `,` cannot separate  |
| "1,234.5" and others like it in a column      | thousands separators, with a remark             |
| `NA`, `?`, `-`, `null`, an empty cell, …      | missing; also the spellings in `missing`        |
| −999 or the like, far from all other numbers  | a number, with a remark that asks               |
| digits that start with 0, as postal codes do  | text                                            |
| a first line of numbers only                  | data; columns are named by their number         |
| a row with too few cells                      | the last ones are missing                       |
| a row with too many cells, an open quote      | left out; extra empty cells are ignored         |
| more numbers than other texts in a column     | numeric; the other texts are missing            |
| `inf`, 1e400, more than 1e100                 | missing                                         |
| two different numbers, two different texts    | binary                                          |
| three to fifty different texts                | categorical                                     |
| another text in nearly every row, or over 50  | left out                                        |
| a column that is constant or empty            | left out                                        |
| a column without a name that counts the rows  | left out                                        |
| a row without any value                       | left out; its line is in `Reading.lines`        |
| a blank line of a file with one column        | a row without any value                         |
| Parquet columns of dates, lists, structs, …   | left out                                        |

"Left out" is about the model. `dgm_core.data.writing_back` writes completed cells back into the
file, with all rows and columns.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from dgm_core.data.reading.columns import LeftOut, Typing
from dgm_core.data.reading.delimited import read_delimited
from dgm_core.data.reading.parquet import MAGIC, read_parquet
from dgm_core.data.reading.raw import Form, Limits, Raw
from dgm_core.data.reading.remarks import Remark, Remarks, UnreadableTable, count_of, quoted
from dgm_core.data.reading.styles import Style

Kind = Literal["numeric", "binary", "categorical"]


class ColumnReport(NamedTuple):
    """Type and summary of one column of the table."""

    name: str
    kind: Kind
    missing: int  # rows without a value
    distinct: int  # number of different values
    low: float | None  # of a numeric column
    high: float | None
    levels: tuple[str, ...]  # of a binary or categorical column
    style: Style  # how the file writes its cells


class Reading(NamedTuple):
    """A table, the type of each column, and remarks on what was changed or left out.

    In `frame`, numeric columns are float64 and all others categorical; NaN is a missing value. The
    index is the line in a text file (1 = the header) or the row in a Parquet file (from 1).
    """

    frame: pd.DataFrame
    columns: tuple[ColumnReport, ...]
    remarks: tuple[Remark, ...]
    lines: np.ndarray  # of all rows: those of the frame, and those without any value
    unread: tuple[int, ...]  # lines that are no row, because of too many cells or an open quote
    form: Form | None  # of a text file
    names: tuple[str, ...]  # of all columns that were read, also of those left out

    @property
    def every_row(self) -> pd.DataFrame:
        """The frame with its rows without any value."""
        return self.frame.reindex(pd.Index(self.lines, name="line"))


def read_table(
    content: bytes,
    name: str,
    *,
    limits: Limits = Limits(),  # noqa: B008
    missing: Collection[str] = (),
) -> Reading:
    """Read a CSV or Parquet file.

    Args:
        content: the bytes of the file.
        name: the file's name, for messages; its extension is ignored.
        limits: the largest table to read.
        missing: further spellings of a missing value, such as "-999".

    Raises:
        UnreadableTable: no table can be read; the message says why and what to do.

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
            f"{file} has {len(content) / 2**20:,.1f} MB, but at most "
            f"{limits.bytes / 2**20:,.1f} MB can be read. Choose a smaller file."
        )
    read = read_parquet if content.startswith(MAGIC) else read_delimited
    raw = read(content, file, limits, remarks)
    return understand(raw, file, remarks, missing)


def understand(raw: Raw, file: str, remarks: Remarks, missing: Collection[str] = ()) -> Reading:
    """Turn cells of text or numbers into a typed table.

    Raises:
        UnreadableTable: no column can be used.
    """
    typing, columns, styles, reasons = Typing(raw, remarks, missing), {}, {}, []
    for index, column in enumerate(raw.names):
        try:
            columns[column] = typing.column(index)
            styles[column] = typing.styles[index]
        except LeftOut as reason:
            remarks.add(f"The column is left out: it {reason}.", column=column)
            reasons.append(f"{quoted(column)} {reason}")
    if not columns:
        why = "; ".join(reasons[:3]) or "none contains numbers or text"
        raise UnreadableTable(
            f"No column of {file} can be used: {why}. Choose a table whose columns vary."
        )
    frame = pd.DataFrame(columns, index=pd.Index(raw.lines, name="line"))
    empty = frame.isna().all(axis=1)
    for line in frame.index[empty]:
        remarks.add(
            "The row has no usable value, so nothing is learned from it.", line, None, "row"
        )
    _add_general_remarks(typing, remarks)
    frame = frame.loc[~empty]
    reports = tuple(_report(column, frame[column], styles[column]) for column in frame)
    names = tuple(raw.names)
    return Reading(frame, reports, remarks.in_order(), raw.lines, raw.unread, raw.form, names)


def _add_general_remarks(typing: Typing, remarks: Remarks) -> None:
    if typing.spellings:
        spelled = ", ".join(quoted(text) for text, _ in typing.spellings.most_common(5))
        cells = count_of(typing.spellings.total(), "cell")
        remarks.add(f"Counted as missing: {cells} with {spelled}.")
    if typing.with_commas:
        first = ", ".join(quoted(name) for name in typing.with_commas[:5])
        more = " …" if len(typing.with_commas) > 5 else ""
        remarks.add(f"Decimal commas were read as decimal points in {first}{more}.")


def _report(name: str, values: pd.Series, style: Style) -> ColumnReport:
    missing, distinct = int(values.isna().sum()), values.nunique()
    if values.dtype == np.float64:
        low, high = float(values.min()), float(values.max())
        return ColumnReport(name, "numeric", missing, distinct, low, high, (), style)
    levels = tuple(str(level) for level in values.cat.categories)
    kind = "binary" if len(levels) == 2 else "categorical"
    return ColumnReport(name, kind, missing, distinct, None, None, levels, style)


__all__ = [
    "ColumnReport",
    "Limits",
    "Reading",
    "Remark",
    "UnreadableTable",
    "read_table",
    "understand",
]
