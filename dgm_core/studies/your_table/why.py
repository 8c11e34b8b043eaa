"""Answers to the question why values are missing, and what follows from them.

by chance               every method that assumes "missing at random" is valid
because of the others   the same; known cells are hidden depending on the other columns
because of the value    not-MIWAE, under an assumption that no table can confirm
not in the table        IM-IWAE: something about the row decides that is not in the table; also an
                        assumption that no table can confirm
not known               as "because of the others": a mechanism is never assumed by default
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from dgm_core.estimators.coding import TableCoding
from dgm_core.inference.hold_out import Mechanism
from dgm_core.missing.processes import (
    GivenSelfMasking,
    KnownSignSelfMasking,
    MissingProcess,
    Restricted,
)
from dgm_core.options.impute import LATENT_TRAITS

Reason = Literal["unknown", "chance", "other columns", "own value", "not in the table"]
REASONS: tuple[Reason, ...] = get_args(Reason)
ASSUMED: dict[Reason, str] = {"own value": "not-MIWAE", "not in the table": "IM-IWAE"}
"""Reason → the method that assumes it; it takes part only if the reason was chosen."""

STRENGTHS: dict[str, float | None] = {
    "estimated": None,
    "weak": 0.5,
    "moderate": 1.5,
    "strong": 4.0,
}
"""Name → change of the log-odds of being missing, nats per standard deviation; None = learned."""


@dataclass(frozen=True)
class Why:
    """Why values are missing, in the opinion of the person who knows the table.

    Args:
        reason: one of `REASONS`.
        high: columns in which high values go missing; only for "own value".
        low: columns in which low values go missing; only for "own value".
        strength: one of `STRENGTHS`.

    Raises:
        ValueError: an unknown reason or strength, columns without "own value", "own value"
            without columns, or a column that is both high and low.
    """

    reason: Reason = "unknown"
    high: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    strength: str = "estimated"

    def __post_init__(self) -> None:
        if self.reason not in REASONS or self.strength not in STRENGTHS:
            raise ValueError(
                f"expected a reason among {REASONS} and a strength among {[*STRENGTHS]}, got "
                f"{self.reason!r} and {self.strength!r}"
            )
        if (self.reason == "own value") != bool(self.high or self.low):
            raise ValueError("expected columns for the reason 'own value', and for no other")
        if both := set(self.high) & set(self.low):
            raise ValueError(f"expected a column to be high or low, got both for {sorted(both)}")

    @property
    def assumed(self) -> str | None:
        """The method that assumes this reason; None if methods for "missing at random" are."""
        return ASSUMED.get(self.reason)

    @property
    def hidden_by(self) -> Mechanism:
        """How known cells are hidden to compare methods."""
        return "chance" if self.reason == "chance" else "other columns"

    @property
    def clause(self) -> str:
        """The assumption as a clause."""
        if self.reason != "own value":
            return {
                "unknown": "values are missing by chance, or because of other columns",
                "chance": "values are missing by chance",
                "other columns": "values are missing because of other columns",
                "not in the table": LATENT_TRAITS,
            }[self.reason]
        parts = [
            f"{size} values of {listed(columns)} go missing"
            for size, columns in (("high", self.high), ("low", self.low))
            if columns
        ]
        return " and ".join(parts)

    def clause_of(self, method: str) -> str:
        """What results of a method assume: a mechanism only if the method has it."""
        return self.clause if self.assumed in (None, method) else Why().clause

    def process(self, coding: TableCoding) -> MissingProcess:
        """The missing process on the coded rows, for the reason "own value".

        Raises:
            ValueError: a column that is not in the table.
        """
        signs = [1.0] * coding.width
        affected = [False] * coding.width
        for name in (*self.high, *self.low):
            entry = coding.entries_of(name).start
            affected[entry] = True
            signs[entry] = -1.0 if name in self.low else 1.0
        strength = STRENGTHS[self.strength]
        if strength is None:
            return Restricted(KnownSignSelfMasking(signs), affected)
        return Restricted(GivenSelfMasking([strength * sign for sign in signs]), affected)


def listed(names: Sequence[str]) -> str:
    """Names as a list in words: "a", "a and b", "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
