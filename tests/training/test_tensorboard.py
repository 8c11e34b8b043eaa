"""The TensorBoard logs of a training."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from dgm_core.training import Progress
from dgm_core.training.tensorboard import logged


def run() -> list[Progress]:
    """An epoch of two steps, reported in the middle and at its end."""
    about = {"epochs": 1, "steps": 2, "best": 0.0, "seconds": 0.0, "eta": 0.0, "finished": False}
    return [
        Progress(epoch=0, step=1, loss=3.0, validation=math.nan, **about),
        Progress(epoch=1, step=0, loss=2.0, validation=-2.5, **about),
    ]


def test_a_run_is_passed_on_and_its_numbers_are_written(tmp_path: Path) -> None:
    assert list(logged(iter(run()), None)) == run()
    assert not list(tmp_path.iterdir())
    assert list(logged(iter(run()), tmp_path)) == run()
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    written = events.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in written.Scalars("loss")] == [(1, 3.0), (2, 2.0)]
    assert [(e.step, e.value) for e in written.Scalars("validation")] == [(2, -2.5)]


def test_without_tensorboard_there_is_an_error_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        list(logged(iter(run()), tmp_path))
