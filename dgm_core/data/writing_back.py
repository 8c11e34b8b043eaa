"""Write completed cells back into the file that they are missing from; nothing else changes.

    reading = read_table(content, "study.csv")
    completed = impute(reading.every_row)             # a frame with the same rows and columns
    written_back(content, reading, completed, "csv")  # the bytes of the completed file

A CSV file becomes the same CSV file, byte for byte, with other text in the completed cells: its
encoding, separator, quotation marks, line ends, blank lines and unread rows stay. A Parquet file
keeps its schema. In either case all rows and columns are there, in their order; what is missing in
a column that is not modelled stays missing. Completed cells are written in the style of their
column (`dgm_core.data.reading.styles`).

>>> from dgm_core.data.reading import read_table
>>> content = b"id;weight;size\\nA7;1,5;L\\nB2;;M\\nC1;2,5;\\nD9;3,5;L\\n"
>>> reading = read_table(content, "study.csv")
>>> completed = reading.every_row.fillna({"weight": 2.04, "size": "L"})
>>> print(written_back(content, reading, completed, "csv").decode())
id;weight;size
A7;1,5;L
B2;2,04;M
C1;2,5;L
D9;3,5;L
<BLANKLINE>
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dgm_core.data.reading import Reading
from dgm_core.data.reading.delimited import spans
from dgm_core.data.reading.parquet import is_text
from dgm_core.data.reading.raw import Form
from dgm_core.data.reading.styles import Style, deviation_text
from dgm_core.data.writing import Format, table_bytes

pc: Any = pyarrow.compute
LINE = "line in the file"


def written_back(
    content: bytes,
    reading: Reading,
    values: pd.DataFrame,
    format: Format,
    *,
    deviations: bool = False,
    with_lines: bool = False,
) -> bytes:
    """The file with the completed cells of `values`.

    Args:
        content: of the file.
        reading: of the same file.
        values: completed rows and columns of `reading.every_row`.
        format: of the result.
        deviations: `values` are standard deviations, which replace observed cells as well.
        with_lines: add a first column with the line of each row.
    """
    if format == "csv" and reading.form is not None:
        return _spliced(content, reading, values, deviations, with_lines)
    lines, table = _table(content, reading)
    rows, unknown = np.searchsorted(lines, reading.lines), reading.every_row.isna()
    for name, *_, style in reading.columns:
        cells = table.column(style.position)
        column, missing = np.full(len(lines), None, object), np.zeros(len(lines), bool)
        column[rows], missing[rows] = values[name].astype(object), unknown[name]
        if deviations:
            new = pa.array(column, pa.float64())
        else:
            kind = cells.type if reading.form is None else style.kind(np.asarray(values[name]))
            new = completed_column(cells, kind, style, column, missing)
        table = table.set_column(style.position, table.schema.names[style.position], new)
    if deviations:
        table = table.replace_schema_metadata(None)  # it may describe other types
    if with_lines:
        table = table.add_column(0, LINE, pa.array(lines))
    return bytes_of(table, format)


def completed_column(
    cells: pa.ChunkedArray, kind: pa.DataType, style: Style, values: NDArray, missing: NDArray
) -> pa.Array | pa.ChunkedArray:
    """A column with its missing cells completed.

    Args:
        cells: of the file, (N,).
        kind: type of the result; it differs from that of `cells` only if these are texts.
        style: how the column writes its cells.
        values: the completed column as objects, (N,): numbers or levels.
        missing: which cells are completed, bool (N,).
    """
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (is_text(plain) or pa.types.is_boolean(plain)):
        values = values.astype(np.float64)
        values = np.where(missing, style.rounded(values), values)
    if is_text(cells.type) and not is_text(plain):
        return _typed(values, plain, style)
    if pa.types.is_dictionary(cells.type):
        cells = pc.cast(cells, plain)
    filled = pc.if_else(
        pa.array(missing), _typed(np.where(missing, values, np.array(None)), plain, style), cells
    )
    if not pa.types.is_dictionary(kind):
        return filled
    encoded = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
    return encoded.dictionary_encode().cast(kind)


def _typed(values: NDArray, kind: pa.DataType, style: Style) -> pa.Array:
    """Completed cells as an Arrow array; None stays null."""
    known = ~pd.isna(values)
    if is_text(kind):
        texts = [
            style.text(each) if seen else None for each, seen in zip(values, known, strict=True)
        ]
        return pa.array(texts, pa.string()).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array(values, kind, from_pandas=True)
    numbers = np.where(known, values, 0).astype(np.float64)
    if pa.types.is_integer(kind):
        limits = np.iinfo(kind.to_pandas_dtype())
        largest = float(limits.max)  # rounded up for 64 bits
        largest = np.nextafter(largest, 0) if limits.bits == 64 else largest
        numbers = np.clip(np.round(numbers), float(limits.min), largest)
        return pa.array(numbers.astype(kind.to_pandas_dtype()), kind, mask=~known)
    if pa.types.is_decimal(kind):
        numbers = np.round(numbers, kind.scale)
    return pc.cast(pa.array(numbers, pa.float64(), mask=~known), kind, safe=False)


def bytes_of(table: pa.Table, format: Format, *, header: bool = True) -> bytes:
    """A table as the content of a file; nested cells of a CSV file are written as JSON."""
    if format == "parquet":
        stream = io.BytesIO()
        pq.write_table(table, stream)
        return stream.getvalue()
    for index, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            cells = table.column(index).to_pylist()
            texts = [None if each is None else json.dumps(each, default=str) for each in cells]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    # By position, because two columns may have the same name.
    frame = table.rename_columns([str(i) for i in range(table.num_columns)]).to_pandas(
        types_mapper=pd.ArrowDtype, ignore_metadata=True
    )
    frame.columns = table.schema.names
    return table_bytes(frame, "csv", header=header)


# --- CSV to CSV


def _spliced(
    content: bytes, reading: Reading, values: pd.DataFrame, deviations: bool, with_lines: bool
) -> bytes:
    """The file with other text in the completed cells."""
    form = reading.form
    assert form is not None  # of a text file
    text, starts = text_of(content, form)
    styles = sorted((each.style, each.name) for each in reading.columns)
    known = reading.every_row.notna() & (not deviations)
    commas = any(style.decimal_comma for style, _ in styles)
    writes = [
        partial(deviation_text, decimal_comma=commas) if deviations else style.text
        for style, _ in styles
    ]
    columns = [
        _texts(write, values[name].astype(object).tolist(), known[name].to_numpy())
        for write, (_, name) in zip(writes, styles, strict=True)
    ]
    positions, pieces, at = [style.position for style, _ in styles], [], 0
    prefixes = _line_numbers(reading, form) if with_lines else {}
    rows: dict[int, Sequence[str | None]] = dict.fromkeys(prefixes, ())
    rows.update(zip(reading.lines.tolist(), zip(*columns, strict=True), strict=True))
    for line in sorted(rows):
        start = starts[line - 1]
        if line in prefixes:
            pieces += [text[at:start], prefixes[line]]
            at = start
        new = [
            (p, cell) for p, cell in zip(positions, rows[line], strict=False) if cell is not None
        ]
        if not new:
            continue
        cells = spans(text, start, form.separator)
        last = len(cells) - 1
        for position, cell in new:
            if position < len(cells):
                begin, end = cells[position]
                quoted = text[begin:end].lstrip(" ").startswith('"')
                pieces += [text[at:begin], _quoted(cell, form.separator, always=quoted)]
            else:  # a short row gets its last cells
                end = cells[-1][1]
                pieces += [text[at:end], form.separator * (position - last)]
                pieces.append(_quoted(cell, form.separator))
                last = position
            at = end
    pieces.append(text[at:])
    return form.mark + "".join(pieces).encode(form.codec)


def text_of(content: bytes, form: Form) -> tuple[str, NDArray]:
    """The text of a file without its byte-order mark, and the start of each line."""
    text = content[len(form.mark) :].decode(form.codec, errors="replace")
    ends = [match.end() for match in re.finditer(r"\r\n|\n|\r", text)]
    return text, np.array([0, *ends])


def _texts(write: Callable[[Any], str], values: list[Any], known: NDArray) -> list[str | None]:
    """New text of each cell that is not known; None = it stays."""
    found = zip(values, known.tolist(), strict=True)
    return [None if stays else write(value) for value, stays in found]


def _line_numbers(reading: Reading, form: Form) -> dict[int, str]:
    """Line of each row and of the header → its first cell."""
    lines = [*reading.lines.tolist(), *reading.unread]
    numbers = {line: f"{line}{form.separator}" for line in lines}
    return {form.header: LINE + form.separator, **numbers} if form.header else numbers


def _quoted(cell: str, separator: str, *, always: bool = False) -> str:
    """A cell with quotation marks if it needs some."""
    if always or cell != cell.strip() or any(mark in cell for mark in f'{separator}"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def csv_rows(
    columns: Sequence[Sequence[str | None]], whole: Sequence[str | None], separator: str, end: str
) -> str:
    """Rows of a CSV file, with quotation marks where they are needed.

    Args:
        columns: the cells of each column, (D, N).
        whole: the text of a row that is written as it is, or None, (N,).
        separator: of cells.
        end: of each line.
    """
    stream = io.StringIO(newline="")
    write = csv.writer(stream, delimiter=separator, lineterminator=end).writerow
    for cells, text in zip(zip(*columns, strict=True), whole, strict=True):
        if text is None:
            write(cells)
        else:
            stream.write(text + end)
    return stream.getvalue()


# --- the whole file as a table


def _table(content: bytes, reading: Reading) -> tuple[NDArray, pa.Table]:
    """The line of each row, and all rows and columns; unread rows as far as there are columns."""
    if reading.form is None:
        table = pq.read_table(pa.BufferReader(content))
        return np.arange(1, table.num_rows + 1), table
    form = reading.form
    text, starts = text_of(content, form)
    lines = np.sort([*reading.lines, *reading.unread])
    records = [_record(text, int(starts[line - 1]), form.separator) for line in lines]
    names = list(reading.names)
    full = ([*cells, *[None] * len(names)][: len(names)] for cells in records)
    columns = [pa.array(cells, pa.string()) for cells in zip(*full, strict=True)]
    return lines, pa.table(columns, names)


def _record(text: str, start: int, separator: str) -> Iterator[str | None]:
    """The cells of a record; an empty one is null."""
    end = spans(text, start, separator)[-1][1]
    for cells in csv.reader(
        io.StringIO(text[start:end], newline=""), delimiter=separator, skipinitialspace=True
    ):
        yield from (cell or None for cell in cells)
