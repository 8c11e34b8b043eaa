"""One block: read, filled in, written."""

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
    """What there was in a block, or in all of them."""

    rows: int = 0
    filled: int = 0  # cells
    strange: int = 0  # cells with a value that the sample lacks

    def __add__(self, other: tuple[int, ...]) -> Tally:
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Filler:
    """The tool of a worker.

    Args:
        imputer: fitted.
        url: the Parquet file.
        columns: what it holds.
        settings: of the imputer.
        parts: the folder for what is written, to be put together.
        format: of it.
        with_rows: put the number of each row, from 1, into a first column.
        folder: where completed tables stay as they are, if not there; ends in a slash.
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
        """Write the block's completed tables, then its tally, which says that they are there."""
        table = cells_of(self.url, block)
        cells = {column.name: read(column, table) for column in self.columns}
        numbers = np.arange(block.start, block.start + block.rows)
        frame = pd.DataFrame({name: each.values for name, each in cells.items()}, index=numbers)
        if frame.isna().any(axis=None):
            filled = impute_table.fill(self.imputer, frame, self.settings, numbers)
        else:
            filled = impute_table.as_it_is(frame, self.settings)
        kept = [self._as_given(each, cells) for each in (filled.completed, *filled.draws)]
        sd = filled.sd.astype(np.float64)
        for name, each in cells.items():
            sd.loc[numbers[each.strange], name] = 0.0
        types = [column.type for column in self.columns]
        self._write(block, "", kept[0], types)
        self._write(block, "sd", sd, [pa.float64()] * len(types))
        for mark, each in zip(marks(self.settings.draws)[2:], kept[1:], strict=True):
            self._write(block, mark, each, types)
        strange = sum(int(each.strange.sum()) for each in cells.values())
        tally = Tally(block.rows, int(frame.isna().to_numpy().sum()) - strange, strange)
        with written_whole(tally_of(self.parts, block.number)) as stream:
            stream.write(json.dumps(tally).encode())
        return tally

    def _as_given(self, frame: pd.DataFrame, cells: dict[str, Cells]) -> dict[str, np.ndarray]:
        """Columns as plain values, strange ones put back."""
        found = {}
        for name, each in cells.items():
            values = frame[name].to_numpy()
            if each.strange.any():
                values = values.astype(object)
                values[each.strange] = each.given
            found[name] = values
        return found

    def _write(
        self,
        block: Block,
        mark: str,
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
        else:  # parts to be put together make a file as they are: names stand in the first
            header = bool(self.folder) or block.number == 0
            content.write(table_bytes(table.to_pandas(), "csv", header=header))
        with written_whole(self._path(block.number, mark)) as stream:
            stream.write(content.getvalue())

    def _path(self, number: int, mark: str) -> str:
        if self.folder:
            return f"{marked(self.folder, mark)}part-{number:08}.{self.format}"
        return part_of(self.parts, number, mark, self.format)


def marks(draws: int) -> list[str]:
    """What the names of the completed tables end in: means, standard deviations, draws."""
    digits = max(2, len(str(draws)))
    return ["", "sd", *(f"{i:0{digits}}" for i in range(1, draws + 1))]


def marked(out: str, mark: str) -> str:
    """`out` with a mark at the end of its name, before what tells the format."""
    folder, slash, name = out.removesuffix("/").rpartition("/")
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    last = "/" if out.endswith("/") else ""
    return f"{folder}{slash}{stem}{mark and '-'}{mark}{dot}{ending}{last}"


def part_of(parts: str, number: int, mark: str, format: Format) -> str:
    """The file of a block."""
    return f"{parts}/{number:08}{mark and '-'}{mark}.{format}"


def tally_of(parts: str, number: int) -> str:
    """The file that says that a block is done."""
    return f"{parts}/{number:08}.json"
