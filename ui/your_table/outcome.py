"""A finished completion with the table that it belongs to, in the forms that the page needs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dgm_core.studies.your_table import completion
from dgm_core.studies.your_table.completion import Config, Result
from dgm_core.studies.your_table.understanding import constraints, modelled
from ui.your_table.source import Given


@dataclass
class Outcome:
    """A completed table; what is derived from it is computed once."""

    given: Given
    config: Config
    result: Result
    _made: dict[Hashable, Any] = field(default_factory=dict)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The modelled columns, NaN = missing."""
        return modelled(self.config.columns, self.given.reading.every_row)

    @cached_property
    def draws(self) -> list[pd.DataFrame]:
        """Completed copies, each from a model of its own."""
        return completion.draws(self.table, self.result)

    @cached_property
    def completed(self) -> pd.DataFrame:
        """Means and most frequent levels."""
        return completion.completed(self.table, self.result, constraints(self.config.columns))

    @property
    def numbers(self) -> list[str]:
        """Columns of numbers."""
        return [plan.name for plan in self.config.columns if plan.kind == "numbers"]

    @property
    def imputed(self) -> list[str]:
        """Columns with imputed values."""
        return list(self.result.filled)

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of `make()`, computed once for each key; only few are kept."""
        try:
            return self._made[key]
        except KeyError:  # also if another visitor has just cleared the values
            value = make()
        if len(self._made) >= 20:
            self._made.clear()
        self._made[key] = value
        return value


def digits(values: np.ndarray) -> int:
    """Decimals that show about three digits of the spread of values."""
    spread = float(np.nanstd(values))
    if not (np.isfinite(spread) and spread > 0):
        return 2
    return int(np.clip(2 - np.floor(np.log10(spread)), 0, 6))


def figure_of(number: float) -> str:
    """A number to four figures, with separators of thousands."""
    return f"{float(f'{number:.4g}'):,.10g}"
