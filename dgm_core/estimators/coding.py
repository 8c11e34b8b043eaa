"""Tables as rows of numbers, and back: numeric columns standardised, the others coded 0 and 1.

    coding = TableCoding.learn(table)
    rows = coding.encode(table)                # Masked, (N, D) float32
    coding.decode(completed, table)            # the table with its missing values filled in

A table is a numpy array or a pandas DataFrame; NaN, None and NA are missing. Its columns are

    numeric       numbers                         (u − mean) / sd of the observed values
    binary        booleans, or two levels         0 for the first level, 1 for the second
    categorical   any other number of levels      a one-hot block

where u is x itself, or its image on the line if the column has a constraint (see `constraints`).
Levels are the categories of a `category` column, otherwise the observed strings or objects in
alphabetical order. The columns of an array are numeric except those named in `categorical`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from dgm_core.distributions.columns import Binary, Categorical, Column, Numeric
from dgm_core.estimators.constraints import Constraint, Line, constraints_of
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
    line: Line | None = None  # of a numeric column with a constraint


Constraints = Mapping[Hashable, Constraint | str] | Literal["suggested"] | None
"""Name of a column → its constraint or the words of one; "suggested" for all; None = none."""


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
    def learn(
        cls,
        table: Table,
        categorical: Collection[Hashable] = (),
        constraints: Constraints = None,
    ) -> Self:
        """Learn kinds, levels, means and standard deviations from a table.

        Args:
            table: an array (N, columns) of numbers, or a DataFrame.
            categorical: names (positions for an array) of columns whose numbers are levels.
            constraints: which values numeric columns can have.

        Raises:
            ValueError: a column without any value, an infinite value, a column with neither
                numbers nor levels, a name that is not in the table, or a value that its
                constraint does not allow.
        """
        columns = list(_columns(table))
        names = [name for name, _ in columns]
        if unknown := [name for name in categorical if name not in names]:
            raise ValueError(f"expected categorical columns of the table, got {unknown}")
        if empty := [name for name, values in columns if values.isna().all()]:
            raise ValueError(f"expected a value in every column, found none in columns {empty}")
        coded = [_learned(name, values, name in categorical) for name, values in columns]
        if constraints is None:
            return cls(tuple(coded))
        numbers = {
            each.name: _numbers(each.name, values)
            for each, (_, values) in zip(coded, columns, strict=True)
            if not each.levels
        }
        limits = constraints_of(constraints, numbers)
        return cls(
            tuple(
                _constrained(each, limits[each.name], numbers[each.name])
                if each.name in limits
                else each
                for each in coded
            )
        )

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
                **_line_as_json(each.line),
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

    @property
    def constraints(self) -> dict[Hashable, Constraint]:
        """Constraint of each column that has one."""
        return {each.name: each.line.constraint for each in self.coded if each.line}

    def standardised(self, name: Hashable, values: ArrayLike) -> torch.Tensor:
        """Values of a numeric column as a model sees them, in the shape of `values`, float64.

        Raises:
            ValueError: there is no such column.
        """
        entry = self.entries_of(name).start
        column = self.coded[self.column_of[entry]]
        return torch.from_numpy(_on_line(column, np.asarray(values, np.float64)))

    def to_values(self, rows: torch.Tensor) -> torch.Tensor:
        """Coded rows (…, D) with the entries of constrained columns in the units of the column."""
        return self._mapped(rows, lambda each, x: each.line.to_values(_u(each, x)))

    def of_values(self, rows: torch.Tensor) -> torch.Tensor:
        """The inverse of `to_values`."""
        return self._mapped(
            rows, lambda each, x: (each.line.of_values(x) - each.location) / each.scale
        )

    def _mapped(self, rows: torch.Tensor, change: Any) -> torch.Tensor:
        if not self.constraints:
            return rows
        rows = rows.clone()
        for each, entries in zip(self.coded, self._entries, strict=True):
            if each.line:
                rows[..., entries] = change(each, rows[..., entries])
        return rows

    def encode(self, table: Table, dtype: torch.dtype = torch.float32) -> Masked:
        """Rows of numbers (N, D), and which of them are observed.

        Raises:
            ValueError: another number of columns, an infinite value, or a level that was not
                learned (use the `category` dtype to declare the levels of a column).
        """
        rows = [
            _encoded(each, values)
            for each, (_, values) in zip(self.coded, self._columns(table), strict=True)
        ]
        x = torch.from_numpy(np.concatenate(rows, 1))
        return Masked(x.to(dtype), ~x.isnan())

    def decode(self, rows: ArrayLike, original: Table) -> Table:
        """A copy of the table with its missing values filled in, of the same container type.

        Observed values stay the same, bit for bit, and the others are allowed by the constraint
        of their column. Dtypes stay the same too, except that nullable integers with missing
        values become floats, unless they are constrained to integers, and arrays of integers
        become float64.

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
                fill = _decoded(each, rows[hidden, entries])
                whole = each.line is not None and each.line.constraint.integer
                filled.isetitem(j, _filled(values, hidden, fill, whole))
        if isinstance(original, pd.DataFrame):
            return filled
        floating = np.issubdtype(original.dtype, np.floating)
        return filled.to_numpy(original.dtype if floating else np.float64)

    def decode_draws(self, drawn: Iterable[ArrayLike], original: Table) -> Any:
        """Several completions (n, N, D) of one table: a list of DataFrames, or one array."""
        if isinstance(original, pd.DataFrame):
            return [self.decode(rows, original) for rows in drawn]
        floating = np.issubdtype(original.dtype, np.floating)
        tables = np.stack([np.asarray(rows) for rows in drawn])
        out = np.repeat(original[None], len(tables), 0).astype(
            original.dtype if floating else np.float64
        )
        for j, (each, entries) in enumerate(zip(self.coded, self._entries, strict=True)):
            hidden = np.isnan(out[0, :, j])
            chosen = tables[:, hidden, entries]
            fill = _decoded(each, chosen.reshape(-1, chosen.shape[2]))
            out[:, hidden, j] = fill.reshape(chosen.shape[:2])
        return out

    def decode_sd(self, mean: ArrayLike, variance: ArrayLike, original: Table) -> Table:
        """Standard deviations of the filled-in values, 0 for observed values.

        A numeric column has them in its own units, another column has √(p (1 − p)), where p is the
        probability of the filled-in level.

        Args:
            mean, variance: mean and variance of the entries, (N, D); the variance of a
                constrained column is in its own units.
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
            scale = 1.0 if each.line else each.scale
            spread.append(scale * np.sqrt(np.where(values.isna(), chosen, 0.0)))
        sd = np.stack(spread, 1)
        if isinstance(original, pd.DataFrame):
            return pd.DataFrame(sd, index=original.index, columns=original.columns)
        return sd

    def probabilities(self, mean: ArrayLike, original: Table) -> dict[Hashable, pd.DataFrame]:
        """Probabilities of the levels of each column that has levels: name → (N, levels).

        The rows sum to 1. An observed cell has probability 1 at its level.

        Args:
            mean: means of the entries, (N, D); they are cut off at 0 and 1.
            original: the table that `encode` read.
        """
        p = np.asarray(mean, np.float64).clip(0, 1)
        index = original.index if isinstance(original, pd.DataFrame) else None
        known, found = self.encode(original, torch.float64), {}
        for each, entries in zip(self.coded, self._entries, strict=True):
            if each.levels:
                seen = known.observed[:, entries].numpy()
                block = np.where(seen, known.x[:, entries].numpy(), p[:, entries])
                if isinstance(each.kind, Binary):
                    block = np.concatenate([1 - block, block], 1)
                total = block.sum(1, keepdims=True)
                block = np.where(total > 0, block / np.maximum(total, 1e-300), 1 / block.shape[1])
                found[each.name] = pd.DataFrame(block, index, list(each.levels))
        return found

    def log_scale(self, rows: Masked) -> NDArray:
        """log-density of coded rows (N, D) minus that of the data, (N,), nats.

        It is Σ log dx/dv over the observed entries, where v is the coded value of x. Whole
        numbers count as if they were continuous.
        """
        x, observed = rows.x.double(), rows.observed
        slope = torch.from_numpy(np.log(self.scale)).expand_as(x).clone()
        for each, entries in zip(self.coded, self._entries, strict=True):
            if each.line:
                slope[:, entries] += each.line.log_slope(_u(each, x[:, entries]))
        return torch.where(observed, slope, 0).sum(1).numpy()

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


def _constrained(column: CodedColumn, constraint: Constraint, numbers: NDArray) -> CodedColumn:
    line = Line.learn(column.name, constraint, numbers)
    u = line.of_values(torch.tensor(numbers)).numpy()
    location, spread = float(np.nanmean(u)), float(np.nanstd(u))
    constant = spread <= 1e-12 * abs(location)
    return column._replace(location=location, scale=1.0 if constant else spread, line=line)


def _line_as_json(line: Line | None) -> dict[str, Any]:
    if line is None:
        return {}
    return {"line": {**asdict(line.constraint), "margin": line.margin, "spread": line.spread}}


def _line_from_json(column: dict[str, Any]) -> Line | None:
    if "line" not in column:
        return None
    facts = dict(column["line"])
    margin, spread = float(facts.pop("margin")), float(facts.pop("spread"))
    if not (math.isfinite(margin) and margin >= 0 and math.isfinite(spread) and spread > 0):
        raise ValueError(f"expected a margin ≥ 0 and a spread > 0, got {margin} and {spread}")
    return Line(Constraint(**facts), margin, spread)


def _u(column: CodedColumn, x: torch.Tensor) -> torch.Tensor:
    """The place on the line of standardised values."""
    return column.location + column.scale * x


def _on_line(column: CodedColumn, numbers: NDArray) -> NDArray:
    """Standardised values of a numeric column."""
    if column.line:
        numbers = column.line.of_values(torch.tensor(numbers)).numpy()
    return (numbers - column.location) / column.scale


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
    return CodedColumn(name, Numeric(), location, scale, line=_line_from_json(column))


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
        return _on_line(column, _numbers(column.name, values))[:, None]
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
        u = column.location + column.scale * entries[:, 0].astype(np.float64)
        if column.line:
            u = column.line.to_values(torch.tensor(u)).numpy()
            u = column.line.constraint.nearest(u)
        return u
    binary = isinstance(column.kind, Binary)
    codes = (entries[:, 0] > 0.5).astype(int) if binary else entries.argmax(1)
    levels = np.empty(len(column.levels), dtype=object)
    levels[:] = column.levels
    return levels[codes]


def _filled(values: pd.Series, hidden: NDArray, fill: NDArray, whole: bool) -> pd.Series:
    """`values` with `fill` where they are missing, of the same dtype if possible."""
    if pd.api.types.is_integer_dtype(values.dtype) and not whole:
        values = values.astype("Float64")
    filled = values.copy()
    filled.iloc[np.flatnonzero(hidden)] = pd.array(fill, dtype=values.dtype)
    return filled
