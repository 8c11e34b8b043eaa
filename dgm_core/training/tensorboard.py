"""Training histories as TensorBoard logs.

>>> import tempfile
>>> history = [Progress(1, 2, 0, 9, 0.5, 0.7, 0.7, 1.0, 1.0, False)]  # from `fit`, for example
>>> with tempfile.TemporaryDirectory() as folder:
...     for progress in logged(iter(history), folder):
...         print(progress.epoch, progress.loss)
...     print(len(list(Path(folder).iterdir())), "file")
1 0.5
1 file
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dgm_core.training.loop import Progress

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def log_writer(folder: Path | str) -> SummaryWriter:
    """A writer of TensorBoard logs to `folder`.

    Raises:
        ImportError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter  # takes seconds to import
    except ImportError as error:
        raise ImportError(
            "logs need the package tensorboard, which is not installed: pip install tensorboard"
        ) from error
    return SummaryWriter(str(folder))


def logged(run: Iterator[Progress], folder: Path | str | None) -> Iterator[Progress]:
    """The items of a run, with `loss` and `validation` written to `folder` (None = nowhere)."""
    if folder is None:
        yield from run
        return
    with log_writer(folder) as writer:
        for progress in run:
            step = progress.epoch * progress.steps + progress.step
            if math.isfinite(progress.loss):
                writer.add_scalar("loss", progress.loss, step)
            if progress.step == 0 and math.isfinite(progress.validation):
                writer.add_scalar("validation", progress.validation, step)
            yield progress
