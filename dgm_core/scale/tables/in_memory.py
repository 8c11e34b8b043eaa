"""Filling in a long table that is in memory, in pieces on an engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd

from dgm_core.estimators import impute_table
from dgm_core.scale.engines import Engine, Tool

LONG = 50_000
"""Fewer rows are filled in by one process, because workers take seconds to start."""
PIECE = 2**13
"""Rows that a worker fills in at a time."""


@dataclass(frozen=True)
class PieceFiller:
    """The tool of a worker: fills in rows; the draws of a row depend only on its number."""

    imputer: impute_table.Imputer
    settings: impute_table.Settings

    def __call__(self, piece: tuple[int, pd.DataFrame]) -> impute_table.Filled:
        """Complete the rows of a frame that start at a number."""
        start, frame = piece
        if not frame.isna().to_numpy().any():
            return impute_table.as_it_is(frame, self.settings)
        numbers = range(start, start + len(frame))
        return impute_table.fill(self.imputer, frame, self.settings, list(numbers))


def filled(
    imputer: impute_table.Imputer,
    frame: pd.DataFrame,
    settings: impute_table.Settings,
    engine: Engine,
) -> impute_table.Filled:
    """`impute_table.fill` by all workers of an engine; their number does not change the result.

    Raises:
        WorkersLost: see `Engine.map`.
    """
    starts = range(0, len(frame), PIECE)
    pieces = [(start, frame.iloc[start : start + PIECE]) for start in starts]
    done = dict(engine.map(partial(_identity, PieceFiller(imputer, settings)), pieces))
    parts = [done[number] for number in range(len(pieces))]
    return impute_table.Filled(
        pd.concat([part.completed for part in parts]),
        pd.concat([part.sd for part in parts]),
        [pd.concat(each) for each in zip(*(part.draws for part in parts), strict=True)],
    )


def _identity(tool: PieceFiller) -> Tool:
    return tool
