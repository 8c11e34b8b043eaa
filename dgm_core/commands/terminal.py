"""Progress bars and errors of the commands."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer


def stop(error: object) -> NoReturn:
    """Print the error on stderr and exit with status 1."""
    typer.secho(str(error), fg=typer.colors.RED, err=True)
    raise typer.Exit(1)


def with_training_bar(stages: Iterable[Any], logdir: Path | None) -> Iterator[Any]:
    """The given stages, with a progress bar and, if `logdir` is given, TensorBoard logs."""
    from tqdm import tqdm

    writer = None
    if logdir is not None:
        from dgm_core.training.tensorboard import log_writer

        writer = log_writer(logdir)
    bar, current = None, None
    form = "{desc} {percentage:3.0f}%|{bar}| epoch {n:.1f}/{total} {postfix}"
    try:
        for stage in stages:
            name, now, *_ = stage
            if bar is None or name != current:
                if bar is not None:
                    bar.close()
                current = name
                bar = tqdm(desc=name, total=now.epochs, bar_format=form, mininterval=0.5)
            bar.n = now.epoch + now.step / now.steps
            eta = time.strftime("%H:%M:%S", time.gmtime(now.eta)) if now.eta == now.eta else "?"
            bar.set_postfix_str(
                f"loss {now.loss:.2f}, validation {now.validation:.3f} "
                f"(best {now.best:.3f}), ETA {eta}"
            )
            if writer is not None:
                at = now.epoch * now.steps + now.step
                if now.loss == now.loss:
                    writer.add_scalar(f"{name}/loss", now.loss, at)
                if now.step == 0 and math.isfinite(now.validation):
                    writer.add_scalar(f"{name}/validation", now.validation, at)
                for key, value in stage.numbers.items():
                    if value == value:
                        writer.add_scalar(f"{name}/{key}", value, at)
                if stage.sheet is not None:
                    writer.add_image(f"{name}/samples", stage.sheet, at, dataformats="HWC")
            yield stage
    finally:
        if bar is not None:
            bar.close()
        if writer is not None:
            writer.close()
