"""How a column writes its numbers and levels, so that completed cells look like observed ones.

>>> prices = style_of(0, pa.array(["1,234.50", "99.00"]), np.array([1234.5, 99.0]), grouped=True)
>>> prices.text(4321.98764)
'4,321.9876'
>>> style_of(0, pa.array(["7", "12"]), np.array([7.0, 12.0])).text(9.6)
'10'
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

pc: Any = pyarrow.compute

_PARTS = r"^[^.eE]*(?:[.](?P<digits>[0-9]*))?(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?$"
_MOST_DECIMALS = 17
_MOST_DIGITS = 15
"""Numbers of more digits are not rounded: a float has hardly more."""
_LARGEST_INTEGER = 2.0**53


class Style(NamedTuple):
    """How the numbers and levels of a column are written in its file."""

    position: int  # of the column in the file, from 0
    whole: bool = False  # all numbers are whole
    decimals: int = _MOST_DECIMALS  # largest number of digits after the decimal mark
    decimal_comma: bool = False
    grouped: bool = False  # "1,234.5", or "1.234,5" with a decimal comma
    exponent: bool = False  # "1e-3"
    spellings: tuple[tuple[float, str], ...] = ()  # of the values of a binary column of numbers

    def rounded(self, values: NDArray) -> NDArray:
        """Numbers with the resolution of the column and two more digits; whole if it is whole."""
        digits = 0 if self.whole else self.decimals + 2
        return values if digits > _MOST_DIGITS else np.round(values, digits) + 0.0  # no −0

    def text(self, value: Any) -> str:
        """A level or a number, as the column would write it."""
        if isinstance(value, str):
            return value
        if spelled := dict(self.spellings).get(value):
            return spelled
        number = float(self.rounded(np.asarray(value, np.float64)))
        if self.whole and abs(number) < _LARGEST_INTEGER and not self.exponent:
            text = f"{number:{',' if self.grouped else ''}.{self.decimals}f}"
        else:
            text = f"{number:{',' if self.grouped else ''}}"
            if "e" in text and not self.exponent:
                text = np.format_float_positional(number, trim="0")
        return self._with_marks(text)

    def kind(self, values: NDArray) -> pa.DataType:
        """The type of numbers or levels that were read from texts: int64, float64 or string."""
        if not pd.api.types.is_numeric_dtype(values.dtype):
            return pa.string()
        small = not len(values) or np.nanmax(np.abs(values)) < _LARGEST_INTEGER
        return pa.int64() if self.whole and small else pa.float64()

    def _with_marks(self, text: str) -> str:
        return text.translate({44: ".", 46: ","}) if self.decimal_comma else text


def deviation_text(value: float, *, decimal_comma: bool) -> str:
    """A standard deviation to six digits, in a file with or without decimal commas."""
    text = f"{value:.6g}" if value else "0"
    return text.replace(".", ",") if decimal_comma else text


def style_of(
    position: int,
    numbers: pa.StringArray | None,
    values: NDArray,
    *,
    decimal_comma: bool = False,
    grouped: bool = False,
) -> Style:
    """The style of a column of numbers.

    Args:
        position: of the column in its file.
        numbers: texts of its numbers, with decimal points; None = the file stores numbers.
        values: its numbers, in any order; NaN = missing.
        decimal_comma, grouped: see `Style`.
    """
    seen = values[np.isfinite(values)]
    whole = bool((seen == np.round(seen)).all())
    if numbers is None:
        return Style(position, whole, 0 if whole else _MOST_DECIMALS)
    parts = pc.extract_regex(numbers, _PARTS).drop_null()
    digits, exponents = pc.struct_field(parts, 0), pc.struct_field(parts, 1)
    exponent = bool(len(parts)) and pc.any(pc.not_equal(exponents, "")).as_py()
    decimals = pc.max(pc.utf8_length(digits)).as_py() or 0
    if exponent:
        pairs = zip(digits.to_pylist(), exponents.to_pylist(), strict=True)
        decimals = max(len(digit) - int(power or 0) for digit, power in pairs)
    decimals = min(max(decimals, 0), _MOST_DECIMALS)
    return Style(position, whole, decimals, decimal_comma, grouped, exponent)
