"""All methods for tables on public tables whose truth is known, under three mechanisms.

The protocol is that of `dgm_core.inference.choice`: known cells are hidden, every method completes
the same tables, and scores are means over cells in standard deviations of their column. Under
"high values", not-MIWAE with the right sign takes part as well; all others assume that values are
missing at random. Its process is chosen with the mechanism in view, as the caption must say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, allows the next line
from sklearn.impute import IterativeImputer

from dgm_core.data import TABLES, load_table
from dgm_core.estimators import NotMIWAEImputer
from dgm_core.inference import choice
from dgm_core.inference.hold_out import MECHANISMS, Mechanism
from dgm_core.missing.processes import PROCESSES
from dgm_core.studies.progress import Frame

KEY = ("table", "mechanism", "method")
KNOWN_SIGN = "not-MIWAE, known sign"
DEFAULT_TABLES = (
    "diabetes",
    "concrete",
    "banknote",
    "red-wine",
    "white-wine",
    "wine",
    "breast",
)


def _known_sign(seed: int) -> NotMIWAEImputer:
    return NotMIWAEImputer(
        missing_process=PROCESSES["self-masking with known signs"], samples=200, random_state=seed
    )


FACTORIES: dict[str, choice.Factory] = {
    **choice.METHODS,
    "IterativeImputer": lambda seed: _Numbers(IterativeImputer(random_state=seed)),
    KNOWN_SIGN: _known_sign,
}
"""Name → constructor from a seed."""


class _Numbers:
    """scikit-learn's `IterativeImputer` for a DataFrame of numbers."""

    def __init__(self, imputer: Any) -> None:
        self.imputer = imputer

    def fit(self, table: pd.DataFrame) -> None:
        self.imputer.fit(table)

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """The completed table."""
        return pd.DataFrame(self.imputer.transform(table), table.index, table.columns)


@dataclass(frozen=True)
class Config:
    """What to measure.

    Attributes:
        tables: names in `dgm_core.data.TABLES`; their numeric features are used.
        mechanisms: see `inference.hold_out`.
        methods: names in `FACTORIES`; `KNOWN_SIGN` takes part under "high values" only.
        repetitions: number of times that other cells are hidden.
        rows: each repetition uses at most so many rows.
    """

    tables: tuple[str, ...] = DEFAULT_TABLES
    mechanisms: tuple[Mechanism, ...] = MECHANISMS
    methods: tuple[str, ...] = tuple(FACTORIES)
    repetitions: int = 5
    rows: int = 300

    def __post_init__(self) -> None:
        for given, known in (
            (self.tables, TABLES),
            (self.mechanisms, MECHANISMS),
            (self.methods, FACTORIES),
        ):
            if unknown := set(given) - set(known):
                raise ValueError(f"expected names among {[*known]}, got {sorted(unknown)}")


class Row(NamedTuple):
    """One method on one table under one mechanism; NaN where a score does not apply."""

    table: str
    mechanism: str
    method: str
    repetitions: int
    rows: int
    crps: float
    crps_error: float
    rmse: float
    rmse_error: float
    coverage: float  # of 90 % intervals
    energy: float
    seconds: float  # per repetition
    tie: bool  # is the difference from the lowest CRPS explained by chance alone?

    def sentence(self) -> str:
        """One line of text."""
        return (
            f"{self.table}, {self.mechanism}, {self.method}: CRPS {self.crps:.3f} ± "
            f"{self.crps_error:.3f}, RMSE {self.rmse:.3f}, coverage {self.coverage:.2f}, "
            f"{self.seconds:.1f} s"
        )


def run(config: Config) -> Iterator[Frame | Row]:
    """Frames of progress, and the rows of each table and mechanism when they are measured."""
    pairs: list[tuple[str, Mechanism]] = [
        (table, each) for table in config.tables for each in config.mechanisms
    ]
    for number, (name, mechanism) in enumerate(pairs):
        frame = load_table(name).drop(columns=TABLES[name].target).select_dtypes("number")
        methods = tuple(
            each for each in config.methods if each != KNOWN_SIGN or mechanism == "high values"
        )
        study = choice.Config(
            methods, mechanism, repetitions=config.repetitions, fit_rows=config.rows
        )
        seconds, last = dict.fromkeys(methods, 0.0), time.perf_counter()
        for item in choice.run(study, frame, FACTORIES):
            if isinstance(item, choice.Frame):
                now = time.perf_counter()
                seconds[item.method] += now - last
                last = now
                done = (number + item.done) / len(pairs)
                yield Frame(f"{name}, {mechanism}, {item.method}", done)
            else:
                yield from _rows(
                    name, mechanism, item, seconds, study, min(config.rows, len(frame))
                )


def _rows(
    table: str,
    mechanism: str,
    result: choice.Result,
    seconds: dict[str, float],
    study: choice.Config,
    rows: int,
) -> Iterator[Row]:
    best = result.recommendation
    for row in result.rows:
        yield Row(
            table,
            mechanism,
            row.method,
            study.repetitions,
            rows,
            row.mean["CRPS"],
            row.error["CRPS"],
            row.mean["RMSE"],
            row.error["RMSE"],
            row.mean["90 % coverage"],
            row.mean["energy distance"],
            seconds[row.method] / study.repetitions,
            best is not None and row.method in (best.winner, *best.ties),
        )
