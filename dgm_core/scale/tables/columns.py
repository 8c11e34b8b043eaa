"""Columns of a table as learned from a sample, and the cells of a block read accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from dgm_core.data.reading import Reading, UnreadableTable, understand
from dgm_core.data.reading.columns import LARGEST, Missing, figures, floats, trimmed
from dgm_core.data.reading.parquet import is_text, plain, raw_of, usable_columns
from dgm_core.data.reading.remarks import Remarks, quoted
from dgm_core.data.reading.styles import Style
from dgm_core.scale.tables.blocks import UNREAD, Block, cells_of

SAMPLED_BLOCKS = 32
"""Largest number of blocks from which the sample is drawn."""


class LearnedColumn(NamedTuple):
    """Name, position and type of a column, learned from the sample."""

    name: str
    style: Style  # its position, and how its cells are written
    levels: tuple[Any, ...] = ()  # strings, bools or numbers; empty for a numeric column
    missing: tuple[str, ...] = ()  # further spellings of a missing value


class Cells(NamedTuple):
    """The N cells of a column in a block."""

    values: np.ndarray | pd.Categorical  # input of the model; NaN if missing
    unknown: np.ndarray  # bool: the cell has a value that does not occur in the sample
    unknown_values: np.ndarray  # object: the values of these cells


def sample(
    url: str,
    blocks: Sequence[Block],
    rows: int,
    seed: int,
    *,
    decimal_comma: bool,
    missing: tuple[str, ...] = (),
) -> tuple[Reading, list[LearnedColumn]]:
    """A sample of rows from the whole file, and its columns.

    Args:
        url: a Parquet file.
        blocks: all of its blocks.
        rows: largest number of rows, drawn without replacement from up to `SAMPLED_BLOCKS` blocks.
        seed: seed of the draw.
        decimal_comma: whether "1,5" may mean one and a half.
        missing: further spellings of a missing value.

    Raises:
        UnreadableTable: no column can be used.
    """
    rng, remarks = np.random.default_rng(seed), Remarks()
    whole = sum(block.rows for block in blocks) <= rows
    chosen = blocks
    if not whole and len(blocks) > SAMPLED_BLOCKS:
        drawn_blocks = rng.choice(len(blocks), SAMPLED_BLOCKS, replace=False)
        chosen = [blocks[i] for i in sorted(drawn_blocks)]
    available = sum(block.rows for block in chosen)
    drawn = np.sort(rng.choice(available, min(rows, available), replace=False))
    parts, numbers, start = [], [], 0
    for block in chosen:
        in_block = drawn[(drawn >= start) & (drawn < start + block.rows)] - start
        parts.append(cells_of(url, block).take(in_block))
        numbers.append(in_block + block.start + 1)
        start += block.rows
    table = pa.concat_tables(parts)
    if UNREAD in table.schema.names:
        table = table.drop_columns(UNREAD)
    columns = usable_columns(table, remarks)
    if not columns:
        raise UnreadableTable(f"No column of {quoted(url)} has numbers or text.")
    raw = raw_of(columns, np.concatenate(numbers))._replace(decimal_comma=decimal_comma)
    reading = understand(raw, quoted(url), remarks, missing)
    learned = [
        LearnedColumn(name, style, _levels(pd.Series(reading.frame[name])), missing)
        for name, *_, style in reading.columns
    ]
    return reading, learned


def _levels(values: pd.Series) -> tuple[Any, ...]:
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return ()
    return tuple(values.cat.categories.tolist())


def read(column: LearnedColumn, table: pa.Table) -> Cells:
    """The cells of a column in a block.

    Raises:
        UnreadableTable: the column of the block has neither numbers nor text.
    """
    cells = plain(table.column(column.style.position))
    if cells is None:
        raise UnreadableTable(f"The column {quoted(column.name)} changes its type in the file.")
    if not column.levels:
        numbers = _numbers(cells, column)
        return Cells(numbers, np.zeros(len(numbers), bool), np.zeros(0, object))
    values = _values(cells, column)
    index = pd.Index(column.levels, dtype=object)
    codes = index.get_indexer(pd.Index(values, dtype=object))
    unknown = (codes < 0) & ~pd.isna(values)
    return Cells(pd.Categorical.from_codes(codes, list(column.levels)), unknown, values[unknown])


def _values(cells: pa.ChunkedArray, column: LearnedColumn) -> np.ndarray:
    """Strings, bools or numbers, as the levels are; None or NaN if missing: object (N,)."""
    first = column.levels[0]
    if isinstance(first, str):
        texts, codes = trimmed(cells.cast(pa.string()))
        values = np.array(texts.to_pylist(), object)
        values[Missing(column.missing).texts(texts)] = None
        return values[codes]
    if isinstance(first, bool):
        return np.array(cells.to_pylist(), object)
    return _numbers(cells, column).astype(object)


def _numbers(cells: pa.ChunkedArray, column: LearnedColumn) -> np.ndarray:
    """float64 (N,); NaN if there is no number, or one that is too large to compute with."""
    if not (is_text(cells.type) or pa.types.is_dictionary(cells.type)):
        values = floats(cells)
    else:
        texts, codes = trimmed(cells)
        style = column.style
        _, meaning = figures(texts, decimal_comma=style.decimal_comma, grouped=style.grouped)
        values = meaning[codes]
    values[(np.abs(values) > LARGEST) | Missing(column.missing).numbers(values)] = np.nan
    return values
