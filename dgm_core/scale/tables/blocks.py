"""A Parquet file wherever fsspec finds it, in blocks of rows; a CSV file is made into one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from dgm_core.data.reading.decoding import decoded
from dgm_core.data.reading.delimited import read_delimited, separator_of
from dgm_core.data.reading.parquet import MAGIC
from dgm_core.data.reading.raw import Limits
from dgm_core.data.reading.remarks import Remarks, UnreadableTable, quoted
from dgm_core.scale.tables.files import written_whole

BLOCK = 2**15
"""Rows of a block, at most: a block ends where a row group of the file does."""
_HEAD = 2**20
"""Bytes from which the form of a CSV file is told."""


class Block(NamedTuple):
    """Consecutive rows of a table."""

    number: int  # of the block, from 0
    group: int  # row group of the file
    place: int  # within the row group
    start: int  # number of the first row in the table, from 0
    rows: int


class Form(NamedTuple):
    """How a CSV file is written."""

    skip: int  # lines before the first row
    separator: str
    names: list[str]


@contextmanager
def opened(url: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file, whose cells are read as they are asked for.

    Raises:
        UnreadableTable: it is damaged, or no Parquet file.
        OSError: it cannot be opened.
    """
    with fsspec.open(url, "rb") as stream:
        try:
            yield pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise UnreadableTable(
                f"{quoted(url)} is a Parquet file that is damaged or cut short: {error}"
            ) from error


def is_parquet(url: str) -> bool:
    """Does the file begin as Parquet files do?"""
    with fsspec.open(url, "rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def blocks_of(url: str) -> list[Block]:
    """All blocks of a Parquet file, in order."""
    found: list[Block] = []
    with opened(url) as file:
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            for place, skip in enumerate(range(0, rows, BLOCK)):
                found.append(
                    Block(len(found), group, place, start + skip, min(BLOCK, rows - skip))
                )
            start += rows
    return found


def cells_of(url: str, block: Block) -> pa.Table:
    """The rows of a block, all columns."""
    with opened(url) as file:
        batches = file.iter_batches(BLOCK, row_groups=[block.group], use_threads=False)
        for _ in range(block.place):
            next(batches)
        return pa.Table.from_batches([next(batches)])


def form_of(url: str) -> Form:
    """How a CSV file is written, told from its beginning.

    Raises:
        UnreadableTable: it is no table.
    """
    head, file = _head(url), quoted(url)
    text = decoded(head, file, Remarks())
    _, separator = separator_of(text, text.splitlines(keepends=True))
    raw = read_delimited(head, file, Limits(), Remarks())
    return Form(int(raw.lines[0]) - 1, separator, raw.names)


def as_parquet(url: str, form: Form, target: str) -> int:
    """Write a CSV file's cells, all as text, to a Parquet file; returns the rows left out.

    Rows of another number of cells than the table has columns are left out.

    Raises:
        UnreadableTable: it is written so that only a smaller file can be read.
    """
    left_out = 0

    def leave_out(row: pa.csv.InvalidRow) -> str:
        nonlocal left_out
        left_out += 1
        return "skip"

    read = pa.csv.ReadOptions(
        skip_rows=form.skip, column_names=form.names, block_size=2**24, use_threads=False
    )
    parse = pa.csv.ParseOptions(
        delimiter=form.separator, newlines_in_values=True, invalid_row_handler=leave_out
    )
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(form.names, pa.string()), strings_can_be_null=False
    )
    with fsspec.open(url, "rb") as stream:
        try:
            batches = pa.csv.open_csv(stream, read, parse, convert)
            with written_whole(target) as part, pq.ParquetWriter(part, batches.schema) as writer:
                for batch in batches:
                    writer.write_table(pa.Table.from_batches([batch]), row_group_size=BLOCK)
        except pa.ArrowException as error:
            raise UnreadableTable(
                f"{quoted(url)} cannot be read as a large CSV file: {error}. "
                "Save it in UTF-8, with one line of names, or as Parquet."
            ) from error
    return left_out


def _head(url: str) -> bytes:
    """The first lines of a file, whole ones."""
    with fsspec.open(url, "rb") as stream:
        head = stream.read(_HEAD)
    if len(head) < _HEAD:
        return head
    whole, _, _ = head.rpartition(b"\n")
    return whole or head
