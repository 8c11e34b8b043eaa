"""Units of values in figures: standard deviations, or those of an uploaded table."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import numpy as np

Values = TypeVar("Values", float, np.ndarray)
MOST_DECIMALS = 6


class Units(NamedTuple):
    """A value in these units is location + scale × standardised value."""

    location: float = 0.0
    scale: float = 1.0
    name: str = "SD"
    decimals: int = 2

    def of(self, standardised: Values) -> Values:
        """Standardised values in these units."""
        return self.location + self.scale * standardised


STANDARD = Units()


def units_of(values: np.ndarray, location: float, scale: float) -> Units:
    """Units of a column of data, with as many decimals as its values.

    Args:
        values: observed values of the column.
        location, scale: its mean and standard deviation. At least two digits of the standard
            deviation are shown.
    """
    texts = (f"{value:.{MOST_DECIMALS}f}".rstrip("0") for value in values[np.isfinite(values)])
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    decimals = max(decimals, 1 - math.floor(math.log10(scale)))
    return Units(location, scale, "", min(decimals, MOST_DECIMALS))
