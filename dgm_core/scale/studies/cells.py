"""Sweeps of many independent cells, on an engine, which go on where they were after a kill.

    for done in cells.run(my_cells, partial(Tool, model), engine("ray"), journal, (sha,)):
        ...

A cell is a frozen value that says all its result depends on, its seed too, but for what the tool
brings along. Results are plain JSON: numbers, texts, lists and dicts. Each is written to the
journal when it is there, under a hash of the cell; `forget` removes what a table has taken in.
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

    place: int  # among the cells
    cell: Any
    result: Any
    before: bool  # by an earlier run, out of the journal
    share: float  # of all cells that are done

    def sentence(self) -> str:
        """One line for a terminal."""
        return f"{self.cell}: done{' before' if self.before else ''} ({self.share:.0%} of all)"


def run(
    cells: Sequence[Any],
    make: Callable[[], Tool],
    engine: Engine,
    journal: Path | None = None,
    depends: Sequence[str] = (),
) -> Iterator[Done]:
    """Cells as they are done; first those in the journal, then the others in any order.

    Args:
        cells: frozen and picklable, each with a `repr` of its own.
        make: of what turns a cell into a result; picklable.
        engine: where.
        journal: a folder; None = nothing is kept.
        depends: on what else all results depend, SHA-256 of the weights for one.

    Raises:
        WorkersLost: as `Engine.map`; and what the tool raises.
    """
    found = {
        place: result
        for place, cell in enumerate(cells)
        if journal is not None and (result := _read(_entry(journal, cell, depends))) is not None
    }
    for number, (place, result) in enumerate(found.items(), 1):
        yield Done(place, cells[place], result, True, number / len(cells))
    left = [place for place in range(len(cells)) if place not in found]
    done = engine.map(make, [cells[place] for place in left])
    for number, (at, result) in enumerate(done, len(found) + 1):
        text = json.dumps(result)
        cell = cells[left[at]]
        if journal is not None:
            _write(_entry(journal, cell, depends), text)
        yield Done(left[at], cell, json.loads(text), False, number / len(cells))


class Group(NamedTuple):
    """Cells that belong together, and all before them, are done."""

    place: int  # among the groups
    results: list[Any]  # in the order of its cells


def run_groups(
    groups: Sequence[Sequence[Any]],
    make: Callable[[], Tool],
    engine: Engine,
    journal: Path | None = None,
    depends: Sequence[str] = (),
) -> Iterator[Done | Group]:
    """Cells as they are done, and groups in their order, whatever that of the cells.

    Args:
        groups: of cells, each in one group; a group without any is done as soon as those before.
        make, engine, journal, depends: as of `run`.

    Raises:
        WorkersLost: as `Engine.map`; and what the tool raises.
    """
    every = [cell for group in groups for cell in group]
    results: dict[Any, Any] = {}
    place = 0
    for done in chain([None], run(every, make, engine, journal, depends)):
        if done is not None:
            yield done
            results[done.cell] = done.result
        while place < len(groups) and results.keys() >= set(groups[place]):
            yield Group(place, [results.pop(cell) for cell in groups[place]])
            place += 1


def forget(cells: Sequence[Any], journal: Path | None, depends: Sequence[str] = ()) -> None:
    """Remove these cells from the journal, so that the next sweep measures anew."""
    if journal is not None:
        for cell in cells:
            _entry(journal, cell, depends).unlink(missing_ok=True)


def _entry(journal: Path, cell: Any, depends: Sequence[str]) -> Path:
    words = "\n".join((*depends, repr(cell)))
    return journal / f"{hashlib.sha256(words.encode()).hexdigest()}.json"


def _write(entry: Path, text: str) -> None:
    with written_whole(entry) as part:
        part.write_text(f"{_digest(text)}\n{text}\n", encoding="utf-8")


def _read(entry: Path) -> Any:
    """What is there; None where nothing is, or something broken, which is then done again."""
    try:
        digest, text, _ = entry.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return None
    return json.loads(text) if digest == _digest(text) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
