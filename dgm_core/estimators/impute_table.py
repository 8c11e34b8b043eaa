"""Imputation of a table with the settings of the command `dgm impute`.

    reading = read_table(path.read_bytes(), path.name)
    settings = Settings(model="not-miwae", process="self-masking", draws=20)
    imputer = imputer_of(settings, reading.frame)
    for progress in training(imputer, reading.frame):
        ...
    write(fill(imputer, reading.frame, settings), Path("completed.csv"), "csv")

`completed.csv` then has the conditional mean of every missing number and the most probable
category of every other missing cell. `completed-sd.csv` has a standard deviation for each cell (0
if it was observed). `completed-01.csv` … `completed-20.csv` are for multiple imputation: complete
tables in which every missing cell has a draw of p(x_mis | x_obs). All have the same rows and
columns.

    >>> frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [2.0, 4, None, 8, 10]})
    >>> settings = Settings(model="mfa", epochs=50, draws=3)
    >>> imputer = imputer_of(settings, frame)
    >>> list(training(imputer, frame))  # mfa is fast and reports no progress
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
from pandas.util import hash_pandas_object

from dgm_core.data.reading import Reading
from dgm_core.data.writing import Format, write_table
from dgm_core.estimators import MFAImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.missing.processes import PROCESSES
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.training import Progress

Model = Literal["miwae", "not-miwae", "mfa"]
MODELS: tuple[Model, ...] = get_args(Model)

ASSUMPTIONS = {
    "self-masking": "a cell goes missing because of its own value, high or low",
    "self-masking-with-known-signs": "high values go missing",
    "self-masking-with-a-base-rate": "a cell goes missing because of its own value, high or low, "
    "or by chance",
    "linear": "the log-odds of being missing are linear in the whole row",
    "network": "the log-odds of being missing are a smooth function of the whole row",
}
"""Missing process that can be learned from any table → what it assumes, as a clause."""

LEARNABLE = {
    name: process
    for spaced, process in PROCESSES.items()
    if (name := spaced.replace(" ", "-")) in ASSUMPTIONS
}
"""Name → constructor.

The other members of `PROCESSES` are for pixels, for half of the columns, or equivalent to MIWAE.
"""

Imputer = MIWAEImputer | MFAImputer


@dataclass(frozen=True)
class Settings:
    """The model, its training, and the requested tables.

    Args:
        model: one of `MODELS`.
        process: one of `LEARNABLE`, for not-miwae, which has no default.
        draws: number of completed tables for multiple imputation.
        samples: K, importance samples per row in imputation.
        epochs: largest number of training epochs, or of EM steps for mfa; None = the default of
            the estimator.
        seed: seed of all random numbers.
        checkpoints: folder for checkpoints, from which a later run resumes; one file for each
            table and settings.
        log_dir: folder for TensorBoard logs.
    """

    model: Model = "miwae"
    process: str | None = None
    draws: int = 0
    samples: int = 1000
    epochs: int | None = None
    seed: int = 0
    checkpoints: Path | None = None
    log_dir: Path | None = None

    def __post_init__(self) -> None:
        for setting, chosen, choices in (
            ("model", self.model, MODELS),
            ("process", self.process, (None, *LEARNABLE)),
        ):
            if chosen not in choices:
                named = ", ".join(filter(None, choices))
                raise ValueError(f"no {setting} {chosen!r}; there are {named}")
        if self.process and self.model != "not-miwae":
            raise ValueError(f"{self.model} learns no missing process; not-miwae does")
        if self.model == "not-miwae" and not self.process:
            choices = "; ".join(f"{name} ({clause})" for name, clause in ASSUMPTIONS.items())
            raise ValueError(
                "not-miwae needs a process, because the table cannot show why its cells are "
                f"missing. Choose what you assume: {choices}"
            )
        if self.model == "mfa" and (self.checkpoints or self.log_dir):
            raise ValueError("mfa is fast and writes neither checkpoints nor logs")
        if self.draws < 0 or self.samples < 1 or (self.epochs is not None and self.epochs < 1):
            raise ValueError("expected draws ≥ 0, samples ≥ 1 and epochs ≥ 1")


class Filled(NamedTuple):
    """A completed table, its standard deviations, and draws."""

    completed: pd.DataFrame  # means and most probable categories
    sd: pd.DataFrame  # of each cell, 0 if observed; √(p (1 − p)) for a category
    draws: list[pd.DataFrame]


def imputer_of(settings: Settings, frame: pd.DataFrame) -> Imputer:
    """The untrained imputer for a table.

    Raises:
        ValueError: the model does not support the columns of the table.
    """
    if settings.model == "mfa":
        levels = [name for name in frame if frame[name].dtype == "category"]
        if levels:
            raise ValueError(
                f"mfa needs numeric columns, and {levels[0]!r} has categories or two values; "
                "use miwae or not-miwae"
            )
        mfa = MFAImputer(random_state=settings.seed)
        return mfa if settings.epochs is None else mfa.set_params(iterations=settings.epochs)
    shared = {
        "samples": settings.samples,
        "epochs": settings.epochs,
        "random_state": settings.seed,
        "checkpoint": _checkpoint(settings, frame),
        "log_dir": settings.log_dir,
    }
    if settings.model == "miwae":
        return MIWAEImputer(**shared)
    assert settings.process  # checked by Settings
    return NotMIWAEImputer(missing_process=LEARNABLE[settings.process], **shared)


def training(imputer: Imputer, frame: pd.DataFrame) -> Iterator[Progress]:
    """Fit the imputer; MFA is fast and yields nothing."""
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
    """Complete the table by a fitted imputer; draws depend on the rows' `numbers`, if given."""

    def table(values: pd.DataFrame | np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, frame.index, frame.columns)

    completed, sd = imputer.impute_with_sd(frame)
    draws: list[pd.DataFrame] = []
    if settings.draws:
        sampled = imputer.sample_imputations(frame, settings.draws, settings.seed, numbers=numbers)
        draws = [table(each) for each in sampled]
    return Filled(table(completed), table(sd), draws)


