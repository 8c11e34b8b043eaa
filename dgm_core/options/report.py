"""What the user of `dgm report` asks for; checked before anything is computed.

>>> regression_of("income ~ age + town", ["age", "income", "town"], ["age", "income"])
Regression(target='income', features=('age', 'town'))
>>> shifts_of(["income=0,-0.5,-1sd"], ["income"])
{'income': (Shift(size=0.0, in_sd=False), Shift(size=-0.5, in_sd=False), Shift(size=-1.0, in_sd=True))}
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dgm_core.options.impute import ASSUMPTIONS, check_process

WITHOUT_DRAWS = ("mean", "kNN")
AT_RANDOM = (*WITHOUT_DRAWS, "norm", "PMM", "CART", "MFA", "MIWAE")
"""The methods of `dgm_core.inference.choice`."""
ASSUMED = "not-MIWAE"
"""The method that assumes a mechanism; it takes part only with a process."""
METHODS = (*AT_RANDOM, ASSUMED)
STRONGEST = 10
"""Largest strength of a mechanism, in log-odds per standard deviation."""
FEWEST = 30
"""Values that a column needs in the sample of rows."""


class Regression(NamedTuple):
    """A linear regression to pool."""

    target: str
    features: tuple[str, ...]

    @property
    def title(self) -> str:
        """It as a formula."""
        return f"{self.target} ~ {' + '.join(self.features)}"


class Shift(NamedTuple):
    """A shift δ of what was imputed."""

    size: float
    in_sd: bool  # in standard deviations of the observed values, not in units of the column


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to compute.

    Attributes:
        methods: names in `METHODS` to compare; none = a choice by the number of columns.
        model: the method that completes the table; None = `ASSUMED` with a process, otherwise the
            best one that gives draws.
        process: one of `ASSUMPTIONS`, which `ASSUMED` then learns; it is compared as well.
        draws: m, number of completed tables.
        rows: most rows on which the table is completed and analysed.
        regression: to pool.
        shifts: column → shifts δ; none = those with most missing values, by up to 1 SD.
        strengths: column → strengths of a mechanism, in log-odds of being missing per SD.
        seed: of all random numbers.

    Raises:
        ValueError: an unknown name, a method twice, a model without draws, `ASSUMED` without a
            process or with strengths, fewer than two draws, or too few rows.
    """

    methods: tuple[str, ...] = ()
    model: str | None = None
    process: str | None = None
    draws: int = 20
    rows: int = 5_000
    regression: Regression | None = None
    shifts: Mapping[str, Sequence[Shift]] = field(default_factory=dict)
    strengths: Mapping[str, Sequence[float]] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (*self.methods, *filter(None, [self.model])):
            if name not in METHODS:
                raise ValueError(f"expected a method among {', '.join(METHODS)}, got {name!r}")
            check_process(name, self.process)
        if self.process not in (None, *ASSUMPTIONS):
            raise ValueError(
                f"expected a process among {', '.join(ASSUMPTIONS)}, got {self.process!r}"
            )
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"expected different methods, got {', '.join(self.methods)}")
        if self.model in WITHOUT_DRAWS:
            raise ValueError(f"{self.model} gives no draws, so its intervals would be wrong")
        without_draws = self.methods and {*self.methods} <= {*WITHOUT_DRAWS}
        if without_draws and not (self.model or self.process):
            draws = ", ".join(name for name in AT_RANDOM if name not in WITHOUT_DRAWS)
            raise ValueError(f"no compared method gives draws; add one of {draws}")
        if self.strengths and self.process and self.model in (None, ASSUMED):
            raise ValueError(
                f"strengths re-weight draws that assume values missing at random, but {ASSUMED} "
                "assumes a process: choose another model or no process"
            )
        if self.draws < 2 or self.rows < 2 * FEWEST:
            raise ValueError(f"expected at least 2 draws and {2 * FEWEST} rows")


def regression_of(formula: str, columns: Sequence[str], numeric: Sequence[str]) -> Regression:
    """A formula such as "y ~ a + b".

    Args:
        formula: the text.
        columns: names of all columns.
        numeric: those of the columns of numbers, of which the target must be one.

    Raises:
        ValueError: no such formula, or a name that is not such a column.
    """
    left, tilde, right = formula.partition("~")
    target, features = left.strip(), [each.strip() for each in right.split("+")]
    if not tilde or not all([target, *features]):
        raise ValueError(f'expected a regression such as "y ~ a + b", got {formula!r}')
    for name in [target, *features]:
        _check(name, columns)
    _check(target, numeric, "numeric columns")
    if target in features or len(set(features)) < len(features):
        raise ValueError(f"expected different columns in a regression, got {formula!r}")
    return Regression(target, tuple(features))


def shifts_of(given: Sequence[str], numeric: Sequence[str]) -> dict[str, tuple[Shift, ...]]:
    """Column → shifts, from texts such as "income=0,-0.5,-1" or "income=-1sd,1sd".

    Raises:
        ValueError: no such text, or a name that is not a numeric column.
    """
    found = {}
    for text in given:
        name, equals, sizes = text.rpartition("=")
        try:
            shifts = tuple(_shift(each.strip().lower()) for each in sizes.split(","))
        except ValueError:
            shifts = ()
        if not equals or not shifts:
            raise ValueError(f"expected shifts such as income=0,-0.5,-1, got {text!r}")
        _check(name, numeric, "numeric columns")
        found[name] = shifts
    return found


def strengths_of(given: Sequence[str], numeric: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Column → strengths, from texts such as "income=0.5,1" or "income=-1,1".

    Raises:
        ValueError: no such text, or a name that is not a numeric column.
    """
    found = {}
    for text in given:
        name, equals, numbers = text.rpartition("=")
        try:
            strengths = tuple(float(each) for each in numbers.split(","))
        except ValueError:
            strengths = ()
        if not (equals and strengths and all(abs(each) <= STRONGEST for each in strengths)):
            raise ValueError(
                f"expected strengths from −{STRONGEST} to {STRONGEST} such as income=0.5,1, got "
                f"{text!r}"
            )
        _check(name, numeric, "numeric columns")
        found[name] = strengths
    return found


def _shift(text: str) -> Shift:
    return Shift(float(text.removesuffix("sd")), text.endswith("sd"))


def _check(name: str, columns: Sequence[str], kind: str = "columns") -> None:
    if name not in columns:
        raise ValueError(f"expected one of the {kind} {', '.join(columns)}, got {name!r}")
