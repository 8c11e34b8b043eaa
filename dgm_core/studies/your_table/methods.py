"""The methods that can complete a visitor's table, and how much of their work a page can bear."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from dgm_core.baselines.table_imputers import ColumnMean
from dgm_core.estimators import (
    ChainedImputer,
    IMIWAEImputer,
    MFAImputer,
    MIWAEImputer,
    NotMIWAEImputer,
)
from dgm_core.estimators.coding import TableCoding
from dgm_core.estimators.constraints import Constraint
from dgm_core.estimators.miwae import few_latents
from dgm_core.inference.choice import Factory
from dgm_core.studies.your_table.why import ASSUMED, Why

METHODS: dict[str, str] = {
    "PMM": "chained equations; each value is borrowed from a similar row (as R's mice does)",
    "CART": "chained equations with regression trees",
    "MFA": "factor analysis",
    "MIWAE": "a deep latent variable model",
    "not-MIWAE": "a deep latent variable model that also learns why values are missing",
    "IM-IWAE": "a deep latent variable model whose latent traits decide what is missing",
}
"""Name → what it is."""
AT_RANDOM = tuple(name for name in METHODS if name not in ASSUMED.values())
"""Methods that assume that values are missing at random."""
BASELINE = "mean"
"""Scored for comparison; it is never used, because it draws no values."""

ROUNDS = 5
BATCH = 128
CHAINED = ("PMM", "CART")
"""Methods by chained equations."""
MOST_FIT_ROWS = dict.fromkeys(METHODS, 4_000) | {"PMM": 20_000, "CART": 2_000}
"""Rows that a method learns from, at most."""
MOST_VALUES = 6_000_000
"""Coded cells of the completed tables of one completion, at most."""
MOST_KEPT = 4_000_000
"""Draws of all missing cells that are kept, at most: 32 MB."""
MOST_COPIES = 3_000_000
"""Coded cells of all draws of the incomplete rows that one chain of PMM or CART completes."""
MOST_DRAWS = 100
"""Draws from each fitted model, at most. They give the intervals. Re-weighted, they show what an
assumed mechanism would change."""


class Size(NamedTuple):
    """How large a table is."""

    rows: int
    width: int  # entries of a coded row
    incomplete: int  # rows with missing cells
    missing: int  # cells

    @classmethod
    def of(cls, table: pd.DataFrame) -> Size:
        """The size of the modelled columns."""
        hidden = table.isna().to_numpy()
        width = TableCoding.learn(table).width
        return cls(len(table), width, int(hidden.any(1).sum()), int(hidden.sum()))


class Budget(NamedTuple):
    """What is computed for a table of a given size."""

    models: int  # completed tables, each from a model of its own
    draws: int  # from each model
    fit_rows: int
    samples: int  # K of the importance weights
    remarks: tuple[str, ...]  # what was bounded, in sentences


def budget(method: str, size: Size, models: int) -> Budget:
    """The work for a table of this size.

    Args:
        method: one of `METHODS`.
        size: of the table.
        models: requested number of completed tables.
    """
    remarks = []
    rows, width, incomplete, missing = size
    fit_rows = min(rows, MOST_FIT_ROWS[method])
    if fit_rows < rows:
        remarks.append(f"{method} learns from {fit_rows:,} of the {rows:,} rows, drawn at random.")
    possible = max(2, MOST_VALUES // (rows * width))
    if possible < models:
        remarks.append(
            f"{possible} completed tables are made, not {models}, because the table is large."
        )
        models = possible
    limits = [MOST_DRAWS, MOST_KEPT // (models * max(1, missing))]
    if method in CHAINED:
        limits.append(MOST_COPIES // (max(1, incomplete) * width))
    draws = max(1, min(limits))
    if draws < MOST_DRAWS:
        remarks.append(
            f"Each model draws every missing value {_times(draws)}, not {MOST_DRAWS} times, "
            f"because {missing:,} cells are missing."
        )
    if models * draws < 50:
        remarks.append(
            f"The intervals are made from {models * draws} draws of each value, so they are rough."
        )
    samples = 300 if rows * width <= 50_000 else 100
    return Budget(models, draws, fit_rows, samples, tuple(remarks))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def imputer(
    method: str,
    table: pd.DataFrame,
    constraints: Mapping[str, Constraint],
    why: Why,
    *,
    steps: int,
    samples: int,
    seed: int,
) -> Any:
    """The imputer that is not fitted yet, for a table or a part of its rows.

    Args:
        method: one of `METHODS`.
        table: its modelled columns.
        constraints: of its columns.
        why: for not-MIWAE.
        steps: of the training of a deep model.
        samples: K of its importance weights.
        seed: of all random numbers.
    """
    if method in CHAINED:
        return ChainedImputer(
            "pmm" if method == "PMM" else "cart", rounds=ROUNDS, random_state=seed
        )
    limits: dict[Hashable, Constraint | str] = {**constraints}
    coding = TableCoding.learn(table, constraints=limits)
    if method == "MFA":
        factors = max(1, min(3, coding.width - 1))
        return MFAImputer(1, factors, constraints=limits, tolerance=1e-3, random_state=seed)
    settings = {
        "constraints": limits,
        "hidden": 64,
        "samples": samples,
        "epochs": max(2, round(steps / math.ceil(len(table) / BATCH))),
        "batch_size": BATCH,
        "random_state": seed,
    }
    if method == "MIWAE":
        return MIWAEImputer(**settings)
    if method == "IM-IWAE":
        return IMIWAEImputer(latent_dim=few_latents(table.shape[1]), **settings)
    return NotMIWAEImputer(missing_process=why.process(coding), **settings)


def factories(
    methods: tuple[str, ...],
    table: pd.DataFrame,
    constraints: Mapping[str, Constraint],
    why: Why,
    *,
    steps: int,
) -> dict[str, Factory]:
    """Constructors of methods for `dgm_core.inference.choice`."""

    def of(method: str) -> Callable[[int], Any]:
        return lambda seed: imputer(
            method, table, constraints, why, steps=steps, samples=100, seed=seed
        )

    return {BASELINE: lambda seed: ColumnMean()} | {method: of(method) for method in methods}
