"""What a report is made from; every part is optional but the table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from dgm_core.inference.calibration import Calibration
from dgm_core.inference.choice import Result
from dgm_core.inference.defects import Cells
from dgm_core.inference.pooling import Coefficients, Pooled
from dgm_core.inference.sensitivity import Point


class Analysis(NamedTuple):
    """An analysis of the completed tables beside that of the complete rows."""

    title: str  # such as "income ~ age + town"
    pooled: Pooled
    complete: Coefficients | None  # None = too few complete rows
    rows: tuple[int, int]  # complete ones, and all


class Sensitivity(NamedTuple):
    """A pooled number along an assumption about a column."""

    column: Hashable  # by which imputed values are shifted, or that decides what is missing
    quantity: str  # such as "mean of income"
    points: Sequence[Point]
    parameter: int = 0  # which coefficient of the analysis
    value: float = 0.0  # the conclusion turns where the interval begins or ceases to contain it
    draws: int = 0  # that are re-weighted by the strength of a mechanism; 0 = shifted by δ


class Repeat(NamedTuple):
    """How to make the report again."""

    command: str
    versions: Mapping[str, str]
    seed: int


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that a report can show.

    Attributes:
        name: of the table.
        columns: reports of the reader (`Reading.columns`); none = made from the table.
        constraints: column → which values were allowed, in the words of `Constraint.words`.
        remarks: of the reader.
        cells: of the file, see `defects.cells_of`.
        notes: further sentences about what was read, such as samples of rows.
        scores: methods compared on hidden cells.
        calibration: of the draws of the method that completed the table.
        method: name of this method, see `assumptions.METHODS`.
        reason: why it was chosen, as a sentence.
        assumed: the mechanism that not-MIWAE assumes, as a clause; empty = it takes no part.
        draws: completed tables; their index is a part of that of the table.
        means: analyses of the means of columns.
        regressions: analyses with several coefficients.
        sensitivity: pooled numbers along shifts.
        mechanisms: pooled numbers along strengths of a mechanism.
        cautions: sentences about the fitted method.
        repeat: how to make the report again.
    """

    name: str = "Table"
    columns: Sequence[Any] = ()
    constraints: Mapping[Hashable, str] = field(default_factory=dict)
    remarks: Sequence[Any] = ()
    cells: Cells | None = None
    notes: Sequence[str] = ()
    scores: Result | None = None
    calibration: Calibration | None = None
    method: str | None = None
    reason: str = ""
    assumed: str = ""
    draws: Sequence[pd.DataFrame] = ()
    means: Sequence[Analysis] = ()
    regressions: Sequence[Analysis] = ()
    sensitivity: Sequence[Sensitivity] = ()
    mechanisms: Sequence[Sensitivity] = ()
    cautions: Sequence[str] = ()
    repeat: Repeat | None = None
