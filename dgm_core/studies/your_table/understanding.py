"""What a table is understood to be, column by column, and the table that a model then sees.

    plans = understood(reading)
    problems(plans, reading.every_row)        # sentences; empty if a model can be fitted
    table = modelled(plans, reading.every_row)

A column is modelled as numbers, which can have a constraint, or as levels, or it is left out. The
words of a constraint are those of `Constraint.parse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from dgm_core.data.reading import Reading
from dgm_core.estimators.constraints import Constraint, suggested

Kind = Literal["numbers", "levels", "left out"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_LEVELS = 50
"""Levels of a column, at most."""
ANY = "any"


class ColumnPlan(NamedTuple):
    """How one column is modelled."""

    name: str
    kind: Kind
    constraint: str = ANY  # of numbers, in words


def understood(reading: Reading) -> tuple[ColumnPlan, ...]:
    """The suggested plan of every column that was read."""
    plans = []
    for each in reading.columns:
        if each.kind == "numeric":
            words = suggested(each.name, reading.frame[each.name]).words or ANY
            plans.append(ColumnPlan(each.name, "numbers", words))
        else:
            plans.append(ColumnPlan(each.name, "levels"))
    return tuple(plans)


def problems(plans: Sequence[ColumnPlan], frame: pd.DataFrame) -> list[str]:
    """Sentences on what has to be changed before a model can be fitted.

    Args:
        plans: of columns of the frame.
        frame: what was read from the file.
    """
    found = [
        sentence for plan in plans if (sentence := _problem(plan, pd.Series(frame[plan.name])))
    ]
    used = [plan for plan in plans if plan.kind != "left out"]
    if len(used) < 2:
        found.append(
            "At least two columns have to be modelled, because each is completed from the others."
        )
    elif not found and not frame[[plan.name for plan in used]].isna().to_numpy().any():
        found.append(
            "No value is missing in the modelled columns, so there is nothing to complete."
        )
    return found


def modelled(plans: Sequence[ColumnPlan], frame: pd.DataFrame) -> pd.DataFrame:
    """The modelled columns: float64 for numbers, categories for levels; NaN = missing."""
    columns = {}
    for name, kind, _ in plans:
        values = frame[name]
        if kind == "numbers":
            columns[name] = values.astype(np.float64)
        elif kind == "levels":
            is_coded = isinstance(values.dtype, pd.CategoricalDtype)
            columns[name] = values if is_coded else values.astype("category")
    return pd.DataFrame(columns, frame.index)


def constraints(plans: Sequence[ColumnPlan]) -> dict[str, Constraint]:
    """Constraint of each column of numbers that has one."""
    found = {
        plan.name: Constraint.parse(plan.constraint) for plan in plans if plan.kind == "numbers"
    }
    return {name: each for name, each in found.items() if each != Constraint()}


def _problem(plan: ColumnPlan, values: pd.Series) -> str | None:
    if plan.kind == "left out":
        return None
    if plan.kind == "levels":
        count = values.nunique()
        if count > MOST_LEVELS:
            return (
                f"Column “{plan.name}” has {count:,} different values, but at most {MOST_LEVELS} "
                "levels are possible. Choose “numbers” or “left out”."
            )
        return None
    try:
        numbers = values.to_numpy(np.float64)
    except (TypeError, ValueError):
        return f"Column “{plan.name}” holds text. Choose “levels” or “left out”."
    try:
        constraint = Constraint.parse(plan.constraint)
    except ValueError as error:
        return f"The limits of column “{plan.name}” are not understood: {error}."
    wrong = numbers[constraint.illegal(numbers)]
    if len(wrong):
        count = "1 value" if len(wrong) == 1 else f"{len(wrong):,} values"
        return (
            f"Column “{plan.name}” has {count} outside “{plan.constraint}”, such as "
            f"{wrong[0]:g}. Widen its limits, or write “any”."
        )
    return None
