"""Studies of many independent cells on an engine, which resume after an interruption.

    for done in cells.run(my_cells, partial(Tool, model), engine("ray"), journal, (sha,)):
        ...

A cell is a frozen value with everything that its result depends on, including the seed, apart from
the data of the tool. Results are plain JSON: numbers, strings, lists and dicts. Each is written to
the journal as soon as it is ready, under a hash of the cell. `forget` removes results that have
been written to a table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from dgm_core.files import written_whole
from dgm_core.scale.engines import Engine, Tool


class Done(NamedTuple):
    """A cell that is done."""

    number: int  # of the cell, from 0
    cell: Any
    result: Any
    from_journal: bool  # done by an earlier run
    fraction: float  # of all cells that are done

    def sentence(self) -> str:
        """One line for a terminal."""
        source = " by an earlier run" if self.from_journal else ""
        return f"{self.cell}: done{source} ({100 * self.fraction:.0f} % of all)"


def run(
    cells: Sequence[Any],
    make: Callable[[], Tool],
    engine: Engine,
    journal: Path | None = None,
    depends: Sequence[str] = (),
) -> Iterator[Done]:
    """Results of cells: first those in the journal, then the others as soon as they are done.

    Args:
        cells: frozen and picklable, each with its own `repr`.
        make: makes the tool that computes the result of a cell; picklable.
        engine: runs the cells.
        journal: a folder for results; None = results are not stored.
        depends: what else all results depend on, such as the SHA-256 of the weights.

    Raises:
        WorkersLost: see `Engine.map`. Exceptions of the tool are raised too.
    """
    found = {
        index: result
        for index, cell in enumerate(cells)
        if journal is not None and (result := _read(_entry(journal, cell, depends))) is not None
    }
    for number, (index, result) in enumerate(found.items(), 1):
        yield Done(index, cells[index], result, True, number / len(cells))
    remaining = [index for index in range(len(cells)) if index not in found]
    results = engine.map(make, [cells[index] for index in remaining])
    for number, (position, result) in enumerate(results, len(found) + 1):
        index, text = remaining[position], json.dumps(result)
        if journal is not None:
            _write(_entry(journal, cells[index], depends), text)
        yield Done(index, cells[index], json.loads(text), False, number / len(cells))


class Group(NamedTuple):
    """A group whose cells are done, as are all groups before it."""

    number: int  # of the group, from 0
    results: list[Any]  # in the order of its cells


def run_groups(
    groups: Sequence[Sequence[Any]],
    make: Callable[[], Tool],
    engine: Engine,
    journal: Path | None = None,
    depends: Sequence[str] = (),
) -> Iterator[Done | Group]:
    """Results of cells as soon as they are done, and groups in their order.

    Args:
        groups: groups of cells, each cell in one group. An empty group is done as soon as the
            groups before it.
        make, engine, journal, depends: see `run`.

    Raises:
        WorkersLost: see `Engine.map`. Exceptions of the tool are raised too.
    """
    all_cells = [cell for group in groups for cell in group]
    results: dict[Any, Any] = {}
    index = 0
    for done in chain([None], run(all_cells, make, engine, journal, depends)):
        if done is not None:
            yield done
            results[done.cell] = done.result
        while index < len(groups) and results.keys() >= set(groups[index]):
            yield Group(index, [results.pop(cell) for cell in groups[index]])
            index += 1


def forget(cells: Sequence[Any], journal: Path | None, depends: Sequence[str] = ()) -> None:
    """Remove these cells from the journal, so that the next run measures them again."""
    if journal is not None:
        for cell in cells:
            _entry(journal, cell, depends).unlink(missing_ok=True)


def _entry(journal: Path, cell: Any, depends: Sequence[str]) -> Path:
    key = "\n".join((*depends, repr(cell)))
    return journal / f"{_digest(key)}.json"


def _write(entry: Path, text: str) -> None:
    with written_whole(entry) as part:
        part.write_text(f"{_digest(text)}\n{text}\n", encoding="utf-8")


def _read(entry: Path) -> Any:
    """The stored result; None if there is none or it is damaged, so that it is computed again."""
    try:
        digest, text, _ = entry.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return None
    return json.loads(text) if digest == _digest(text) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
