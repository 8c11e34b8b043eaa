"""Which values a numeric column can have, and the line on which a model sees them.

A model of a table has Gaussian columns. A column that has bounds, or only whole numbers, is
therefore mapped to the whole line before it is standardised, and its imputations are mapped back:

    constraint                   u of a value x                     x of u
    none, or integer only        x                                  u
    minimum a, on a log scale    log(x − a')                        a' + eᵘ
    minimum a                    a' + s log(exp((x − a')/s) − 1)    its inverse
    maximum b                    the same, mirrored
    minimum a and maximum b      log((x − a') / (b' − x))           a' + (b' − a') σ(u)

with a' = a − m, b' = b + m and s the standard deviation of the column. Far from the bound, the
third map is the identity. Values of x between a' and a count as a, and a whole number stands for
all that rounds to it. So m, the margin, is ½ for integers. For other numbers it is half of the
smallest difference of two observed values, but at least 1 % of s; on a log scale it is 0.

The likelihood is that of the mapped column, so no imputation is cut off afterwards.

    >>> Constraint.parse("integer, 0:120")
    Constraint(minimum=0.0, maximum=120.0, integer=True, log=False)
    >>> suggested("visits", np.array([0, 0, 1, 1, 2, 9.0])).words
    'integer, 0:, log'
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import softplus

LEAST_MARGIN = 0.01
"""Least margin of a bound, in standard deviations of the column."""
FEW_VALUES = 10
"""An integer column with at most so many different values is suggested to have bounds."""
SKEWED = 1.0
"""Skewness above which a log scale is suggested, if it makes the column less skewed."""

_COUNT = re.compile(r"(^|_|\b)(n|num|number|count|counts|visits|children)(_|\b|$)", re.I)
_SHARE = re.compile(r"%|percent|proportion|fraction|share|prob|rate", re.I)


@dataclass(frozen=True)
class Constraint:
    """Which values a numeric column can have.

    Args:
        minimum, maximum: bounds, which belong to the allowed values; None = none.
        integer: whole numbers only.
        log: the model sees the logarithm of the distance from `minimum`, for skewed columns.
            Numbers that are not integers must then be larger than `minimum`.

    Raises:
        ValueError: bounds that are not finite or not in order, or a log scale without a minimum
            or with a maximum.
    """

    minimum: float | None = None
    maximum: float | None = None
    integer: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        low, high = self.minimum, self.maximum
        if not all(math.isfinite(bound) for bound in (low, high) if bound is not None):
            raise ValueError(f"expected finite bounds, got {low} and {high}")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"expected a minimum below the maximum, got {low} and {high}")
        if self.log and (low is None or high is not None):
            raise ValueError("expected a minimum and no maximum on a log scale")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The constraint from words and a range, such as "integer, 0:120" or "positive".

        The words are "any", "integer", "log", "positive" (log, above 0), "count" (integer, log,
        from 0) and "proportion" (0:1). A range may leave out one of its ends.

        Raises:
            ValueError: an unknown word, or a contradiction.
        """
        given: dict[str, Any] = {}
        for word in filter(None, re.split(r"[,\s]+", text.strip().lower())):
            if ":" in word:
                ends = word.split(":")
                try:
                    low, high = (float(end) if end else None for end in ends)
                except ValueError:
                    raise ValueError(f"expected a range such as 0:120, got {word!r}") from None
                given |= {"minimum": low, "maximum": high}
            elif word in WORDS:
                given |= WORDS[word]
            else:
                raise ValueError(f"expected words among {', '.join(WORDS)}, got {word!r}")
        return cls(**given)

    @property
    def words(self) -> str:
        """What the constraint is, as a text that `parse` reads.

        It is never "count", because a log scale also suits integers that count nothing, such as
        incomes.
        """
        given = {
            name: value
            for name, value in asdict(self).items()
            if value is not None and value is not False
        }
        for word, fields in WORDS.items():
            if given == fields and word != "count":
                return word
        low, high = ("" if end is None else f"{end:g}" for end in (self.minimum, self.maximum))
        bounds = f"{low}:{high}" if low or high else ""
        parts = ["integer" if self.integer else "", bounds, "log" if self.log else ""]
        return ", ".join(filter(None, parts))

    def illegal(self, values: ArrayLike) -> NDArray:
        """Which values are not allowed, bool; NaN is allowed."""
        x = np.asarray(values, np.float64)
        wrong = np.zeros(x.shape, bool)
        if self.minimum is not None:
            open_end = self.log and not self.integer
            wrong |= (x <= self.minimum) if open_end else (x < self.minimum)
        if self.maximum is not None:
            wrong |= x > self.maximum
        if self.integer:
            wrong |= x != np.rint(x)
        return wrong & ~np.isnan(x)

    def nearest(self, values: NDArray) -> NDArray:
        """The nearest allowed values."""
        x = np.rint(values) if self.integer else values
        low = self.minimum
        if low is not None and self.log and not self.integer:
            low = np.nextafter(low, np.inf)
        return x if low is None and self.maximum is None else np.clip(x, low, self.maximum)


WORDS: dict[str, dict[str, Any]] = {
    "any": {},
    "integer": {"integer": True},
    "log": {"log": True},
    "positive": {"minimum": 0.0, "log": True},
    "count": {"minimum": 0.0, "integer": True, "log": True},
    "proportion": {"minimum": 0.0, "maximum": 1.0},
}
"""Word of `Constraint.parse` → fields."""


