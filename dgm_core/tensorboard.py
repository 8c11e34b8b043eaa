"""The course of a training as TensorBoard logs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from dgm_core.training import Progress


def logged(run: Iterator[Progress], folder: Path | str | None) -> Iterator[Progress]:
    """Pass a run on, writing `loss` and `validation` to `folder` (None = nowhere) by step."""
    if folder is None:
        yield from run
        return
    from torch.utils.tensorboard import SummaryWriter  # seconds of start-up

    with SummaryWriter(str(folder)) as writer:
        for now in run:
            at = now.epoch * now.steps + now.step
            if math.isfinite(now.loss):
                writer.add_scalar("loss", now.loss, at)
            if now.step == 0 and math.isfinite(now.validation):
                writer.add_scalar("validation", now.validation, at)
            yield now
