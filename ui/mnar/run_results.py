"""What a side-by-side run has yielded so far, in the form that figures and files need."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dgm_core.studies.mnar import side_by_side
from ui import bound_curves

Scores = dict[str, tuple[float, float]]
"""Name of the method → RMSE and its standard error."""


@dataclass
class History:
    """Training history of one model, one value per frame."""

    bound: list[float] = field(default_factory=list)
    rmse: list[float] = field(default_factory=list)
    guess: np.ndarray | None = None  # (H,) hidden values of the scored rows, at the last frame
    curves: np.ndarray | None = None  # (losing columns, grid), at the last frame


@dataclass
class RunResults:
    """A run, complete or in part."""

    steps: list[int] = field(default_factory=list)
    histories: dict[str, History] = field(
        default_factory=lambda: {name: History() for name in side_by_side.MODELS}
    )
    baselines: Scores = field(default_factory=dict)
    answers: dict[str, dict[str, float]] = field(default_factory=dict)
    done: float = 0.0
    missed: dict[str, str] = field(default_factory=dict)  # method → why it was not computed

    @property
    def trained(self) -> list[str]:
        """The models that were trained; both before the first frame."""
        return [name for name, each in self.histories.items() if each.bound or not self.steps]

    @property
    def scored(self) -> bool:
        """Has any method an error? No if the true value of no missing cell is known."""
        errors = [error for each in self.histories.values() for error in each.rmse]
        errors += [rmse for rmse, _ in self.baselines.values()]
        return any(math.isfinite(error) for error in errors)

    @property
    def finished(self) -> bool:
        """Is the run complete?"""
        return bool(self.answers)


def compared(models: Iterable[str], constant_rates: float) -> tuple[str, dict[str, float]]:
    """What the bounds of these models bound, and what is added to each so that all do.

    MIWAE bounds log p(x_obs), not-MIWAE bounds log p(x_obs, s). With the log-probability of s at
    constant rates, MIWAE's bound is one on log p(x_obs, s), too.
    """
    models = list(models)
    if "not-MIWAE" not in models:
        return bound_curves.X_OBS, dict.fromkeys(models, 0.0)
    added = {name: constant_rates if name == "MIWAE" else 0.0 for name in models}
    return bound_curves.X_OBS_S, added


def scores(results: RunResults, constant_rates: float) -> list[dict[str, Any]]:
    """Rows of the table of scores, with known numbers only; empty if there is none."""
    _, added = compared(results.answers, constant_rates)
    rows = [
        {"method": name, **numbers, "bound": numbers["bound"] + added[name]}
        for name, numbers in results.answers.items()
    ]
    if not rows:
        rows = [
            {"method": name, "RMSE": history.rmse[-1]}
            for name, history in results.histories.items()
            if history.rmse
        ]
    rows += [
        {"method": name, "RMSE": value, "±": error}
        for name, (value, error) in results.baselines.items()
    ]
    known = [
        {name: v for name, v in row.items() if isinstance(v, str) or math.isfinite(v)}
        for row in rows
    ]
    return [row for row in known if len(row) > 1]


def results_of(
    items: Iterable[
        side_by_side.Baseline | side_by_side.NotComputed | side_by_side.Frame | side_by_side.Result
    ],
) -> RunResults:
    """Collect what a run has yielded."""
    results = RunResults()
    for item in items:
        if isinstance(item, side_by_side.Baseline):
            rmse = item.rmse
            results.baselines[item.name] = (rmse.mean.item(), rmse.standard_error.item())
        elif isinstance(item, side_by_side.NotComputed):
            results.missed[item.name] = item.reason
        elif isinstance(item, side_by_side.Frame):
            results.done = item.done
            results.steps.append(item.step)
            for name, shot in item.shots.items():
                history = results.histories[name]
                history.bound.append(shot.bound)
                history.rmse.append(shot.rmse)
                history.guess = shot.guess.numpy()
                history.curves = None if shot.learned is None else shot.learned.numpy()
        else:
            results.answers = {name: _numbers(each) for name, each in item.answers.items()}
    return results


def _numbers(answer: side_by_side.Answer) -> dict[str, float]:
    return {
        "RMSE": answer.rmse.mean.item(),
        "±": answer.rmse.standard_error.item(),
        "MAE": answer.mae,
        "90 % coverage": answer.coverage,
        "bound": answer.bound,
        "ESS": answer.ess.median().item(),
    }
