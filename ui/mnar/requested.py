"""What the controls of the lab ask for: a table, and what is removed of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dgm_core.missing.amputation import Amputation, Problem, ampute
from dgm_core.studies.mnar.side_by_side import GRID, checked
from ui.mnar.table_choice import Table


@dataclass(frozen=True, eq=False)
class Asked:
    """A table and a mechanism."""

    table: Table
    plan: Amputation | None  # None = the table's own holes

    @cached_property
    def problem(self) -> Problem:
        """What is left of the table."""
        return ampute(self.table.known, self.plan)

    @cached_property
    def complaint(self) -> str | None:
        """Why nothing can be learned of it, in a sentence; None if something can."""
        try:
            checked(self.problem)
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def shown(self) -> list[int]:
        """The entries that figures may show: numeric ones with holes; levels if there are none."""
        numeric = set(self.table.numeric.values())
        return [d for d in self.problem.losing if d in numeric] or self.problem.losing

    @property
    def names(self) -> list[str]:
        """Of the entries `shown`."""
        return [self.table.entries[d] for d in self.shown]

    def place(self, entry: int) -> int:
        """Where an entry stands among all that have holes, as curves come."""
        return self.problem.losing.index(entry)

    def seen(self, entry: int) -> np.ndarray:
        """The values of an entry that are left."""
        masked = self.problem.masked
        return masked.x[masked.observed[:, entry], entry].numpy()

    @property
    def rate(self) -> float:
        """The share of cells that is missing; a cell of levels is one, however many entries."""
        _, first = np.unique(self.table.coding.column_of, return_index=True)
        return 1 - self.problem.masked.observed[:, first].double().mean().item()

    def true_curve(self, entry: int) -> np.ndarray | None:
        """P(missing | value) of an entry on `GRID`, the others at their mean; None if unknown."""
        process = self.problem.process
        return None if process is None else process.curve(entry, GRID).numpy()
