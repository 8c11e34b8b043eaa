"""Imputation of a table with the settings of the command `dgm impute`.

    content = path.read_bytes()
    reading = read_table(content, path.name)
    settings = Settings(model="not-miwae", process="self-masking", draws=20)
    imputer = imputer_of(settings, reading.frame)
    for progress in training(imputer, reading.frame):
        ...
    filled = fill(imputer, reading.every_row, settings)
    write(filled, content, reading, Path("completed.csv"), "csv")

`completed.csv` then has the conditional mean of every missing number and the most probable
category of every other missing cell. `completed-sd.csv` has a standard deviation for each cell (0
if it was observed). `completed-01.csv` … `completed-20.csv` are for multiple imputation: complete
tables in which every missing cell has a draw of p(x_mis | x_obs). All have the rows and columns of
the file, also those that the model does not use.

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
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from dgm_core.data.reading import Reading, Remark
from dgm_core.data.writing import Format, suffixes, with_suffix
from dgm_core.data.writing_back import written_back
from dgm_core.estimators import (
    ChainedImputer,
    IMIWAEImputer,
    MFAImputer,
    MIWAEImputer,
    NotMIWAEImputer,
)
from dgm_core.estimators.constraints import Constraint
from dgm_core.estimators.constraints import constraints_of as estimator_constraints
from dgm_core.estimators.miwae import few_latents
from dgm_core.files import written_whole
from dgm_core.missing.processes import PROCESSES
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.options.impute import (
    ASSUMPTIONS,
    CHAINED,
    LATENT_TRAITS,
    SAMPLES,
    Settings,
)
from dgm_core.training import Progress

LEARNABLE = {
    name: process
    for spaced, process in PROCESSES.items()
    if (name := spaced.replace(" ", "-")) in ASSUMPTIONS
}
"""Name in `ASSUMPTIONS` → constructor.

The other members of `PROCESSES` are for pixels, for half of the columns, or equivalent to MIWAE.
"""

Imputer = MIWAEImputer | MFAImputer | ChainedImputer

MOST_FIT_ROWS, MOST_FIT_CELLS = 50_000, 5_000_000
"""Size of the sample on which a model is trained by default.

