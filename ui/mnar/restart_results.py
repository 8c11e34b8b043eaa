"""What runs of restarts have told so far, in the form that figures and files need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dgm_core.studies.mnar import identify


@dataclass
class Restarted:
    """Several trainings, whole or in part."""

    step: int = 0
    done: float = 0.0
    bounds: tuple[float, ...] = ()
    errors: tuple[float, ...] | None = None  # Monte-Carlo; None before the end
    rmse: tuple[float, ...] = ()
    curves: np.ndarray | None = None  # (R, losing columns, grid)
    verdict: identify.Verdict | None = None  # at the end


def restarted(items: Iterable[identify.Frame | identify.Result]) -> Restarted:
    """The story of what a run has yielded."""
    story = Restarted()
    for item in items:
        story.bounds = tuple(item.bounds.tolist())
        story.curves = item.curves.numpy()
        if isinstance(item, identify.Frame):
            story.step, story.done = item.step, item.done
            story.rmse = tuple(item.rmse.tolist())
        else:
            story.errors = tuple(item.bound_errors.tolist())
            story.rmse = tuple(each.mean.item() for each in item.rmse)
            story.verdict = item.verdict
    return story
