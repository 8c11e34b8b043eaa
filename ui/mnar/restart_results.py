"""What a run of several trainings has yielded so far, in the form that figures and files need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dgm_core.studies.mnar import identify


@dataclass
class RestartResults:
    """Several trainings, complete or in part."""

    step: int = 0
    done: float = 0.0
    bounds: tuple[float, ...] = ()
    errors: tuple[float, ...] | None = None  # Monte-Carlo; None before the end
    rmse: tuple[float, ...] = ()
    curves: np.ndarray | None = None  # (R, losing columns, grid)
    verdict: identify.Verdict | None = None  # None before the end


def restart_results_of(items: Iterable[identify.Frame | identify.Result]) -> RestartResults:
    """Collect what a run has yielded."""
    results = RestartResults()
    for item in items:
        results.bounds = tuple(item.bounds.tolist())
        results.curves = item.curves.numpy()
        if isinstance(item, identify.Frame):
            results.step, results.done = item.step, item.done
            results.rmse = tuple(item.rmse.tolist())
        else:
            results.errors = tuple(item.bound_errors.tolist())
            results.rmse = tuple(each.mean.item() for each in item.rmse)
            results.verdict = item.verdict
    return results
