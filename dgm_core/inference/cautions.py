"""What a user must know before trusting a completed table: cautions in plain sentences.

    for caution in cautions(imputer, table):
        print(caution.sentence)

A caution is about the fitted model or its assumption; each names what was found and what to do.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch

from dgm_core.estimators import IMIWAEImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.samplers.completions import Completions

Kind = Literal["not converged", "restarts disagree", "assumed mechanism", "uneven weights"]

STILL_RISING = 0.05
"""Nats per row that the last tenth of the epochs may gain."""
EQUAL_BOUNDS = 0.1
"""Nats per row within which two bounds count as equal."""
FEW = 10
MOST_WEAK = 0.1
"""Fraction of rows with an effective sample size below `FEW`."""
ROWS = 500
"""Most incomplete rows that are looked at."""


class Caution(NamedTuple):
    """One caution."""

    kind: Kind
    sentence: str


def cautions(imputer: Any, table: pd.DataFrame | np.ndarray) -> list[Caution]:
    """All cautions about a fitted imputer and the table that it completes."""
    if not isinstance(imputer, MIWAEImputer):
        return _of_mixture(imputer)
    found = [_mechanism(imputer), _training(imputer), _restarts(imputer), _weights(imputer, table)]
    return [each for each in found if each is not None]


def _of_mixture(imputer: Any) -> list[Caution]:
    steps, most = getattr(imputer, "n_iter_", 0), getattr(imputer, "iterations", None)
    if most is not None and steps >= most:
        return [
            Caution(
                "not converged",
                f"The likelihood was still rising after all {most} steps of the fit. Allow more "
                "(iterations).",
            )
        ]
    return []


def _mechanism(imputer: MIWAEImputer) -> Caution | None:
    if isinstance(imputer, IMIWAEImputer):
        return Caution(
            "assumed mechanism",
            "Why values are missing was assumed, not found: given the latent variables, no value "
            "was allowed to cause its own absence. The observed values cannot confirm or refute "
            "this. If a value itself decides whether it is missing, these imputations are biased. "
            "Compare them with those of MIWAE and of not-MIWAE.",
        )
    if not isinstance(imputer, NotMIWAEImputer):
        return None
    return Caution(
        "assumed mechanism",
        "Why values are missing was assumed, not found: the observed values cannot confirm or "
        "refute the missing process that was chosen. If values are missing by chance, or because "
        "of other columns, these imputations are biased. Compare them with those of MIWAE, and "
        "look at how the conclusion changes with the strength of the mechanism.",
    )


def _training(imputer: MIWAEImputer) -> Caution | None:
    bounds = np.array([epoch.validation for epoch in getattr(imputer, "history_", [])])
    part = len(bounds) // 20
    if part < 1:
        return None
    gain = bounds[-part:].mean() - bounds[-2 * part : -part].mean()
    if gain < STILL_RISING:
        return None
    return Caution(
        "not converged",
        f"The bound of the held-out rows was still rising at the last epoch ({len(bounds)}), by "
        f"{gain:.2f} nats per row within the last tenth. Train for more epochs.",
    )


def _restarts(imputer: MIWAEImputer) -> Caution | None:
    bounds = np.asarray(getattr(imputer, "restart_bounds_", [0.0]))
    if len(bounds) < 2:
        return None
    behind = bounds.max() - bounds
    if (behind > EQUAL_BOUNDS).sum() * 2 <= len(bounds):
        return None
    return Caution(
        "restarts disagree",
        f"Of {len(bounds)} restarts, {(behind > EQUAL_BOUNDS).sum()} ended more than "
        f"{EQUAL_BOUNDS:g} nats per row below the best one. Their results may differ; use more "
        "restarts or more epochs.",
    )


def _weights(imputer: MIWAEImputer, table: pd.DataFrame | np.ndarray) -> Caution | None:
    frame = pd.DataFrame(table)
    incomplete = np.flatnonzero(frame.isna().any(axis=1))
    if not len(incomplete):
        return None
    chosen = np.random.default_rng(0).permutation(incomplete)[:ROWS]
    rows = imputer.coding_.encode(frame.iloc[chosen])

    def ess(sample: Completions, *_: object) -> torch.Tensor:
        return sample.effective_draws

    weak = float((imputer._by_row(rows, ess) < FEW).float().mean())
    if weak <= MOST_WEAK:
        return None
    return Caution(
        "uneven weights",
        f"In {100 * weak:.0f} % of the incomplete rows, fewer than {FEW} of {imputer.samples} "
        "importance samples have an effect. Their intervals are too narrow; use more samples.",
    )
