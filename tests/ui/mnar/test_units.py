"""Units of figures: an uploaded table keeps its own, with as many digits as its data."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ui.mnar.small_run import table
from ui.mnar.table_choice import st_table
from ui.mnar.units import STANDARD, units_of


def test_an_uploaded_table_is_shown_in_its_own_units() -> None:
    mine = table()
    units = mine.units(mine.numeric["age"])
    age = mine.frame["age"]
    assert (units.name, units.decimals) == ("", 2)
    assert units.of(0.0) == pytest.approx(age.mean())
    assert units.of(1.0) == pytest.approx(age.mean() + age.std(ddof=0))
    last_level = len(mine.entries) - 1
    assert mine.units(last_level) is STANDARD


def test_other_tables_are_shown_in_standard_deviations() -> None:
    assert st_table("wine").units(0) is STANDARD


@pytest.mark.parametrize(
    ("values", "scale", "decimals"),
    [
        ([30.0, 41.0, np.nan], 12.0, 0),
        ([1.0, 2.0, 3.0], 0.8, 2),
        ([1.25, 2.5], 20.0, 2),
        ([0.1 + 0.2, 0.1], 0.1, 2),
        ([1e-9, 2e-9], 1e-9, 6),
    ],
)
def test_decimals_are_those_of_the_data(values: list, scale: float, decimals: int) -> None:
    assert units_of(np.array(values), 0.0, scale).decimals == decimals
