"""The tabular study of not-MIWAE as cells: one table, and the methods that share training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from torch import Tensor

from dgm_core import data
from dgm_core.evaluation import mnar_protocol
from dgm_core.evaluation.mnar_protocol import METHODS, Config, Row
from dgm_core.scale.engines import Engine
from dgm_core.scale.studies import cells
from dgm_core.scale.studies.cells import Done
from dgm_core.studies.progress import Frame


@dataclass(frozen=True)
class Cell:
    """One table, and methods that share their linear models."""

    config: Config

    def __str__(self) -> str:
        return f"{self.config.tables[0]}, {' and '.join(self.config.methods)}"


class Measure:
    """Cell → the fields of its rows."""

    def __init__(self, tables: Mapping[str, Tensor]) -> None:
        self.tables = tables

    def __call__(self, cell: Cell) -> list[dict[str, Any]]:
        (table,) = cell.config.tables
        items = mnar_protocol.run_table(cell.config, table, self.tables[table])
        return [item._asdict() for item in items if isinstance(item, Row)]


def cells_of(config: Config) -> list[Cell]:
    """Cells that train nothing twice."""
    groups: dict[Any, list[str]] = {}
    for name in config.methods:
        method = METHODS.get(name)
        linear = method and mnar_protocol.linear_part(method)
        groups.setdefault(linear or name, []).append(name)
    return [
        Cell(replace(config, tables=(table,), methods=tuple(methods)))
        for table in config.tables
        for methods in groups.values()
    ]


def run(
    config: Config, engine: Engine, journal: Path | None = None
) -> Iterator[Frame | Done | Row]:
    """The rows of `mnar_protocol.run` in the same order, each as soon as all before it are done.

    Cells are removed from the journal after the last row, so the next run measures everything
    again.

    Raises:
        WorkersLost: see `Engine.map`.
    """
    available: dict[str, Tensor] = {}
    for table in config.tables:
        try:
            available[table] = mnar_protocol.standardised(table)
        except data.DataUnavailable:
            yield Frame(f"{table} is not here", 0.0)
    config = replace(config, tables=tuple(available))
    all_cells = cells_of(config)
    waiting = [(table, method) for table in config.tables for method in config.methods]
    rows: dict[tuple[str, str], Row] = {}
    for done in chain([None], cells.run(all_cells, partial(Measure, available), engine, journal)):
        if done is not None:
            yield done
            for fields in done.result:
                row = Row(**{name: _tuple(value) for name, value in fields.items()})
                rows[row.table, row.method] = row
        while waiting and waiting[0] in rows:
            yield rows[waiting.pop(0)]
    cells.forget(all_cells, journal)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
