"""A table with holes → tables without: what the command `impute` does, without the screen.

    reading = read_table(path.read_bytes(), path.name)
    settings = Settings(model="not-miwae", process="self-masking", draws=20)
    imputer = imputer_of(settings, reading.frame)
    for progress in training(imputer, reading.frame):
        ...
    write(fill(imputer, reading.frame, settings), Path("completed.csv"), "csv")

`completed.csv` then has the conditional mean of every missing number and the likeliest of missing
levels, `completed-sd.csv` a standard deviation for each cell (0 where it was observed), and
`completed-01.csv` … `completed-20.csv` are the draws for multiple imputation: whole tables in
which every missing cell holds a draw of p(x_mis | x_obs). All have the same rows and columns.

    >>> frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [2.0, 4, None, 8, 10]})
    >>> settings = Settings(model="mfa", epochs=50, draws=3)
    >>> imputer = imputer_of(settings, frame)
    >>> list(training(imputer, frame))  # mfa takes a moment, and tells nothing
    []
    >>> filled = fill(imputer, frame, settings)
    >>> round(filled.completed["b"][2]), float(filled.sd["a"][2]), len(filled.draws)
    (6, 0.0, 3)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import torch

from dgm_core.data.reading import Reading
from dgm_core.data.writing import Format, write_table
from dgm_core.estimators import MFAImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.missing.processes import PROCESSES
from dgm_core.training import Progress

Model = Literal["miwae", "not-miwae", "mfa"]
MODELS: tuple[Model, ...] = get_args(Model)

LEARNABLE = {
    name.replace(" ", "-"): PROCESSES[name]
    for name in (
        "self-masking",
        "self-masking with known signs",
        "self-masking with a base rate",
        "linear",
        "network",
    )
}
"""Processes that can be learned from a table of any columns; known signs: high values go missing.

The others of `PROCESSES` are for pixels, for half of the columns, or say what MIWAE says.
"""

Imputer = MIWAEImputer | MFAImputer


@dataclass(frozen=True)
class Settings:
    """What is fitted and what is asked of it.

    Args:
        model: one of `MODELS`.
        process: one of `LEARNABLE`, for not-miwae alone; None = self-masking.
        draws: completed tables for multiple imputation.
        samples: K, importance samples a row in imputing.
        epochs: of training at most; of mfa: steps of EM.
        seed: of everything.
        checkpoints: folder for what a later run takes up; a file for each table and settings.
        log_dir: folder for TensorBoard logs.
    """

    model: Model = "miwae"
    process: str | None = None
    draws: int = 0
    samples: int = 1000
    epochs: int = 500
    seed: int = 0
    checkpoints: Path | None = None
    log_dir: Path | None = None

    def __post_init__(self) -> None:
        for what, chosen, choices in (
            ("model", self.model, MODELS),
            ("process", self.process, (None, *LEARNABLE)),
        ):
            if chosen not in choices:
                named = ", ".join(filter(None, choices))
                raise ValueError(f"no {what} {chosen!r}; there are {named}")
        if self.process and self.model != "not-miwae":
            raise ValueError(f"{self.model} learns no missing process; not-miwae does")
        if self.model == "mfa" and (self.checkpoints or self.log_dir):
            raise ValueError("mfa is fitted in a moment and keeps neither checkpoints nor logs")
        if self.draws < 0 or self.samples < 1 or self.epochs < 1:
            raise ValueError("expected draws ≥ 0, samples ≥ 1 and epochs ≥ 1")


class Filled(NamedTuple):
    """A table without holes, how sure that is, and other ways to fill it."""

    completed: pd.DataFrame  # means and likeliest levels
    sd: pd.DataFrame  # of each cell, 0 where observed; of a level √(p (1 − p))
    draws: list[pd.DataFrame]


def imputer_of(settings: Settings, frame: pd.DataFrame) -> Imputer:
    """The untrained imputer for a table.

    Raises:
        ValueError: the model cannot take the table's columns.
    """
    if settings.model == "mfa":
        levels = [name for name in frame if frame[name].dtype == "category"]
        if levels:
            raise ValueError(
                f"mfa takes columns of numbers only, and {levels[0]!r} has levels or two values; "
                "use miwae or not-miwae"
            )
        return MFAImputer(iterations=settings.epochs, random_state=settings.seed)
    shared = {
        "samples": settings.samples,
        "epochs": settings.epochs,
        "random_state": settings.seed,
        "checkpoint": _checkpoint(settings, frame),
        "log_dir": settings.log_dir,
    }
    if settings.model == "miwae":
        return MIWAEImputer(**shared)
    process = LEARNABLE[settings.process or "self-masking"]
    return NotMIWAEImputer(missing_process=process, **shared)


def training(imputer: Imputer, frame: pd.DataFrame) -> Iterator[Progress]:
    """Fits the imputer; MFA, which takes a moment, without telling."""
    if isinstance(imputer, MFAImputer):
        imputer.fit(frame)
    else:
        yield from imputer.fit_steps(frame)


def fill(
    imputer: Imputer,
    frame: pd.DataFrame,
    settings: Settings,
    numbers: Sequence[int] | None = None,
) -> Filled:
    """Completes the table by a fitted imputer; draws by the rows' `numbers`, if they are given."""

    def table(values: pd.DataFrame | np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, frame.index, frame.columns)

    completed, sd = imputer.impute_with_sd(frame)
    draws: list[pd.DataFrame] = []
    if settings.draws:
        sampled = imputer.sample_imputations(frame, settings.draws, settings.seed, numbers=numbers)
        draws = [table(each) for each in sampled]
    return Filled(table(completed), table(sd), draws)


