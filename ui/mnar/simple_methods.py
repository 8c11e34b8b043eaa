"""Where the simple methods of this lab are computed, what they may use, and what to say about it.

They come from scikit-learn and cannot be stopped while they compute, so they run in child
processes. Those of small tables do not wait for those of large ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dgm_core.baselines.filling import Budget
from dgm_core.child_process import Pool
from ui.mnar.table_choice import Table

SMALL = 50_000
"""Rows × coded columns of a small table."""
ROWS, CELLS, COLUMNS = 5_000, 100_000, 100
MEMORY, SECONDS = 450 * 2**20, 90.0
_FOR_SMALL, _FOR_LARGE = Pool(1), Pool(1)


def budget(table: Table) -> Budget:
    """What a simple method may use for this table."""
    small = table.known.x.numel() <= SMALL
    return Budget(
        (_FOR_SMALL if small else _FOR_LARGE).steps,
        rows=ROWS,
        cells=CELLS,
        columns=COLUMNS,
        memory=MEMORY,
        seconds=SECONDS,
    )


def explain(table: Table, missed: Mapping[str, str], rows: int | None = None) -> None:
    """Sentences on the rows from which the simple methods learn, and on those not computed.

    Args:
        table: that they complete.
        missed: method → why it was not computed.
        rows: number of rows that are completed; None = all.
    """
    columns = table.known.x.shape[1]
    rows = len(table.known) if rows is None else rows
    allowed = budget(table)
    learned = allowed.learned_rows(rows, columns)
    sentences = []
    if learned < rows:
        sentences.append(
            f"All simple methods but the mean learn from {learned:,} of the {rows:,} rows, chosen "
            "at random."
        )
    if (predictors := allowed.learned_predictors(columns)) is not None:
        sentences.append(
            f"MICE and missForest regress each of the {columns:,} coded columns on {predictors} "
            "others."
        )
    sentences += [f"{name} {reason}" for name, reason in missed.items()]
    if sentences:
        st.caption(" ".join(sentences))
