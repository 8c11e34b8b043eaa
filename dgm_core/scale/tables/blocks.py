"""Parquet files at any address, read in blocks of rows, and conversion of CSV files to Parquet."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from csv import reader
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from dgm_core.data.reading.delimited import read_delimited
from dgm_core.data.reading.parquet import MAGIC
from dgm_core.data.reading.raw import Form, Limits
from dgm_core.data.reading.remarks import Remarks, UnreadableTable, quoted
from dgm_core.data.writing_back import text_of
from dgm_core.scale.tables.files import written_whole

BLOCK = 2**15
"""Largest number of rows of a block; a block also ends at the end of a row group."""
UNREAD = "\0unread"
"""Name of the column with the text of rows that have too many cells, in a converted CSV file."""
_HEAD = 2**20
"""Bytes at the start of a CSV file from which its form is detected."""


class Block(NamedTuple):
    """Consecutive rows of a table."""

    number: int  # of the block, from 0
    group: int  # row group of the file
    position: int  # of the block within the row group
    start: int  # number of the first row in the table, from 0
    rows: int


class Head(NamedTuple):
    """The start of a CSV file."""

    form: Form
    names: list[str]
    before: str  # text before the names of the columns
    header: str  # text of the names, and of blank lines after them
    line_end: str


@contextmanager
def opened(url: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file, whose cells are read when they are needed.

    Raises:
        UnreadableTable: it is damaged, or not a Parquet file.
        OSError: it cannot be opened.
    """
    with _stream(url) as stream:
        try:
            yield pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise UnreadableTable(
                f"{quoted(url)} is a Parquet file that is damaged or cut short: {error}"
            ) from error


def is_parquet(url: str) -> bool:
    """Whether the file starts with the signature of Parquet."""
    with _stream(url) as stream:
        return stream.read(len(MAGIC)) == MAGIC


def blocks_of(url: str) -> list[Block]:
    """All blocks of a Parquet file, in order."""
    found: list[Block] = []
    with opened(url) as file:
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            for position, skip in enumerate(range(0, rows, BLOCK)):
                size = min(BLOCK, rows - skip)
                found.append(Block(len(found), group, position, start + skip, size))
            start += rows
    return found


def cells_of(url: str, block: Block) -> pa.Table:
    """The rows of a block, all columns."""
    with opened(url) as file:
        batches = file.iter_batches(BLOCK, row_groups=[block.group], use_threads=False)
        for _ in range(block.position):
            next(batches)
        return pa.Table.from_batches([next(batches)])


def head_of(url: str) -> Head:
    """The start of a CSV file.

    Raises:
        UnreadableTable: it is not a table.
    """
    content = _first_lines(url)
    raw = read_delimited(content, quoted(url), Limits(), Remarks())
    form = raw.form
    assert form is not None  # of a text file
    text, starts = text_of(content, form)
    header = max(form.header, 1)
    end = re.search("(\r\n|\n|\r)$", text[: starts[min(header, len(starts) - 1)]])
    before, names = starts[max(form.header - 1, 0)], starts[form.skip]
    return Head(form, raw.names, text[:before], text[before:names], end[1] if end else "\n")


def as_parquet(url: str, head: Head, target: str) -> int:
    """Write the cells of a CSV file, all as text, to a Parquet file.

    A further last column has the text of each row with too many cells, whose own cells are null.

    Returns:
        The number of such rows.

    Raises:
        UnreadableTable: the form of the file is supported only for smaller files.
    """
    form, names = head.form, head.names
    odd: deque[csv.InvalidRow] = deque()

    def keep(row: csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    read = csv.ReadOptions(
        skip_rows=form.skip,
        column_names=names,
        block_size=2**24,
        use_threads=False,
        encoding=form.codec,
    )
    parse = csv.ParseOptions(
        delimiter=form.separator,
        newlines_in_values=True,
        ignore_empty_lines=len(names) > 1,
        invalid_row_handler=keep,
    )
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    schema = pa.schema([(name, pa.string()) for name in [*names, UNREAD]])
    unread = 0
    with _stream(url) as stream:
        try:
            stream.read(len(form.mark))
            batches = csv.open_csv(stream, read, parse, convert)
            with written_whole(target) as part, pq.ParquetWriter(part, schema) as writer:
                done = form.skip  # rows, and lines before them
                for batch in batches:
                    rows = pa.Table.from_batches([batch]).append_column(
                        UNREAD, pa.nulls(batch.num_rows, pa.string())
                    )
                    pieces, start = [], 0
                    while odd and odd[0].number - done - 1 <= batch.num_rows + len(pieces) // 2:
                        at = odd[0].number - done - 1 - len(pieces) // 2
                        row = _odd_row(odd.popleft(), form.separator, schema)
                        unread += row.column(UNREAD).null_count == 0
                        pieces += [rows.slice(start, at - start), row]
                        start = at
                    table = pa.concat_tables([*pieces, rows.slice(start)])
                    done += table.num_rows
                    writer.write_table(table.combine_chunks(), row_group_size=BLOCK)
                for each in odd:
                    row = _odd_row(each, form.separator, schema)
                    unread += row.column(UNREAD).null_count == 0
                    writer.write_table(row)
        except pa.ArrowException as error:
            raise UnreadableTable(
                f"{quoted(url)} cannot be read as a large CSV file: {error}. "
                "Save it in UTF-8 with one line of column names, or as Parquet."
            ) from error
    return unread


def _odd_row(row: csv.InvalidRow, separator: str, schema: pa.Schema) -> pa.Table:
    """A row with too few cells, completed by empty ones, or the text of one with too many."""
    width, text = len(schema) - 1, row.text.rstrip("\r\n")
    cells = next(iter(reader(io.StringIO(text, newline=""), delimiter=separator)), [])
    full = [*cells, *[""] * width][:width]
    whole: list[str | None] = [*full, None] if not any(cells[width:]) else [*[None] * width, text]
    return pa.table([pa.array([cell], pa.string()) for cell in whole], schema=schema)


def _stream(url: str) -> Any:
    """A file opened for reading bytes, as a context; fsspec's type allows lists of files too."""
    return fsspec.open(url, "rb")


def _first_lines(url: str) -> bytes:
    """The first complete lines of a file."""
    with _stream(url) as stream:
        head = stream.read(_HEAD)
    if len(head) < _HEAD:
        return head
    whole, _, _ = head.rpartition(b"\n")
    return whole or head
