"""Read Parquet files as cells. The size that a file states is checked before it is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dgm_core.data.reading.raw import Limits, Raw, unique_names
from dgm_core.data.reading.remarks import Remarks, UnreadableTable

MAGIC = b"PAR1"
_BROKEN = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, KeyError)
_INDEX = "__index_level_"  # pandas' name for row labels without a name


def read_parquet(content: bytes, file: str, limits: Limits, remarks: Remarks) -> Raw:
    """Cells of a Parquet file; columns that contain neither numbers nor text are left out.

    Raises:
        UnreadableTable: the file is damaged, has no rows, or is too large.
    """
    try:
        return _read(content, file, limits, remarks)
    except UnreadableTable:
        raise
    except _BROKEN as error:
        raise UnreadableTable(
            f"{file} is a damaged or incomplete Parquet file. Save it again and try again."
        ) from error


def _read(content: bytes, file: str, limits: Limits, remarks: Remarks) -> Raw:
    reader = pa.BufferReader(content)
    stated = pq.ParquetFile(reader)
    schema, rows = stated.schema_arrow, stated.metadata.num_rows
    limits.check(file, rows, len(schema))
    if not rows:
        raise UnreadableTable(f"{file} has columns but no rows. Choose a file with data.")
    groups = [stated.metadata.row_group(i) for i in range(stated.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > 10 * limits.bytes:
        raise UnreadableTable(
            f"{file} unpacks to more than {10 * limits.bytes / 2**20:,.0f} MB. "
            "Choose a smaller file."
        )
    # Dictionaries, because a small file may repeat a text a million times.
    texts = [field.name for field in schema if is_text(field.type)]
    table = pq.ParquetFile(reader, metadata=stated.metadata, read_dictionary=texts).read()
    table.validate(full=True)
    return raw_of(usable_columns(table, remarks), np.arange(1, table.num_rows + 1))


class ParquetColumn(NamedTuple):
    """A column of numbers or text."""

    place: int  # number in the file, from 0
    name: str  # unique in the table
    unnamed: bool  # the file gives no name, so we made one
    cells: pa.ChunkedArray  # as `plain` returns them


def raw_of(columns: Sequence[ParquetColumn], lines: np.ndarray) -> Raw:
    """The columns in the form that `Typing` reads."""
    return Raw(
        [column.name for column in columns],
        [column.unnamed for column in columns],
        [column.cells for column in columns],
        lines,
        False,
    )


def usable_columns(table: pa.Table, remarks: Remarks) -> list[ParquetColumn]:
    """The columns of numbers or text; adds a remark on each other column."""
    schema = table.schema
    given = ["" if name.startswith(_INDEX) else " ".join(name.split()) for name in schema.names]
    names, unnamed = unique_names(given, remarks)
    columns = []
    for place, column in enumerate(table.columns):
        usable = plain(column)
        if usable is None:
            remarks.add(
                f"The column is left out: it has neither numbers nor text, but {column.type}.",
                column=names[place],
            )
        else:
            columns.append(ParquetColumn(place, names[place], unnamed[place], usable))
    return columns


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's three text types."""
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column as text (perhaps a dictionary), bools or float64; None if it is none of these."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if is_text(kind.value_type):
            return column
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if is_text(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pc.cast(column, pa.float64(), safe=False)
    return None