def as_it_is(frame: pd.DataFrame, settings: Settings) -> Filled:
    """The result for a table without missing values, instead of `fill`."""
    zero = pd.DataFrame(0.0, frame.index, frame.columns)
    return Filled(frame, zero, [frame] * settings.draws)


def write(filled: Filled, out: Path, format: Format, *, with_lines: bool = False) -> list[Path]:
    """Write the completed table to `out` and the others beside it; returns all paths.

    Args:
        filled: the tables; their index is the line of each row in the original file.
        out: path of the completed table; the other names are derived from it.
        format: format of all files.
        with_lines: add a first column with these line numbers.
    """
    digits = max(2, len(str(len(filled.draws))))
    numbered = {f"{i:0{digits}}": table for i, table in enumerate(filled.draws, 1)}
    tables = {"": filled.completed, "sd": filled.sd, **numbered}
    paths = [out.with_stem(f"{out.stem}-{suffix}") if suffix else out for suffix in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        lines = table.index.rename("line in the file")
        write_table(table.set_index(lines).reset_index() if with_lines else table, path, format)
    return paths


def understood(reading: Reading) -> Iterator[str]:
    """Size, columns and remarks of a table that was read, as lines of text."""
    rows, columns = reading.frame.shape
    missing = sum(column.missing for column in reading.columns)
    yield (
        f"{rows:,} rows, {columns:,} columns, {missing:,} cells missing "
        f"({100 * missing / (rows * columns):.1f} %)"
    )
    for column in reading.columns:
        numeric = column.kind == "numeric"
        values = f"{column.low:g} to {column.high:g}" if numeric else ", ".join(column.levels[:6])
        dots = " …" if len(column.levels) > 6 else ""
        yield f"  {column.name:30} {column.kind:12} {column.missing:7,} missing   {values}{dots}"
    for remark in reading.remarks:
        line = "" if remark.line is None else f"line {remark.line}"
        where = ", ".join(filter(None, [line, remark.column]))
        yield f"  {where}: {remark.sentence}" if where else f"  {remark.sentence}"


def learned(imputer: Imputer, reading: Reading, settings: Settings) -> Iterator[str]:
    """The learned missing process for numeric columns with missing values, as lines of text.

    P(missing) at the lowest and highest observed value, with the other columns at their means.
    It holds if the mechanism that the user chose does.
    """
    if not isinstance(imputer, NotMIWAEImputer) or settings.process is None:
        return
    model = imputer.model_
    assert isinstance(model, NotMIWAE)  # built by NotMIWAEImputer
    process, coding = model.missing_process, imputer.coding_
    incomplete = [each for each in reading.columns if each.kind == "numeric" and each.missing]
    if incomplete:
        yield f"Under your assumption that {ASSUMPTIONS[settings.process]}, a cell is"
        for column in incomplete:
            entry = coding.entries_of(column.name).start
            ends = np.array([column.low, column.high])
            standardised = (ends - coding.location[entry]) / coding.scale[entry]
            low, high = process.curve(entry, torch.from_numpy(standardised).float()).tolist()
            yield (
                f"  {column.name:30} missing with probability {low:.2f} at {column.low:g}, "
                f"{high:.2f} at {column.high:g}"
            )


def _checkpoint(settings: Settings, frame: pd.DataFrame) -> Path | None:
    """A file for this table and the settings of its training, so that no other run resumes it."""
    if settings.checkpoints is None:
        return None
    trained = [settings.model, settings.process, settings.epochs, settings.seed, list(frame)]
    key = hashlib.sha256(repr(trained).encode())
    # pandas.util exports the function lazily, as an object.
    hashes = hash_pandas_object(frame, index=False)  # pyright: ignore[reportCallIssue]
    key.update(np.asarray(hashes).tobytes())
    return settings.checkpoints / f"impute-{key.hexdigest()[:16]}.pt"
