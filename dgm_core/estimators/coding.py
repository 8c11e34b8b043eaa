"""Tables as rows of numbers, and back: numeric columns standardised, the others coded 0 and 1.

    coding = TableCoding.learn(table)
    rows = coding.encode(table)                # Masked, (N, D) float32
    coding.decode(completed, table)            # the table with its missing values filled in

A table is a numpy array or a pandas DataFrame; NaN, None and NA are missing. Its columns are

    numeric       numbers                         (x − mean) / sd of the observed values
    binary        booleans, or two levels         0 for the first level, 1 for the second
    categorical   any other number of levels      a one-hot block

Levels are the categories of a `category` column, otherwise the observed strings or objects in
alphabetical order. The columns of an array are numeric except those named in `categorical`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from dgm_core.distributions.columns import Binary, Categorical, Column, Numeric
from dgm_core.estimators.json_values import as_json, from_json
from dgm_core.types import Masked

Table = NDArray | pd.DataFrame
"""N rows; missing values are NaN, None or NA."""

NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal"}
LEVELS = {"string", "mixed", "mixed-integer", "bytes"}


class CodedColumn(NamedTuple):
    """The coding of one column."""

    name: Hashable  # in the table; the position in an array
    kind: Column
    location: float = 0.0  # mean and standard deviation of the observed values, if numeric
    scale: float = 1.0
    levels: tuple[Any, ...] = ()  # empty if numeric


@dataclass(frozen=True)
class TableCoding:
    """The coding of all columns of a table, learned from its observed values.

    Args:
        coded: the columns in the order of the table.

    Example:
        >>> table = pd.DataFrame({"age": [30.0, 50.0, np.nan], "city": ["Oslo", None, "Bergen"]})
        >>> coding = TableCoding.learn(table)
        >>> coding.encode(table).x
        tensor([[-1.,  1.],
                [ 1.,  0.],
                [ 0.,  0.]])
        >>> coding.decode(torch.tensor([[0.0, 0.2]] * 3), table).iloc[1:].values.tolist()
        [[50.0, 'Bergen'], [40.0, 'Bergen']]
    """

    coded: tuple[CodedColumn, ...]

    @classmethod
    def learn(cls, table: Table, categorical: Collection[Hashable] = ()) -> Self:
        """Learn kinds, levels, means and standard deviations from a table.

        Args:
            table: an array (N, columns) of numbers, or a DataFrame.
            categorical: names (positions for an array) of columns whose numbers are levels.

        Raises:
            ValueError: a column without any value, an infinite value, a column with neither
                numbers nor levels, or a name that is not in the table.
        """
        columns = list(_columns(table))
        names = [name for name, _ in columns]
        if unknown := [name for name in categorical if name not in names]:
            raise ValueError(f"expected categorical columns of the table, got {unknown}")
        if empty := [name for name, values in columns if values.isna().all()]:
            raise ValueError(f"expected a value in every column, found none in columns {empty}")
        return cls(tuple(_learned(name, values, name in categorical) for name, values in columns))

    @classmethod
    def from_json(cls, columns: list[dict[str, Any]]) -> Self:
        """The coding from the columns that `as_json` returned.

        Raises:
            ValueError: a level appears twice, or a number is not finite or not positive.
        """
        return cls(tuple(_from_json(each) for each in columns))

    def as_json(self) -> list[dict[str, Any]]:
        """The columns as values that `json` can write.

        Raises:
            ValueError: a name or a level has a type that cannot be saved.
        """
        return [
            {
                "name": as_json(each.name),
                "location": each.location,
                "scale": each.scale,
                "levels": [as_json(level) for level in each.levels],
            }
            for each in self.coded
        ]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Kinds of the columns, for `MixedLikelihood`."""
        return tuple(each.kind for each in self.coded)

    @property
    def all_numeric(self) -> bool:
        """Whether all columns are numeric, so that each entry of a row is a column."""
        return all(isinstance(kind, Numeric) for kind in self.columns)

    @property
    def width(self) -> int:
        """D, entries of a row."""
        return sum(kind.width for kind in self.columns)

    @property
    def column_of(self) -> NDArray:
        """Position of the column of each entry, (D,)."""
        return np.repeat(np.arange(len(self.coded)), [kind.width for kind in self.columns])

    @cached_property
    def location(self) -> NDArray:
        """Mean of each entry, (D,); 0 if it is not numeric."""
        return np.array([each.location for each in self.coded])[self.column_of]

    @cached_property
    def scale(self) -> NDArray:
        """Standard deviation of each entry, (D,); 1 if it is not numeric."""
        return np.array([each.scale for each in self.coded])[self.column_of]

    def entries_of(self, name: Hashable) -> slice:
        """The entries of a row for a column.

        Raises:
            ValueError: there is no such column.
        """
        names = [each.name for each in self.coded]
        if name not in names:
            raise ValueError(f"expected one of the columns {names}, got {name!r}")
        return self._entries[names.index(name)]

    def encode(self, table: Table) -> Masked:
        """Rows of numbers (N, D), float32, and which of them are observed.

        Raises:
            ValueError: another number of columns, an infinite value, or a level that was not
                learned (use the `category` dtype to declare the levels of a column).
        """
        rows = [
            _encoded(each, values)
            for each, (_, values) in zip(self.coded, self._columns(table), strict=True)
        ]
        x = torch.from_numpy(np.concatenate(rows, 1))
        return Masked(x.float(), ~x.isnan())

    def decode(self, rows: ArrayLike, original: Table) -> Table:
        """A copy of the table with its missing values filled in, of the same container type.

        Observed values stay the same, bit for bit. So do all dtypes, except that nullable integers
        with missing values become floats and arrays of integers become float64.

        Args:
            rows: completed rows (N, D). Binary and categorical columns may have draws or
                probabilities; the most probable level is chosen.
            original: the table that `encode` read.
        """
        rows = np.asarray(rows)
        filled = pd.DataFrame(original).copy()
        for j, (each, entries, (_, values)) in enumerate(
            zip(self.coded, self._entries, self._columns(original), strict=True)
        ):
            hidden = values.isna().to_numpy()
            if hidden.any():
                filled.isetitem(j, _filled(values, hidden, _decoded(each, rows[hidden, entries])))
        if isinstance(original, pd.DataFrame):
            return filled
        floating = np.issubdtype(original.dtype, np.floating)
        return filled.to_numpy(original.dtype if floating else np.float64)

    def decode_sd(self, mean: ArrayLike, variance: ArrayLike, original: Table) -> Table:
        """Standard deviations of the filled-in values, 0 for observed values.

        A numeric column has them in its own units, another column has √(p (1 − p)), where p is the
        probability of the filled-in level.

        Args:
            mean, variance: mean and variance of the entries, (N, D).
            original: the table that `encode` read.

        Returns:
            Floats (N, columns): an array, or a DataFrame with the index and columns of `original`.
        """
        mean, variance = np.asarray(mean, np.float64), np.asarray(variance, np.float64)
        spread = []
        for each, entries, (_, values) in zip(
            self.coded, self._entries, self._columns(original), strict=True
        ):
            likeliest = mean[:, entries].argmax(1)[:, None]
            chosen = np.take_along_axis(variance[:, entries], likeliest, 1)[:, 0]
            spread.append(each.scale * np.sqrt(np.where(values.isna(), chosen, 0.0)))
        sd = np.stack(spread, 1)
        if isinstance(original, pd.DataFrame):
            return pd.DataFrame(sd, index=original.index, columns=original.columns)
        return sd

    def log_scale(self, observed: torch.Tensor) -> NDArray:
        """Σ log scale over the observed entries (N, D) of each row: (N,).

        It is the log-density of standardised rows minus that of the data.
        """
        return observed.double().numpy() @ np.log(self.scale)

    @property
    def _entries(self) -> list[slice]:
        ends = np.cumsum([kind.width for kind in self.columns]).tolist()
        return [slice(end - kind.width, end) for end, kind in zip(ends, self.columns, strict=True)]

    def _columns(self, table: Table) -> list[tuple[Hashable, pd.Series]]:
        columns = list(_columns(table))
        if len(columns) != len(self.coded):
            raise ValueError(f"expected {len(self.coded)} columns, got {len(columns)}")
        return columns


