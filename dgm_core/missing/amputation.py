"""Amputation: a plan of a mechanism → a missing process → an incomplete table.

    plan = Amputation("self-masking", columns=(0, 1), direction="high", strength=10.0)
    problem = ampute(known, plan)
    problem.masked        # the input of a method
    problem.hidden        # the entries that are scored: removed, and their true value is known

A mechanism acts on entries of standardised rows, so thresholds are in standard deviations from
the mean. Values that were missing before stay missing and are not scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from dgm_core.missing.processes import (
    LinearMasking,
    MissingCompletelyAtRandom,
    MissingProcess,
    Restricted,
    SelfMasking,
    Sinusoidal,
    WithBaseRate,
)
from dgm_core.rng import generator
from dgm_core.types import Masked

Kind = Literal["self-masking", "another column", "bands", "chance"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LIMITS = {
    "threshold": (-2.0, 2.0),
    "strength": (0.0, 50.0),
    "base_rate": (0.0, 0.9),
    "seed": (0, 9999),
}


@dataclass(frozen=True)
class Amputation:
    """Which values go missing, and why.

    Attributes:
        kind: "self-masking": depends on the value itself. "another column": depends on the value
            of `driver`, observed or not. "bands": depends on the value itself, in bands half a
            standard deviation wide. "chance": independent of all values.
        columns: the entries of a row that lose values; not empty.
        direction: which values go missing, "high" or "low"; ignored for bands and chance.
        threshold: value at which half are missing, standard deviations from the mean.
        strength: slope of the log-odds of being missing, nats per standard deviation; at 50
            almost every value beyond the threshold goes missing.
        base_rate: fraction that goes missing by chance in addition; for "chance", the fraction
            that goes missing.
        driver: the entry that decides, for "another column".
        seed: of the draw.

    Raises:
        ValueError: kind or direction is unknown, columns are empty, the driver is not given where
            it is needed, or a number is out of `LIMITS`.
    """

    kind: Kind = "self-masking"
    columns: tuple[int, ...] = (0,)
    direction: Literal["high", "low"] = "high"
    threshold: float = 0.0
    strength: float = 50.0
    base_rate: float = 0.0
    driver: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"expected a kind among {', '.join(KINDS)}, got {self.kind!r}")
        if self.direction not in ("high", "low"):
            raise ValueError(f"expected the direction 'high' or 'low', got {self.direction!r}")
        if not self.columns or min(self.columns) < 0:
            raise ValueError(f"expected columns that lose values, got {self.columns}")
        if self.kind == "another column" and self.driver is None:
            raise ValueError("expected a driver, the column that decides, got None")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                got = getattr(self, name)
                raise ValueError(f"expected {name} from {low} to {high}, got {got}")

    @property
    def sign(self) -> float:
        """+1 if high values go missing, −1 if low ones do."""
        return 1.0 if self.direction == "high" else -1.0

    def process(self, features: int) -> MissingProcess:
        """p(s|x) on rows of D = `features` entries.

        Raises:
            ValueError: a column or the driver is not among the features.
        """
        entries = list(self.columns)
        if self.kind == "another column" and self.driver is not None:
            entries.append(self.driver)
        if max(entries) >= features:
            raise ValueError(f"expected columns below {features}, got {entries}")
        affected = torch.zeros(features, dtype=torch.bool)
        affected[list(self.columns)] = True
        process = self._on_all_columns(features)
        if self.base_rate and self.kind != "chance":
            process = WithBaseRate(process, self.base_rate)
        return Restricted(process, affected).requires_grad_(False)

    def _on_all_columns(self, features: int) -> MissingProcess:
        weight = self.sign * self.strength
        if self.kind == "self-masking":
            return SelfMasking(features, weight, self.threshold)
        if self.kind == "another column":
            slopes = torch.zeros(features, features)
            slopes[:, self.driver] = -weight
            return LinearMasking(
                features, slopes, torch.full((features,), weight * self.threshold)
            )
        if self.kind == "bands":
            return Sinusoidal(self.strength, frequency=1.0, offset=0.0)
        return MissingCompletelyAtRandom(max(self.base_rate, 1e-6))


class Problem(NamedTuple):
    """A table before and after values were removed."""

    original: Masked  # (N, D), before; its own missing values are not known
    masked: Masked  # (N, D), after
    process: MissingProcess | None  # None = nothing was removed, so the process is unknown

    @property
    def hidden(self) -> Tensor:
        """Entries that were removed, bool (N, D): the ones that are scored."""
        return self.original.observed & ~self.masked.observed


def ampute(original: Masked, plan: Amputation | None) -> Problem:
    """Remove values by a plan, the same ones at each call; None removes nothing."""
    if plan is None:
        return Problem(original, original, None)
    process = plan.process(original.x.shape[1]).to(original.device)
    kept = process.sample(original.x, generator(plan.seed, original.device))
    return Problem(original, Masked(original.x, original.observed & kept), process)
