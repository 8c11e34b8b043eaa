"""not-MIWAE's study of tables as cells: one table, the methods that begin with one training."""

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
    """A study of one table and of methods that share their linear models."""

    config: Config

    def __str__(self) -> str:
        return f"{self.config.tables[0]}, {' and '.join(self.config.methods)}"


class Measure:
    """Cell → the fields of its rows."""

    def __init__(self, tables: Mapping[str, Tensor]) -> None:
        self.tables = tables

    def __call__(self, cell: Cell) -> list[dict[str, Any]]:
        (table,) = cell.config.tables
        items = mnar_protocol.of_table(cell.config, table, self.tables[table])
        return [item._asdict() for item in items if isinstance(item, Row)]


def cells_of(config: Config) -> list[Cell]:
    """What can be measured apart, with nothing trained twice."""
    groups: dict[Any, list[str]] = {}
    for name in config.methods:
        method = METHODS.get(name)
        begins = method and (method.networks, method.process, method.learning_rate)
        groups.setdefault(begins or name, []).append(name)
    return [
        Cell(replace(config, tables=(table,), methods=tuple(methods)))
        for table in config.tables
        for methods in groups.values()
    ]


def run(config: Config, engine: Engine, journal: Path | None = None) -> Iterator[Done | Row]:
    """Rows as of `protocol.run`, in its order, each when all before it are there.

    A cell leaves the journal when its rows have been taken; a sweep that is run again to its end
    measures all anew.

    Raises:
        WorkersLost: as `Engine.map`.
    """
    here: dict[str, Tensor] = {}
    for table in config.tables:
        try:
            here[table] = mnar_protocol.standardised(table)
        except data.DataUnavailable:
            yield Frame(f"{table} is not here", 0.0)
    config = replace(config, tables=tuple(here))
    every = cells_of(config)
    waiting = [(table, method) for table in config.tables for method in config.methods]
    rows: dict[tuple[str, str], Row] = {}
    for done in chain([None], cells.run(every, partial(Measure, here), engine, journal)):
        if done is not None:
            yield done
            for fields in done.result:
                row = Row(**{name: _tuple(value) for name, value in fields.items()})
                rows[row.table, row.method] = row
        while waiting and waiting[0] in rows:
            yield rows[waiting.pop(0)]
    cells.forget(every, journal)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