def _columns(table: Table) -> Iterator[tuple[Hashable, pd.Series]]:
    yield from pd.DataFrame(table).items()


def _learned(name: Hashable, values: pd.Series, as_levels: bool) -> CodedColumn:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _with_levels(name, values.dtype.categories)
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "boolean":
        return _with_levels(name, (False, True))
    if kind in NUMBERS and not as_levels:
        numbers = _numbers(name, values)
        location, spread = float(np.nanmean(numbers)), float(np.nanstd(numbers))
        constant = spread <= 1e-12 * abs(location)
        return CodedColumn(name, Numeric(), location, 1.0 if constant else spread)
    if kind in NUMBERS | LEVELS:
        seen = values.dropna().unique().tolist()
        return _with_levels(name, sorted(seen, key=None if kind in NUMBERS else str))
    raise ValueError(
        f"expected numbers, booleans, strings or categories in column {name!r}, got {kind}"
    )


def _with_levels(name: Hashable, levels: Collection[Any]) -> CodedColumn:
    kind = Binary() if len(levels) == 2 else Categorical(len(levels))
    return CodedColumn(name, kind, levels=tuple(levels))


def _from_json(column: dict[str, Any]) -> CodedColumn:
    name, levels = from_json(column["name"]), [from_json(each) for each in column["levels"]]
    if len(set(levels)) < len(levels):
        raise ValueError(f"expected different levels in column {name!r}, got {levels}")
    if levels:
        return _with_levels(name, levels)
    location, scale = float(column["location"]), float(column["scale"])
    if not (math.isfinite(location) and math.isfinite(scale) and scale > 0):
        raise ValueError(
            f"expected a finite mean and a positive standard deviation of column {name!r}, "
            f"got {location} and {scale}"
        )
    return CodedColumn(name, Numeric(), location, scale)


