"""A table, the values removed from it, and what is known about why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st
import torch

from dgm_core.missing.amputation import Amputation, Problem, ampute
from dgm_core.missing.constant_rates import log_prob_at_constant_rates
from dgm_core.studies.mnar.side_by_side import GRID, checked
from ui.mnar.table_choice import Table


@dataclass(frozen=True, eq=False)
class MaskedTable:
    """A table and the mechanism that the visitor chose for it."""

    table: Table
    plan: Amputation | None  # None = only the table's own missing cells

    @cached_property
    def problem(self) -> Problem:
        """The table with the chosen values removed."""
        return ampute(self.table.known, self.plan)

    @cached_property
    def error(self) -> str | None:
        """One sentence on why no model can be trained on it; None if one can."""
        try:
            checked(self.problem)
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def shown_entries(self) -> list[int]:
        """Entries of a row that figures may show: numeric ones with missing values.

        Levels of categorical columns if no numeric column has missing values.
        """
        numeric = set(self.table.numeric.values())
        losing = self.problem.masked.losing
        return [d for d in losing if d in numeric] or losing

    @property
    def names(self) -> list[str]:
        """Names of `shown_entries`."""
        return [self.table.entries[d] for d in self.shown_entries]

    def curve_index(self, entry: int) -> int:
        """Index of an entry among all that have missing values: the order of the curves."""
        return self.problem.masked.losing.index(entry)

    def observed_values(self, entry: int) -> np.ndarray:
        """Observed values of an entry."""
        masked = self.problem.masked
        return masked.x[masked.observed[:, entry], entry].numpy()

    @cached_property
    def constant_rates(self) -> float:
        """Log-probability of the mask at one constant rate per column, nats per row."""
        column_of = torch.as_tensor(self.table.coding.column_of)
        return log_prob_at_constant_rates(self.problem.masked.observed, column_of)

    @property
    def missing_rate(self) -> float:
        """Fraction of cells that are missing; a categorical cell counts once."""
        _, first = np.unique(self.table.coding.column_of, return_index=True)
        return 1 - self.problem.masked.observed[:, first].double().mean().item()

    def true_curve(self, entry: int) -> np.ndarray | None:
        """P(missing | value) of an entry on `GRID`, the others at their mean; None if unknown."""
        process = self.problem.process
        return None if process is None else process.curve(entry, GRID).numpy()


def masked_table(table: Table, plan: Amputation | None) -> MaskedTable:
    """The session's `MaskedTable`; values are removed again only if the table or plan changes."""
    found = st.session_state.get("masked table")
    if found is None or found.table is not table or found.plan != plan:
        found = st.session_state["masked table"] = MaskedTable(table, plan)
    return found
