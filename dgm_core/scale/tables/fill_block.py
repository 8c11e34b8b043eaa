"""Filling in one block: read it, complete it, write it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from dgm_core.data.reading.styles import deviation_text
from dgm_core.data.writing import Format, suffixes, with_suffix
from dgm_core.data.writing_back import bytes_of, completed_column, csv_rows
from dgm_core.estimators import impute_table
from dgm_core.scale.tables.blocks import UNREAD, Block, Head, cells_of
from dgm_core.scale.tables.columns import Cells, LearnedColumn, read
from dgm_core.scale.tables.files import written_whole

ROW = "row in the table"


class Tally(NamedTuple):
    """Counts of one block or of several."""

    rows: int = 0
    filled: int = 0  # cells
    unknown: int = 0  # cells with a value that does not occur in the sample

    def plus(self, other: Tally) -> Tally:
        """The counts of both."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Filler:
    """The tool of a worker: fills in blocks.

    Args:
        imputer: a fitted imputer.
        url: the Parquet file.
        columns: its columns.
        settings: settings of the imputer.
        parts: folder for the completed blocks until they are joined.
        format: format of the completed blocks.
        head: start of the CSV file from which `url` was converted, or None.
        with_rows: add a first column with the number of each row, from 1.
        folder: folder in which completed blocks stay, ending in a slash; empty = they are joined.
    """

    imputer: impute_table.Imputer
    url: str
    columns: Sequence[LearnedColumn]
    settings: impute_table.Settings
    parts: str
    format: Format
    head: Head | None = None
    with_rows: bool = False
    folder: str = ""

    def __call__(self, block: Block) -> Tally:
        """Write the completed tables of a block, then its tally, which marks the block as done."""
        table = cells_of(self.url, block)
        unread = np.zeros(block.rows, bool)
        if self.head is not None:
            unread = table.column(UNREAD).is_valid().to_numpy()
        cells = {column.name: read(column, table) for column in self.columns}
        numbers = np.arange(block.start, block.start + block.rows)
        frame = pd.DataFrame({name: each.values for name, each in cells.items()}, index=numbers)
        missing = frame.isna().to_numpy()
        if missing.any():
            filled = impute_table.fill(self.imputer, frame, self.settings, numbers.tolist())
        else:
            filled = impute_table.as_it_is(frame, self.settings)
        tables = [filled.completed, filled.sd, *filled.draws]
        for suffix, each in zip(suffixes(self.settings.draws), tables, strict=True):
            arrays = [
                self._column(column, table, cells[column.name], each[column.name].tolist(), unread)
                if each is not filled.sd
                else self._deviations(cells[column.name], each[column.name].tolist(), unread)
                for column in self.columns
            ]
            self._write(block, suffix, table, arrays)
        unknown = sum(int(each.unknown.sum()) for each in cells.values())
        tally = Tally(block.rows, int(missing[~unread].sum()) - unknown, unknown)
        with written_whole(tally_of(self.parts, block.number)) as stream:
            stream.write(json.dumps(tally).encode())
        return tally

    @property
    def _as_text(self) -> bool:
        """Whether the cells are written as in the CSV file that they come from."""
        return self.head is not None and self.format == "csv"

    def _column(
        self,
        column: LearnedColumn,
        table: pa.Table,
        cells: Cells,
        completed: list[Any],
        unread: np.ndarray,
    ) -> pa.Array | pa.ChunkedArray:
        """A completed column; values that do not occur in the sample stay."""
        original = table.column(column.style.position)
        values = np.array(completed, object)
        values[cells.unknown], values[unread] = cells.unknown_values, None
        kind = original.type
        if self.head is not None and not self._as_text:
            of_text = column.levels and isinstance(column.levels[0], str)
            kind = pa.string() if of_text else pa.float64()
        missing = np.asarray(pd.isna(cells.values)) & ~cells.unknown & ~unread
        return completed_column(original, kind, column.style, values, missing)

    def _deviations(self, cells: Cells, deviations: list[float], unread: np.ndarray) -> pa.Array:
        values = np.array(deviations, np.float64)
        values[cells.unknown] = 0.0
        if self._as_text:
            commas = any(each.style.decimal_comma for each in self.columns)
            texts = [deviation_text(each, decimal_comma=commas) for each in values.tolist()]
            return pa.array(texts)
        return pa.array(values, mask=unread)

    def _write(
        self,
        block: Block,
        suffix: str,
        table: pa.Table,
        columns: Sequence[pa.Array | pa.ChunkedArray],
    ) -> None:
        """Write the table with other columns in the place of those that were learned."""
        for learned, cells in zip(self.columns, columns, strict=True):
            position = learned.style.position
            table = table.set_column(position, table.schema.names[position], cells)
        if suffix == "sd":
            table = table.replace_schema_metadata(None)  # it may describe other types
        unread = pa.nulls(block.rows, pa.string())
        if self.head is not None:
            unread, table = table.column(UNREAD), table.drop_columns(UNREAD)
        if self.with_rows:
            numbers = pa.array(range(block.start + 1, block.start + block.rows + 1))
            table = table.add_column(0, ROW, numbers)
        # Blocks are joined without change, so only the first has the names of the columns.
        header = bool(self.folder) or block.number == 0
        if self.head is not None and self.format == "csv":
            content = self._text(self.head, table, unread.to_pylist(), header=header)
        else:
            content = bytes_of(table, self.format, header=header)
        with written_whole(self._path(block.number, suffix)) as stream:
            stream.write(content)

    def _text(
        self, head: Head, table: pa.Table, unread: list[str | None], *, header: bool
    ) -> bytes:
        """The rows as the CSV file writes them."""
        columns, form = [column.to_pylist() for column in table.columns], head.form
        if self.with_rows:
            columns[0] = [str(number) for number in columns[0]]
            unread = [
                text and f"{number}{form.separator}{text}"
                for number, text in zip(columns[0], unread, strict=True)
            ]
        text = csv_rows(columns, unread, form.separator, head.line_end)
        if not header:
            return text.encode(form.codec)
        first = ROW + form.separator if self.with_rows and form.header else ""
        return form.mark + f"{head.before}{first}{head.header}{text}".encode(form.codec)

    def _path(self, number: int, suffix: str) -> str:
        if self.folder:
            return f"{with_suffix(self.folder, suffix)}part-{number:08}.{self.format}"
        return part_of(self.parts, number, suffix, self.format)


def part_of(parts: str, number: int, suffix: str, format: Format) -> str:
    """The file of a block."""
    return f"{parts}/{number:08}{suffix and '-'}{suffix}.{format}"


def tally_of(parts: str, number: int) -> str:
    """The file that marks a block as done."""
    return f"{parts}/{number:08}.json"
