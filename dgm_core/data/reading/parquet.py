"""Read Parquet files as cells.

Nothing that a file states is trusted. Columns that hold neither numbers nor text are recognised by
the schema and never decoded; the size of the others is checked before they are. Where a file
states less than it contains, only a limit on the memory of the process helps (`in_child`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dgm_core.data.reading.raw import Limits, Raw, unique_names
from dgm_core.data.reading.remarks import Remarks, UnreadableTable

MAGIC = b"PAR1"
_BROKEN = (
    pa.ArrowException,
    OSError,
    ValueError,
    OverflowError,
    KeyError,
    RecursionError,
)
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
    except MemoryError as error:
        raise UnreadableTable(
            f"{file} is damaged, or it needs too much memory to read. "
            "Save it again with fewer rows or shorter texts and try again."
        ) from error
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
    leaves = list(_leaves(schema, stated.metadata.num_columns))
    indices = [index for index, field in enumerate(schema) if is_plain(field.type)]
    read = [leaves[index] for index in indices]
    _check_size(stated.metadata, read, file, limits)
    # Dictionaries, because a small file may repeat a text a million times.
    texts = [schema.field(index).name for index in indices if is_text(schema.field(index).type)]
    decoder = pq.ParquetFile(reader, metadata=stated.metadata, read_dictionary=texts).reader
    table = decoder.read_all(column_indices=read) if read else pa.table({})
    table.validate(full=True)
    columns = _columns_of(schema, dict(zip(indices, table.columns, strict=True)), remarks)
    return raw_of(columns, np.arange(1, rows + 1))


def _leaves(schema: pa.Schema, count: int) -> Iterator[int]:
    """The first of the `count` stored columns that belongs to each field."""
    first = 0
    for field in schema:
        yield first
        first += _width(field.type)
    if first != count:
        raise ValueError(f"expected {first} stored columns, got {count}")


def _width(kind: pa.DataType) -> int:
    """The number of columns in which Parquet stores a type."""
    if isinstance(kind, pa.BaseExtensionType):
        return _width(kind.storage_type)
    if not pa.types.is_nested(kind):
        return 1
    return sum(_width(kind.field(number).type) for number in range(kind.num_fields))


def _check_size(metadata: pq.FileMetaData, read: Sequence[int], file: str, limits: Limits) -> None:
    """Check what decoding the columns `read` would need, by every part of the file.

    Raises:
        UnreadableTable: too many values or bytes.
        ValueError: the parts differ in their numbers of rows.
    """
    values, size = dict.fromkeys(read, 0), 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for leaf in read:
            stored = group.column(leaf)
            values[leaf] += stored.num_values
            size += max(stored.total_uncompressed_size, stored.total_compressed_size)
    limits.check(file, max(values.values(), default=0), len(read))
    if any(count != metadata.num_rows for count in values.values()):
        raise ValueError(f"expected {metadata.num_rows} values a column, got {values}")
    if size > 10 * limits.bytes:
        raise UnreadableTable(
            f"{file} unpacks to more than {10 * limits.bytes / 2**20:,.0f} MB. "
            "Choose a smaller file."
        )


class ParquetColumn(NamedTuple):
    """A column of numbers or text."""

    number: int  # in the file, from 0
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
        [column.number for column in columns],
    )


def usable_columns(table: pa.Table, remarks: Remarks) -> list[ParquetColumn]:
    """The columns of numbers or text; adds a remark on each other column."""
    return _columns_of(table.schema, dict(enumerate(table.columns)), remarks)


def _columns_of(
    schema: pa.Schema, decoded: Mapping[int, pa.ChunkedArray], remarks: Remarks
) -> list[ParquetColumn]:
    """The columns of numbers or text; adds a remark on each other column.

    Args:
        schema: of the file.
        decoded: index in the schema → cells; columns of other types may be absent.
        remarks: to add to.
    """
    given = ["" if name.startswith(_INDEX) else " ".join(name.split()) for name in schema.names]
    names, unnamed = unique_names(given, remarks)
    columns = []
    for index, kind in enumerate(schema.types):
        usable = plain(decoded[index]) if is_plain(kind) else None
        if usable is None:
            remarks.add(
                f"The column is left out: it has neither numbers nor text, but {str(kind)[:80]}.",
                column=names[index],
            )
        else:
            columns.append(ParquetColumn(index, names[index], unnamed[index], usable))
    return columns


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's three text types."""
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_plain(kind: pa.DataType) -> bool:
    """Whether a type is one of flat numbers, bools or text, or a dictionary of these."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return (
        is_text(kind)
        or pa.types.is_null(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    )


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column as text (perhaps a dictionary), bools or float64; None if it is none of these."""
    kind = column.type
    if not is_plain(kind):
        return None
    if pa.types.is_dictionary(kind):
        if is_text(kind.value_type):
            return column
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if is_text(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_boolean(kind):
        return column
    return pc.cast(column, pa.float64(), safe=False)