def as_it_is(frame: pd.DataFrame, settings: Settings) -> Filled:
    """A table in which nothing is missing, in place of `fill`."""
    zero = pd.DataFrame(0.0, frame.index, frame.columns)
    return Filled(frame, zero, [frame] * settings.draws)


def write(filled: Filled, out: Path, format: Format, *, with_lines: bool = False) -> list[Path]:
    """Writes the completed table to `out` and the others beside it; returns all paths.

    Args:
        filled: the tables; their index is the line of each row in the file it was read from.
        out: what the other names derive from.
        format: of all files.
        with_lines: put those lines into a first column.
    """
    digits = max(2, len(str(len(filled.draws))))
    numbered = {f"{i:0{digits}}": table for i, table in enumerate(filled.draws, 1)}
    tables = {"": filled.completed, "sd": filled.sd, **numbered}
    paths = [out.with_stem(f"{out.stem}-{mark}") if mark else out for mark in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        lines = table.index.rename("line in the file")
        write_table(table.set_index(lines).reset_index() if with_lines else table, path, format)
    return paths


def understood(reading: Reading) -> Iterator[str]:
    """What was read, and every remark, as lines of text."""
    rows, columns = reading.frame.shape
    missing = sum(column.missing for column in reading.columns)
    yield (
        f"{rows:,} rows, {columns:,} columns, {missing:,} cells missing "
        f"({missing / (rows * columns):.1%})"
    )
    for column in reading.columns:
        numeric = column.kind == "numeric"
        values = f"{column.low:g} to {column.high:g}" if numeric else ", ".join(column.levels[:6])
        more = " …" if len(column.levels) > 6 else ""
        yield f"  {column.name:30} {column.kind:12} {column.missing:7,} missing   {values}{more}"
    for remark in reading.remarks:
        line = "" if remark.line is None else f"line {remark.line}"
        where = ", ".join(filter(None, [line, remark.column]))
        yield f"  {where}: {remark.sentence}" if where else f"  {remark.sentence}"


def learned(imputer: Imputer, reading: Reading) -> Iterator[str]:
    """What a missing process says of the numeric columns with holes, as lines of text.

    P(missing) at the lowest and highest value observed, the other columns at their means.
    """
    if not isinstance(imputer, NotMIWAEImputer):
        return
    process, coding = imputer.model_.missing_process, imputer.coding_
    for column in reading.columns:
        if column.kind == "numeric" and column.missing:
            entry = coding.entries_of(column.name).start
            ends = np.array([column.low, column.high])
            standardised = (ends - coding.location[entry]) / coding.scale[entry]
            low, high = process.curve(entry, torch.from_numpy(standardised).float()).tolist()
            yield (
                f"  {column.name:30} missing with probability {low:.2f} at {column.low:g}, "
                f"{high:.2f} at {column.high:g}"
            )


def _checkpoint(settings: Settings, frame: pd.DataFrame) -> Path | None:
    """A file for this table and what training depends on, so that no other run takes it up."""
    if settings.checkpoints is None:
        return None
    trained = [settings.model, settings.process, settings.epochs, settings.seed, list(frame)]
    key = hashlib.sha256(repr(trained).encode())
    key.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return settings.checkpoints / f"impute-{key.hexdigest()[:16]}.pt"
