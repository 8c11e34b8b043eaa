"""What a sample teaches of a table's columns, and how the cells of a block are read by that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dgm_core.data.reading import Reading, UnreadableTable, understand
from dgm_core.data.reading.columns import (
    LARGEST,
    figures,
    floats,
    has_decimal_commas,
    mask,
    trimmed,
)
from dgm_core.data.reading.numerals import MISSING
from dgm_core.data.reading.parquet import is_text, plain, raw_of, usable_columns
from dgm_core.data.reading.remarks import Remarks, quoted
from dgm_core.scale.tables.blocks import Block, cells_of

SAMPLED_BLOCKS = 32
"""From so many blocks, at most, the sample is taken."""


class LearnedColumn(NamedTuple):
    """What a column is, by the sample."""

    place: int  # in the file
    name: str
    levels: tuple[Any, ...] = ()  # texts, bools or numbers; none: the column is numeric
    decimal_comma: bool = False  # "1,5" is one and a half, and "1.234" no number

    @property
    def type(self) -> pa.DataType:
        """As it is written."""
        if self.levels and isinstance(self.levels[0], str):
            return pa.string()
        return pa.bool_() if self.levels and isinstance(self.levels[0], bool) else pa.float64()


class Cells(NamedTuple):
    """The cells of a column in a block, N of them."""

    values: np.ndarray | pd.Categorical  # missing: NaN; as the model reads them
    strange: np.ndarray  # bool: it has a value, which the sample lacks
    given: np.ndarray  # object: the value of the strange ones


def sample(
    url: str, blocks: Sequence[Block], rows: int, seed: int, *, decimal_comma: bool
) -> tuple[Reading, list[LearnedColumn]]:
    """A table of at most so many rows, drawn over the whole file, and what it teaches.

    Args:
        url: a Parquet file.
        blocks: all of its blocks.
        rows: drawn without replacement from up to `SAMPLED_BLOCKS` blocks; all, if that is all.
        seed: of the draw.
        decimal_comma: may "1,5" be one and a half?

    Raises:
        UnreadableTable: no column can be used.
    """
    rng, remarks = np.random.default_rng(seed), Remarks()
    whole = sum(block.rows for block in blocks) <= rows
    chosen = blocks
    if not whole and len(blocks) > SAMPLED_BLOCKS:
        at = rng.choice(len(blocks), SAMPLED_BLOCKS, replace=False)
        chosen = [blocks[i] for i in sorted(at)]
    available = sum(block.rows for block in chosen)
    take = np.sort(rng.choice(available, min(rows, available), replace=False))
    parts, numbers, passed = [], [], 0
    for block in chosen:
        mine = take[(take >= passed) & (take < passed + block.rows)] - passed
        parts.append(cells_of(url, block).take(mine))
        numbers.append(mine + block.start + 1)
        passed += block.rows
    table = pa.concat_tables(parts)
    columns = usable_columns(table, remarks)
    if not columns:
        raise UnreadableTable(f"No column of {quoted(url)} holds numbers or text.")
    raw = raw_of(columns, np.concatenate(numbers))._replace(decimal_comma=decimal_comma)
    reading = understand(raw, quoted(url), remarks)
    kept = [column for column in columns if column.name in reading.frame]
    return reading, [
        LearnedColumn(
            column.place,
            column.name,
            _levels(reading.frame[column.name]),
            decimal_comma and has_decimal_commas(column.cells),
        )
        for column in kept
    ]


def _levels(values: pd.Series) -> tuple[Any, ...]:
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return ()
    return tuple(values.cat.categories.tolist())


def read(column: LearnedColumn, table: pa.Table) -> Cells:
    """The cells of a column in a block.

    Raises:
        UnreadableTable: the block's column holds neither numbers nor text.
    """
    cells = plain(table.column(column.place))
    if cells is None:
        raise UnreadableTable(f"The column {quoted(column.name)} changes its type in the file.")
    if not column.levels:
        numbers = _numbers(cells, column.decimal_comma)
        return Cells(numbers, np.zeros(len(numbers), bool), np.zeros(0, object))
    values = _values(cells, column)
    index = pd.Index(column.levels, dtype=object)
    codes = index.get_indexer(pd.Index(values, dtype=object))
    strange = (codes < 0) & ~pd.isna(values)
    return Cells(pd.Categorical.from_codes(codes, list(column.levels)), strange, values[strange])


def _values(cells: pa.ChunkedArray, column: LearnedColumn) -> np.ndarray:
    """Texts, bools or numbers as the levels are, None or NaN where missing: object (N,)."""
    first = column.levels[0]
    if isinstance(first, str):
        texts, codes = trimmed(cells.cast(pa.string()))
        missing = mask(pc.is_in(pc.utf8_lower(texts), pa.array(MISSING)))
        known = np.array(texts.to_pylist(), object)
        known[missing] = None
        return known[codes]
    if isinstance(first, bool):
        return np.array(cells.to_pylist(), object)
    return _numbers(cells, column.decimal_comma).astype(object)


def _numbers(cells: pa.ChunkedArray, decimal_comma: bool) -> np.ndarray:
    """float64 (N,); NaN where there is no number, or one too large to compute with."""
    if not (is_text(cells.type) or pa.types.is_dictionary(cells.type)):
        values = floats(cells)
    else:
        texts, codes = trimmed(cells)
        _, meaning = figures(texts, decimal_comma=decimal_comma)
        values = meaning[codes]
    values[np.abs(values) > LARGEST] = np.nan
    return values
