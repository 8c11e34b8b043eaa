"""Parquet files at any address, read in blocks of rows, and conversion of CSV files to Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from dgm_core.data.reading.decoding import decoded
from dgm_core.data.reading.delimited import read_delimited, separator_of
from dgm_core.data.reading.parquet import MAGIC
from dgm_core.data.reading.raw import Limits
from dgm_core.data.reading.remarks import Remarks, UnreadableTable, quoted
from dgm_core.scale.tables.files import written_whole

BLOCK = 2**15
"""Largest number of rows of a block; a block also ends at the end of a row group."""
_HEAD = 2**20
"""Bytes at the start of a CSV file from which its form is detected."""


class Block(NamedTuple):
    """Consecutive rows of a table."""

    number: int  # of the block, from 0
    group: int  # row group of the file
    position: int  # of the block within the row group
    start: int  # number of the first row in the table, from 0
    rows: int


class Form(NamedTuple):
    """The form of a CSV file."""

    skip: int  # lines before the first row
    separator: str
    names: list[str]


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


def form_of(url: str) -> Form:
    """The form of a CSV file, detected from its first lines.

    Raises:
        UnreadableTable: it is not a table.
    """
    head, file = _head(url), quoted(url)
    text = decoded(head, file, Remarks())
    _, separator = separator_of(text, text.splitlines(keepends=True))
    raw = read_delimited(head, file, Limits(), Remarks())
    return Form(int(raw.lines[0]) - 1, separator, raw.names)


def as_parquet(url: str, form: Form, target: str) -> int:
    """Write the cells of a CSV file, all as text, to a Parquet file; returns the rows left out.

    Rows are left out if their number of cells differs from the number of columns.

    Raises:
        UnreadableTable: the form of the file is supported only for smaller files.
    """
    left_out = 0

    def leave_out(row: csv.InvalidRow) -> str:
        nonlocal left_out
        left_out += 1
        return "skip"

    read = csv.ReadOptions(
        skip_rows=form.skip, column_names=form.names, block_size=2**24, use_threads=False
    )
    parse = csv.ParseOptions(
        delimiter=form.separator, newlines_in_values=True, invalid_row_handler=leave_out
    )
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(form.names, pa.string()), strings_can_be_null=False
    )
    with _stream(url) as stream:
        try:
            batches = csv.open_csv(stream, read, parse, convert)
            with written_whole(target) as part, pq.ParquetWriter(part, batches.schema) as writer:
                for batch in batches:
                    writer.write_table(pa.Table.from_batches([batch]), row_group_size=BLOCK)
        except pa.ArrowException as error:
            raise UnreadableTable(
                f"{quoted(url)} cannot be read as a large CSV file: {error}. "
                "Save it in UTF-8 with one line of column names, or as Parquet."
            ) from error
    return left_out


def _stream(url: str) -> Any:
    """A file opened for reading bytes, as a context; fsspec's type allows lists of files too."""
    return fsspec.open(url, "rb")


def _head(url: str) -> bytes:
    """The first complete lines of a file."""
    with _stream(url) as stream:
        head = stream.read(_HEAD)
    if len(head) < _HEAD:
        return head
    whole, _, _ = head.rpartition(b"\n")
    return whole or head