class Line(NamedTuple):
    """The map of the values of one column to the whole line, and back."""

    constraint: Constraint
    margin: float = 0.0  # m
    spread: float = 1.0  # s

    @classmethod
    def learn(cls, name: Hashable, constraint: Constraint, values: NDArray) -> Self:
        """The line of a column with these values, (N,), NaN if missing.

        Raises:
            ValueError: an observed value is not allowed.
        """
        wrong = values[constraint.illegal(values)]
        if len(wrong):
            raise ValueError(
                f"expected values of column {name!r} to be {constraint.words!r}, got {wrong[0]:g}"
                + (f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else "")
            )
        seen = np.unique(values[~np.isnan(values)])
        spread = float(np.nanstd(values)) or 1.0
        gap = float(np.diff(seen).min()) / 2 if len(seen) > 1 else 0.0
        margin = 0.5 if constraint.integer else max(gap, LEAST_MARGIN * spread)
        return cls(
            constraint, 0.0 if constraint.log and not constraint.integer else margin, spread
        )

    @property
    def kind(self) -> Literal["identity", "log", "minimum", "maximum", "both"]:
        """Which of the maps it is."""
        low, high = self.constraint.minimum is not None, self.constraint.maximum is not None
        if self.constraint.log:
            return "log"
        return "both" if low and high else "minimum" if low else "maximum" if high else "identity"

    @property
    def low(self) -> float:
        """a'."""
        return (
            -math.inf
            if self.constraint.minimum is None
            else (self.constraint.minimum - self.margin)
        )

    @property
    def high(self) -> float:
        """b'."""
        return (
            math.inf
            if self.constraint.maximum is None
            else (self.constraint.maximum + self.margin)
        )

    def of_values(self, x: Tensor) -> Tensor:
        """u of values x; a value beyond a bound counts as the bound."""
        s = self.spread
        x = (
            x.clamp(self.constraint.minimum, self.constraint.maximum)
            if self.kind != "identity"
            else x
        )
        match self.kind:
            case "log":
                return (x - self.low).clamp_min(_tiny(x)).log()
            case "minimum":
                return self.low + s * _inverse_softplus((x - self.low) / s)
            case "maximum":
                return self.high - s * _inverse_softplus((self.high - x) / s)
            case "both":
                p = (x - self.low) / (self.high - self.low)
                return torch.logit(p, eps=torch.finfo(p.dtype).eps)
        return x

    def to_values(self, u: Tensor) -> Tensor:
        """x of u, not rounded to the nearest allowed value."""
        s = self.spread
        match self.kind:
            case "log":
                return self.low + u.clamp_max(50.0).exp()
            case "minimum":
                return self.low + s * softplus((u - self.low) / s)
            case "maximum":
                return self.high - s * softplus((self.high - u) / s)
            case "both":
                return self.low + (self.high - self.low) * torch.sigmoid(u)
        return u

    def log_slope(self, u: Tensor) -> Tensor:
        """log dx/du."""
        match self.kind:
            case "log":
                return u
            case "minimum":
                return -softplus((self.low - u) / self.spread)
            case "maximum":
                return -softplus((u - self.high) / self.spread)
            case "both":
                return math.log(self.high - self.low) - softplus(u) - softplus(-u)
        return torch.zeros_like(u)


def suggested(name: Hashable, values: ArrayLike) -> Constraint:
    """A constraint that fits the observed values and the name of a column.

    Whole numbers stay whole. A column without negative values gets the minimum 0, and a log scale
    if it is skewed to the right and its logarithm is less so. A name like "share" or "%" suggests
    a proportion. Integers with few different values get their smallest and largest as bounds.
    """
    x = np.asarray(values, np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return Constraint()
    low, high = float(x.min()), float(x.max())
    integer = bool((x == np.rint(x)).all())
    if _SHARE.search(str(name)) and low >= 0 and high <= 100 and not (integer and high <= 1):
        return Constraint(0.0, 1.0 if high <= 1 else 100.0, integer)
    if low < 0:
        return Constraint(integer=integer)
    logarithm = np.log(x + 0.5) if integer else np.log(x[x > 0])
    right = _skewness(x)
    skewed = right > SKEWED and abs(_skewness(logarithm)) < right
    if integer:
        if _COUNT.search(str(name)) or (skewed and low <= 1):
            return Constraint(0.0, None, integer=True, log=True)
        if len(np.unique(x)) <= FEW_VALUES:
            return Constraint(low, high, integer=True) if low < high else Constraint(integer=True)
    return Constraint(0.0, None, integer, skewed and (integer or low > 0))


def constraints_of(
    given: Mapping[Hashable, Constraint | str] | Literal["suggested"] | None,
    columns: Mapping[Hashable, NDArray],
) -> dict[Hashable, Constraint]:
    """Constraint of each numeric column that has one.

    Args:
        given: name → constraint, or the words of one; "suggested"; None = none.
        columns: name → values of each numeric column, NaN if missing.

    Raises:
        ValueError: a name that is not a numeric column, or words that cannot be read.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        if given != "suggested":
            raise ValueError(f"expected constraints by name, or 'suggested', got {given!r}")
        found = {name: suggested(name, values) for name, values in columns.items()}
    else:
        if unknown := [name for name in given if name not in columns]:
            raise ValueError(f"expected constraints of numeric columns, got {unknown}")
        found = {
            name: Constraint.parse(each) if isinstance(each, str) else each
            for name, each in given.items()
        }
    return {name: each for name, each in found.items() if each != Constraint()}


def _skewness(x: NDArray) -> float:
    spread = x.std() if len(x) else 0.0
    return float((((x - x.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def _inverse_softplus(y: Tensor) -> Tensor:
    """log(eʸ − 1)."""
    y = y.clamp_min(_tiny(y))
    return y + torch.log(-torch.expm1(-y))


def _tiny(x: Tensor) -> float:
    return torch.finfo(x.dtype).tiny ** 0.5
