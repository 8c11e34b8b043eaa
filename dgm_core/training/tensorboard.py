"""The course of a training as TensorBoard logs.

>>> import tempfile
>>> told = [Progress(1, 2, 0, 9, 0.5, 0.7, 0.7, 1.0, 1.0, False)]  # of `fit`, say
>>> with tempfile.TemporaryDirectory() as folder:
...     for now in logged(iter(told), folder):
...         print(now.epoch, now.loss)
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
    """What writes logs to a folder.

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
    """Pass a run on, writing `loss` and `validation` to `folder` (None = nowhere) by step."""
    if folder is None:
        yield from run
        return
    with log_writer(folder) as writer:
        for now in run:
            at = now.epoch * now.steps + now.step
            if math.isfinite(now.loss):
                writer.add_scalar("loss", now.loss, at)
            if now.step == 0 and math.isfinite(now.validation):
                writer.add_scalar("validation", now.validation, at)
            yield now
