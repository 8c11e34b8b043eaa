"""What a side-by-side run has told so far, in the form that figures and files need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from dgm_core.studies.mnar import side_by_side

Scores = dict[str, tuple[float, float]]
"""Name of the method → RMSE and its standard error."""


@dataclass
class Track:
    """One model from frame to frame."""

    bound: list[float] = field(default_factory=list)
    rmse: list[float] = field(default_factory=list)
    guess: np.ndarray | None = None  # (H,) of the watched rows, at the last frame
    curves: np.ndarray | None = None  # (losing columns, grid), at the last frame


@dataclass
class Story:
    """A run, whole or in part."""

    steps: list[int] = field(default_factory=list)
    tracks: dict[str, Track] = field(
        default_factory=lambda: {n: Track() for n in side_by_side.MODELS}
    )
    baselines: Scores = field(default_factory=dict)
    answers: dict[str, dict[str, float]] = field(default_factory=dict)
    done: float = 0.0

    @property
    def finished(self) -> bool:
        """Has it come to its end?"""
        return bool(self.answers)


def told(
    items: Iterable[side_by_side.Baseline | side_by_side.Frame | side_by_side.Result],
) -> Story:
    """The story of what a run has yielded."""
    story = Story()
    for item in items:
        if isinstance(item, side_by_side.Baseline):
            story.baselines[item.name] = (item.rmse.mean.item(), item.rmse.standard_error.item())
        elif isinstance(item, side_by_side.Frame):
            story.done = item.done
            story.steps.append(item.step)
            for name, shot in item.shots.items():
                track = story.tracks[name]
                track.bound.append(shot.bound)
                track.rmse.append(shot.rmse)
                track.guess = shot.guess.numpy()
                track.curves = None if shot.learned is None else shot.learned.numpy()
        else:
            story.answers = {name: _numbers(each) for name, each in item.answers.items()}
    return story


def _numbers(answer: side_by_side.Answer) -> dict[str, float]:
    return {
        "RMSE": answer.rmse.mean.item(),
        "±": answer.rmse.standard_error.item(),
        "MAE": answer.mae,
        "90 % coverage": answer.coverage,
        "bound": answer.bound,
        "ESS": answer.ess.median().item(),
    }