Training makes about 4,000 steps whatever the number of rows, so more rows would be visited rarely.
"""


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
    if settings.model == "pmm" or settings.model == "cart":
        return ChainedImputer(settings.model, random_state=settings.seed)
    constraints = constraints_of(settings, frame)
    if settings.model == "mfa":
        mfa = MFAImputer(constraints=constraints, random_state=settings.seed)
        return mfa if settings.epochs is None else mfa.set_params(iterations=settings.epochs)
    shared = {
        "constraints": constraints,
        "samples": settings.samples or SAMPLES,
        "epochs": settings.epochs,
        "random_state": settings.seed,
        "checkpoint": _checkpoint(settings, frame),
        "log_dir": settings.log_dir,
    }
    if settings.model == "miwae":
        return MIWAEImputer(**shared)
    if settings.model == "im-iwae":
        return IMIWAEImputer(latent_dim=few_latents(frame.shape[1]), **shared)
    assert settings.process  # checked by Settings
    return NotMIWAEImputer(missing_process=LEARNABLE[settings.process], **shared)


def constraints_of(settings: Settings, frame: pd.DataFrame) -> dict[Hashable, Constraint]:
    """The constraints of a table's numeric columns; none for models that borrow values.

    Raises:
        ValueError: a constraint is for a column that is not numeric, or cannot be read.
    """
    if settings.model in CHAINED:
        return {}
    numbers = {name: frame[name].to_numpy(np.float64) for name in frame.select_dtypes("number")}
    words: dict[Hashable, Constraint | str] = {**settings.constraints}
    given = estimator_constraints(words, numbers)
    suggested = estimator_constraints("suggested" if settings.suggest else None, numbers)
    return {
        name: each for name, each in suggested.items() if name not in settings.constraints
    } | given


def default_fit_rows(columns: int) -> int:
    """Rows on which a model is trained by default, or all rows if there are fewer."""
    return max(1, min(MOST_FIT_ROWS, MOST_FIT_CELLS // columns))


def fit_sample(frame: pd.DataFrame, rows: int | None, seed: int) -> pd.DataFrame:
    """Rows drawn at random for the training, in order; every column has a value in them.

    Args:
        frame: the table.
        rows: how many; None = `default_fit_rows`.
        seed: of the draw.
    """
    rows = rows or default_fit_rows(frame.shape[1])
    if len(frame) <= rows:
        return frame
    drawn = frame.sample(rows, random_state=seed)
    chosen = drawn.index
    for name in frame.columns[drawn.isna().all()]:
        chosen = chosen.union(frame[name].dropna().index[:rows])
    return frame.loc[chosen.sort_values()]


def training(
    imputer: Imputer, frame: pd.DataFrame, settings: Settings | None = None
) -> Iterator[Progress]:
    """Fit the imputer, and a further model for each draw if there are several (proper draws).

    MFA is fast and yields nothing. Chained equations only keep the frame, and every draw has a
    chain of its own.
    """
    if isinstance(imputer, ChainedImputer):
        imputer.fit(frame)
        return
    if isinstance(imputer, MFAImputer):
        imputer.fit(frame)
    else:
        yield from imputer.fit_steps(frame)
    if settings is not None and settings.draws > 1:
        yield from imputer.replicate_steps(frame, settings.draws, settings.seed)


def fill(
    imputer: Imputer,
    frame: pd.DataFrame,
    settings: Settings,
    numbers: Sequence[int] | None = None,
) -> Filled:
    """Complete the table by a fitted imputer; draws depend on the rows' `numbers`, if given.

    Several draws have a model each if `training` was given the settings. Chained equations need
    the whole table, so they do not use `numbers`.
    """

    def table(values: pd.DataFrame | np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, frame.index, frame.columns)

    completed, sd = imputer.impute_with_sd(frame)
    draws: list[pd.DataFrame] = []
    if isinstance(imputer, ChainedImputer):
        chains = imputer.completions(frame, settings.seed)
        draws = [table(each) for each in islice(chains, settings.draws)]
    elif settings.draws:
        proper = len(getattr(imputer, "replicates_", ())) >= settings.draws > 1
        sampled = imputer.sample_imputations(
            frame, settings.draws, settings.seed, numbers=numbers, proper=proper
        )
        draws = [table(each) for each in sampled]
    return Filled(table(completed), table(sd), draws)


def as_it_is(frame: pd.DataFrame, settings: Settings) -> Filled:
    """The result for a table without missing values, instead of `fill`."""
    zero = pd.DataFrame(0.0, frame.index, frame.columns)
    return Filled(frame, zero, [frame] * settings.draws)


def write(
    filled: Filled,
    content: bytes,
    reading: Reading,
    out: Path,
    format: Format,
    *,
    with_lines: bool = False,
) -> list[Path]:
    """Write the completed file to `out` and the others beside it; returns all paths.

    Args:
        filled: the tables, with the rows of `reading.every_row`.
        content: the file that was read.
        reading: what was read from it.
        out: path of the completed table; the other names are derived from it.
        format: format of all files.
        with_lines: add a first column with the line of each row in the file.
    """
    tables = [filled.completed, filled.sd, *filled.draws]
    paths = [Path(with_suffix(str(out), suffix)) for suffix in suffixes(len(filled.draws))]
    for path, table in zip(paths, tables, strict=True):
        written = written_back(
            content, reading, table, format, deviations=table is filled.sd, with_lines=with_lines
        )
        with written_whole(path) as part:
            part.write_bytes(written)
    return paths


def understood(
    reading: Reading, constraints: Mapping[Hashable, Constraint] | None = None
) -> Iterator[str]:
    """Size, columns with their constraints, and remarks of a table that was read, as lines."""
    rows, columns = reading.frame.shape
    missing = sum(column.missing for column in reading.columns)
    yield (
        f"{rows:,} rows, {columns:,} columns, {missing:,} cells missing "
        f"({100 * missing / (rows * columns):.1f} %)"
    )
    copied = [
        f"{len(of):,} {what}{'' if len(of) == 1 else 's'} {why}"
        for of, what, why in (
            ([name for name in reading.names if name not in reading.frame], "column", ""),
            (reading.unread, "row", "that could not be read"),
        )
        if of
    ]
    if copied:
        yield f"copied unchanged: {' and '.join(each.strip() for each in copied)}"
    for column in reading.columns:
        numeric = column.kind == "numeric"
        values = f"{column.low:g} to {column.high:g}" if numeric else ", ".join(column.levels[:6])
        dots = " …" if len(column.levels) > 6 else ""
        limit = (constraints or {}).get(column.name)
        words = f"   ({limit.words})" if limit else ""
        yield (
            f"  {column.name:30} {column.kind:12} {column.missing:7,} missing   "
            f"{values}{dots}{words}"
        )
    yield from remarks(reading.remarks)


def remarks(listed: Iterable[Remark]) -> Iterator[str]:
    """Remarks as lines of text."""
    for remark in listed:
        line = "" if remark.line is None else f"line {remark.line}"
        where = ", ".join(filter(None, [line, remark.column]))
        yield f"  {where}: {remark.sentence}" if where else f"  {remark.sentence}"


def learned(imputer: Imputer, reading: Reading, settings: Settings) -> Iterator[str]:
    """The learned missing process for numeric columns with missing values, as lines of text.

    P(missing) at the lowest and highest observed value, with the other columns at their means.
    It holds if the mechanism that the user chose does. im-iwae has only its assumption.
    """
    if isinstance(imputer, IMIWAEImputer):
        yield f"The table is completed under your assumption that {LATENT_TRAITS}."
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
            standardised = coding.standardised(column.name, ends).float()
            low, high = process.curve(entry, standardised).tolist()
            yield (
                f"  {column.name:30} missing with probability {low:.2f} at {column.low:g}, "
                f"{high:.2f} at {column.high:g}"
            )


def _checkpoint(settings: Settings, frame: pd.DataFrame) -> Path | None:
    """A file for this table and the settings of its training, so that no other run resumes it."""
    if settings.checkpoints is None:
        return None
    limits = sorted(
        (str(key), each.words) for key, each in constraints_of(settings, frame).items()
    )
    trained = [
        settings.model,
        settings.process,
        settings.epochs,
        settings.seed,
        list(frame),
        limits,
    ]
    key = hashlib.sha256(repr(trained).encode())
    # pandas.util exports the function lazily, as an object.
    hashes = hash_pandas_object(frame, index=False)  # pyright: ignore[reportCallIssue]
    key.update(np.asarray(hashes).tobytes())
    return settings.checkpoints / f"impute-{key.hexdigest()[:16]}.pt"
