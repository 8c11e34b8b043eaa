"""Filling in one block: read it, complete it, write it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dgm_core.data.writing import Format, table_bytes
from dgm_core.estimators import impute_table
from dgm_core.scale.tables.blocks import Block, cells_of
from dgm_core.scale.tables.columns import Cells, LearnedColumn, read
from dgm_core.scale.tables.files import written_whole


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
        with_rows: add a first column with the number of each row, from 1.
        folder: folder in which completed blocks stay, ending in a slash; empty = they are joined.
    """

    imputer: impute_table.Imputer
    url: str
    columns: Sequence[LearnedColumn]
    settings: impute_table.Settings
    parts: str
    format: Format
    with_rows: bool = False
    folder: str = ""

    def __call__(self, block: Block) -> Tally:
        """Write the completed tables of a block, then its tally, which marks the block as done."""
        table = cells_of(self.url, block)
        cells = {column.name: read(column, table) for column in self.columns}
        numbers = np.arange(block.start, block.start + block.rows)
        frame = pd.DataFrame({name: each.values for name, each in cells.items()}, index=numbers)
        missing = frame.isna().to_numpy()
        if missing.any():
            filled = impute_table.fill(self.imputer, frame, self.settings, numbers.tolist())
        else:
            filled = impute_table.as_it_is(frame, self.settings)
        completed, *draws = (
            self._with_unknown_values(each, cells) for each in (filled.completed, *filled.draws)
        )
        sd = filled.sd.astype(np.float64)
        for name, each in cells.items():
            sd.loc[numbers[each.unknown], name] = 0.0
        types = [column.type for column in self.columns]
        self._write(block, "", completed, types)
        self._write(block, "sd", sd, [pa.float64()] * len(types))
        for suffix, each in zip(suffixes(self.settings.draws)[2:], draws, strict=True):
            self._write(block, suffix, each, types)
        unknown = sum(int(each.unknown.sum()) for each in cells.values())
        tally = Tally(block.rows, int(missing.sum()) - unknown, unknown)
        with written_whole(tally_of(self.parts, block.number)) as stream:
            stream.write(json.dumps(tally).encode())
        return tally

    def _with_unknown_values(
        self, frame: pd.DataFrame, cells: dict[str, Cells]
    ) -> dict[str, np.ndarray]:
        """Columns as plain values; values that do not occur in the sample are restored."""
        columns = {}
        for name, each in cells.items():
            values = frame[name].to_numpy()
            if each.unknown.any():
                values = values.astype(object)
                values[each.unknown] = each.unknown_values
            columns[name] = values
        return columns

    def _write(
        self,
        block: Block,
        suffix: str,
        values: dict[str, np.ndarray] | pd.DataFrame,
        types: Sequence[pa.DataType],
    ) -> None:
        arrays = {
            name: pa.array(np.asarray(values[name]), kind, from_pandas=True)
            for name, kind in zip(values, types, strict=True)
        }
        if self.with_rows:
            numbers = np.arange(block.start + 1, block.start + block.rows + 1)
            arrays = {"row in the table": pa.array(numbers), **arrays}
        table = pa.table(list(arrays.values()), list(arrays))
        content = io.BytesIO()
        if self.format == "parquet":
            pq.write_table(table, content)
        else:  # blocks are joined without change, so only the first has the names of the columns
            header = bool(self.folder) or block.number == 0
            content.write(table_bytes(table.to_pandas(), "csv", header=header))
        with written_whole(self._path(block.number, suffix)) as stream:
            stream.write(content.getvalue())

    def _path(self, number: int, suffix: str) -> str:
        if self.folder:
            return f"{with_suffix(self.folder, suffix)}part-{number:08}.{self.format}"
        return part_of(self.parts, number, suffix, self.format)


def suffixes(draws: int) -> list[str]:
    """Suffixes of the names of the completed tables: means, standard deviations, draws."""
    digits = max(2, len(str(draws)))
    return ["", "sd", *(f"{i:0{digits}}" for i in range(1, draws + 1))]


def with_suffix(out: str, suffix: str) -> str:
    """`out` with "-suffix" before its file extension."""
    folder, slash, name = out.removesuffix("/").rpartition("/")
    stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
    last = "/" if out.endswith("/") else ""
    return f"{folder}{slash}{stem}{suffix and '-'}{suffix}{dot}{extension}{last}"


def part_of(parts: str, number: int, suffix: str, format: Format) -> str:
    """The file of a block."""
    return f"{parts}/{number:08}{suffix and '-'}{suffix}.{format}"


def tally_of(parts: str, number: int) -> str:
    """The file that marks a block as done."""
    return f"{parts}/{number:08}.json"
