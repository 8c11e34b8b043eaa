"""A table with missing cells and every kind of column, and a short run on it."""

from __future__ import annotations

from functools import cache

import numpy as np

from dgm_core.data.reading import read_table
from dgm_core.missing.amputation import Amputation
from dgm_core.studies.mnar import side_by_side
from ui.mnar.masked_table import MaskedTable
from ui.mnar.table_choice import Table, table_of

ROWS = 60
PLAN = Amputation("self-masking", (0, 1), "low", threshold=-0.5, strength=10.0, seed=1)
FORMULA = "=HYPERLINK(A1)"


def csv() -> bytes:
    """Two columns of numbers, one of two levels, one of three, one named like a formula."""
    draw = np.random.default_rng(0)
    lines = [f"age,height,smokes,{FORMULA},blood"]
    for row in range(ROWS):
        a, b = draw.standard_normal(2)
        cells = [f"{50 + 10 * a:.2f}", f"{1.7 + 0.1 * (a + b):.4f}", "no" if a < 0 else "yes"]
        cells += ["+1+1" if row % 3 else "@SUM(A1)", ["A", "B", "0"][row % 3]]
        if row % 4 == 0:
            cells[row // 4 % 5] = ""
        lines.append(",".join(cells))
    return "\n".join(lines).encode()


@cache
def table() -> Table:
    """The table as an upload."""
    return table_of("0123456789abcdef", "mine.csv", read_table(csv(), "mine.csv").frame, None)


@cache
def finished(
    plan: Amputation | None, assumed: str | None = side_by_side.KNOWN
) -> tuple[MaskedTable, side_by_side.Config, tuple]:
    """Table and mechanism, settings, and all that a run on them yields."""
    data = MaskedTable(table(), plan)
    config = side_by_side.Config(table().name, plan, assumed, steps=6, samples=30, frames=3)
    return data, config, tuple(side_by_side.run(config, table().known, table().columns))