def _numbers(name: Hashable, values: pd.Series) -> NDArray:
    """Float64, NaN if missing."""
    try:
        numbers = values.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected numbers in column {name!r}: {error}") from error
    if np.isinf(numbers).any():
        raise ValueError(
            f"expected finite numbers or missing values in column {name!r}, got infinity"
        )
    return numbers


def _encoded(column: CodedColumn, values: pd.Series) -> NDArray:
    """The entries of a column, (N, width), NaN if missing."""
    if not column.levels:
        return (_numbers(column.name, values)[:, None] - column.location) / column.scale
    hidden = values.isna().to_numpy()
    index = pd.Index(column.levels, dtype=object)
    codes = index.get_indexer(pd.Index(values.astype(object), dtype=object))
    if unknown := pd.Series(values[(codes < 0) & ~hidden]).unique().tolist():
        raise ValueError(
            f"expected one of the levels {list(column.levels)} in column {column.name!r}, "
            f"got {unknown}"
        )
    if isinstance(column.kind, Binary):
        return np.where(hidden, np.nan, codes)[:, None]
    return np.where(hidden[:, None], np.nan, np.eye(len(index))[codes])


def _decoded(column: CodedColumn, entries: NDArray) -> NDArray:
    """Values (n,) of a column from its entries (n, width)."""
    if not column.levels:
        return column.location + column.scale * entries[:, 0].astype(np.float64)
    binary = isinstance(column.kind, Binary)
    codes = (entries[:, 0] > 0.5).astype(int) if binary else entries.argmax(1)
    levels = np.empty(len(column.levels), dtype=object)
    levels[:] = column.levels
    return levels[codes]


def _filled(values: pd.Series, hidden: NDArray, fill: NDArray) -> pd.Series:
    """`values` with `fill` where they are missing, of the same dtype if possible."""
    if pd.api.types.is_integer_dtype(values.dtype):
        values = values.astype("Float64")
    filled = values.copy()
    filled.iloc[np.flatnonzero(hidden)] = pd.array(fill, dtype=values.dtype)
    return filled
