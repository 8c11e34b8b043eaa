"""Parquet → cells. What the file claims of its size is checked before anything is decoded."""

from __future__ import annotations

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
    """The cells of a Parquet file; columns that hold neither numbers nor text are left out.

    Raises:
        UnreadableTable: the file is damaged, has no row or usable column, or is too large.
    """
    try:
        return _read(content, file, limits, remarks)
    except UnreadableTable:
        raise
    except _BROKEN as error:
        raise UnreadableTable(
            f"{file} is a Parquet file that is damaged or cut short. Write it anew and try again."
        ) from error


def _read(content: bytes, file: str, limits: Limits, remarks: Remarks) -> Raw:
    reader = pa.BufferReader(content)
    claimed = pq.ParquetFile(reader)
    schema, rows = claimed.schema_arrow, claimed.metadata.num_rows
    limits.check(file, rows, len(schema))
    if not rows:
        raise UnreadableTable(f"{file} has columns, but no row. Choose a file with data.")
    groups = [claimed.metadata.row_group(i) for i in range(claimed.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > 10 * limits.bytes:
        raise UnreadableTable(
            f"{file} unpacks to more than {10 * limits.bytes / 2**20:,.0f} MB. "
            "Keep a part of it and try again."
        )
    # a text that a small file repeats a million times stays one text
    texts = [field.name for field in schema if _is_text(field.type)]
    table = pq.ParquetFile(reader, metadata=claimed.metadata, read_dictionary=texts).read()
    table.validate(full=True)
    given = ["" if name.startswith(_INDEX) else " ".join(name.split()) for name in schema.names]
    names, unnamed = unique_names(given, remarks)
    kept, cells = [], []
    for place, column in enumerate(table.columns):
        usable = _plain(column)
        if usable is None:
            remarks.add(
                f"The column is left out: it holds neither numbers nor text, but {column.type}.",
                column=names[place],
            )
        else:
            kept.append(place)
            cells.append(usable)
    lines = np.arange(1, table.num_rows + 1)
    return Raw([names[i] for i in kept], [unnamed[i] for i in kept], cells, lines, False)


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """As text (perhaps in a dictionary), bools or float64; None if it is neither."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if _is_text(kind.value_type):
            return column
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if _is_text(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pc.cast(column, pa.float64(), safe=False)
    return None
