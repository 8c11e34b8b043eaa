"""`dgm impute`: fill in the missing values of a table.

`dgm_core.estimators.impute_table` fills in a table that fits in memory, and
`dgm_core.scale.tables` fills in any other table block by block. On a terminal, or with --verbose,
the command prints how it read the table, then its progress. Otherwise it prints only, on stderr,
what the owner of the table should confirm. A mistake in a path or a file is reported before torch
is loaded, which takes seconds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from dgm_core.commands.terminal import stop, with_training_bar
from dgm_core.options.impute import ASSUMPTIONS, CHAINED, MODELS, SAMPLES, Model, Settings
from dgm_core.scale.engines import Engine, EngineName, WorkersLost
from dgm_core.scale.engines import engine as make_engine

if TYPE_CHECKING:
    import pandas as pd

    from dgm_core.data.reading import Reading
    from dgm_core.estimators import impute_table as impute
    from dgm_core.estimators.constraints import Constraint
    from dgm_core.scale.tables import Job
    from dgm_core.training import Progress

Format = Literal["csv", "parquet"]
"""The same as `data.writing.Format`, repeated here because importing that module is slow."""

app = typer.Typer()


def _listed(choices: Mapping[Any, str]) -> str:
    return "; ".join(f"{name}: {words}" for name, words in choices.items())


@app.command("impute")
def impute_table(
    table: Annotated[
        str, typer.Argument(help="CSV or Parquet file: a path, or an address such as s3://….")
    ],
    out: Annotated[
        str | None,
        typer.Option(
            help="File for the completed table, or a folder if it ends in a slash. "
            "Default: the name of TABLE with -completed, in the same folder."
        ),
    ] = None,
    model: Annotated[
        Model,
        typer.Option(
            help=f"{_listed(MODELS)}. pmm and cart need a table that fits in memory, and no "
            "constraints, because they fill in observed values only."
        ),
    ] = "miwae",
    process: Annotated[
        str | None,
        typer.Option(
            help=f"What not-miwae assumes and learns; it has no default. {_listed(ASSUMPTIONS)}."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Number of completed tables to draw, for multiple imputation.")
    ] = 0,
    samples: Annotated[
        int | None,
        typer.Option(help=f"K, importance samples per row. Default: {SAMPLES}."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Largest number of training epochs. Default: by the number of rows."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Folder for checkpoints, from which training resumes. Not used for tables filled "
            "in by blocks, whose folder OUT.parts serves the same purpose."
        ),
    ] = None,
    logdir: Annotated[Path | None, typer.Option(help="Folder for TensorBoard logs.")] = None,
    format: Annotated[
        Format | None,
        typer.Option(
            help="Format of the completed table. Default: parquet if OUT, or without it TABLE, "
            "ends in .parquet, or OUT in a slash; otherwise csv."
        ),
    ] = None,
    with_lines: Annotated[
        bool,
        typer.Option(
            "--with-lines", help="Add a first column with the line number of each row in the file."
        ),
    ] = False,
    engine: Annotated[
        EngineName | None,
        typer.Option(
            help="Fill in the table by blocks, on all cores of this machine (local) or on a Ray "
            "cluster (ray)."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes of the engine. Default: one per core.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Address of a running Ray cluster. Default: start Ray on this machine."),
    ] = None,
    fit_rows: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Rows to train on. Default: all, but at most 50,000 rows and 5 million cells, "
            "drawn at random.",
        ),
    ] = None,
    constrain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=WORDS",
            help="Which values a numeric column can have, such as age=integer,0:120 or "
            "income=positive, count, proportion, any; may be repeated. Other columns get what "
            "their values and names suggest.",
        ),
    ] = None,
    free: Annotated[
        bool,
        typer.Option("--free", help="Suggest no constraints: any number can be imputed."),
    ] = False,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            help="A further spelling of a missing value, such as -999; may be repeated. An empty "
            "cell, NA, ? and the like are always missing."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite completed tables that exist.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Print as on a terminal, also if the output is piped."),
    ] = False,
) -> None:
    """Fill in the missing values of a table.

    OUT has the means of numeric columns and the most probable categories (with pmm and cart, those
    of 20 draws). OUT-sd has their standard deviations: 0 for an observed number, and √(p (1 − p))
    for a category with probability p. With --draws, OUT-01, OUT-02, … are completed tables drawn
    at random. If there are several, each has a model of its own, fitted to rows drawn with
    replacement, so that intervals pooled from them are wide enough.

    Every file has all rows and columns of TABLE, in their order. Observed cells are unchanged.
    Columns that the model cannot use, such as names and dates, are copied and reported, and so are
    rows with too many cells.

    A long table is filled in by all cores. It is filled in by blocks if --engine is given, if it
    is at an address, or if it is too large to be read whole. Then only some blocks are in memory
    at a time. If the command is interrupted, run it again to resume.

    If OUT ends in a slash, OUT is a folder with one file per block, and the file _SUCCESS is
    written when all blocks are done.
    """
    from dgm_core.data.reading.raw import Limits

    _check_table(table)
    try:
        settings = Settings(
            model,
            process,
            draws,
            samples,
            epochs,
            seed,
            dict(_named(words) for words in constrain or ()),
            not free,
            checkpoint,
            logdir,
        )
    except ValueError as error:
        stop(error)
    as_parquet = out.endswith((".parquet", "/")) if out else table.endswith(".parquet")
    kind = format or ("parquet" if as_parquet else "csv")
    target = out or f"{table.removesuffix(Path(table).suffix)}-completed.{kind}"
    local, verbose = "://" not in table, verbose or sys.stdout.isatty()
    if table == target or (local and Path(table).resolve() == Path(target).resolve()):
        stop(f"{target} is the table itself; choose another name for the completed table")
    try:
        _check_output(target, draws, force=force)
        blockwise = engine or not local or "://" in target or target.endswith("/")
        whole = None
        if not blockwise and Path(table).stat().st_size <= Limits().bytes:
            whole = Source.read(Path(table), missing or ())  # errors show before torch is loaded
        elif model in CHAINED:
            raise ValueError(
                f"{model} reads all rows at once, so it cannot fill in a table by blocks; choose "
                f"another model, or a local table of at most {Limits().bytes // 2**20} MB without "
                "--engine"
            )
        from dgm_core.scale.tables import Job

        chosen = make_engine(engine or "local", workers, address)
        if whole is not None:
            run = Run(settings, fit_rows, chosen, verbose)
            run.impute(whole, Path(target), kind, with_lines=with_lines)
            return
        if checkpoint is not None and verbose:
            typer.echo("--checkpoint is not used: OUT.parts has the checkpoint of this run.")
        job = Job(table, target, settings, kind, fit_rows, with_lines, tuple(missing or ()), force)
        _impute_in_blocks(job, chosen, verbose=verbose)
    except (OSError, ValueError, FloatingPointError, ImportError, WorkersLost) as error:
        stop(error)


def _named(words: str) -> tuple[str, str]:
    """Column and constraint of NAME=WORDS.

    Raises:
        ValueError: there is no "=".
    """
    name, equals, constraint = words.rpartition("=")
    if not equals:
        raise ValueError(f"expected NAME=WORDS, such as age=integer,0:120, got {words!r}")
    return name, constraint


def _check_table(table: str) -> None:
    """Stop if a local table is not a file."""
    if "://" in table or Path(table).is_file():
        return
    problem = "is a folder, not a table" if Path(table).is_dir() else "does not exist"
    raise typer.BadParameter(f"{table} {problem}", param_hint="TABLE")


def _check_output(target: str, draws: int, *, force: bool) -> None:
    """Check before any work that the completed tables on this machine can be written.

    Raises:
        FileExistsError: one exists, and nothing says that it may be overwritten.
        OSError: their folder cannot be written.
    """
    from dgm_core.data.writing import suffixes, with_suffix

    if "://" in target:
        return
    for path in (Path(with_suffix(target, suffix)) for suffix in suffixes(max(draws, 0))):
        if path.is_dir() and not target.endswith("/"):
            raise IsADirectoryError(f"{path} is a folder; add the name of a file, or a slash")
        resumed = Path(f"{target.removesuffix('/')}.parts").exists()
        if path.is_file() and not (force or resumed):
            raise FileExistsError(
                f"{path} exists already; add --force to overwrite it, or choose another name "
                "by --out"
            )
    existing = next(folder for folder in Path(target).absolute().parents if folder.exists())
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise OSError(f"{target} cannot be written: {error.strerror or error}") from error


class Source(NamedTuple):
    """A file and what was read from it."""

    content: bytes
    reading: Reading

    @classmethod
    def read(cls, path: Path, missing: Sequence[str]) -> Source:
        """Read a file; `missing` are further spellings of a missing value."""
        from dgm_core.data.reading import read_table

        content = path.read_bytes()
        return cls(content, read_table(content, path.name, missing=missing))


class Run(NamedTuple):
    """How to complete a table that fits in memory."""

    settings: Settings
    fit_rows: int | None
    engine: Engine  # for the filling in of a long table
    verbose: bool

    def impute(self, source: Source, target: Path, kind: Format, *, with_lines: bool) -> None:
        """Train the model and write the completed tables."""
        from dgm_core.estimators import impute_table as impute

        (content, reading), settings = source, self.settings
        limits = impute.constraints_of(settings, reading.frame)
        if settings.model not in CHAINED:
            settings = replace(settings, constraints=_words(limits), suggest=False)
        sample = impute.fit_sample(reading.frame, self.fit_rows, settings.seed)
        imputer = impute.imputer_of(settings, sample)
        _tell(reading, limits, verbose=self.verbose)
        frame = reading.every_row
        if frame.isna().to_numpy().any():
            if len(sample) < len(frame) and self.verbose:
                typer.echo(f"The model is trained on {len(sample):,} rows drawn at random.")
            _train(impute.training(imputer, sample, settings), settings, verbose=self.verbose)
            filled = self._filled(imputer, frame)
            if self.verbose:
                for line in impute.learned(imputer, reading, settings):
                    typer.echo(line)
        else:
            if self.verbose:
                typer.echo(
                    "No value is missing, so no model was trained. The table is written unchanged."
                )
            filled = impute.as_it_is(frame, settings)
        first, *others = impute.write(
            filled, content, reading, target, kind, with_lines=with_lines
        )
        if self.verbose:
            typer.echo(f"wrote {first} and {', '.join(path.name for path in others)}")

    def _filled(self, imputer: impute.Imputer, frame: pd.DataFrame) -> impute.Filled:
        """The completed frame; a long one is completed by all workers of the engine."""
        from dgm_core.estimators import impute_table as impute
        from dgm_core.scale.tables.in_memory import LONG, filled

        if len(frame) < LONG or self.settings.model in CHAINED:
            return impute.fill(imputer, frame, self.settings)
        return filled(imputer, frame, self.settings, self.engine)


def _words(limits: Mapping[Hashable, Constraint]) -> dict[str, str]:
    return {str(name): each.words for name, each in limits.items()}


def _tell(reading: Reading, limits: Mapping[Hashable, Constraint], *, verbose: bool) -> None:
    """Print what was understood; otherwise only what the owner of the table should confirm."""
    from dgm_core.estimators import impute_table as impute

    if verbose:
        for line in impute.understood(reading, limits):
            typer.echo(line)
        return
    asked = {each.column: each for each in reversed(reading.remarks) if each.asks}
    for line in impute.remarks(reversed(asked.values())):
        typer.echo(line, err=True)


def _train(steps: Iterator[Progress], settings: Settings, *, verbose: bool) -> None:
    named = ((settings.model, now) for now in steps)
    for _ in with_training_bar(named, None) if verbose else named:
        pass


def _impute_in_blocks(job: Job, engine: Engine, *, verbose: bool) -> None:
    """Fill in a table of any size."""
    from tqdm import tqdm

    from dgm_core.data.reading.remarks import count_of
    from dgm_core.estimators import impute_table as impute

    job.prepare()
    if verbose:
        typer.echo(f"A sample of {len(job.reading.frame):,} rows:")
    limits = impute.constraints_of(job.settings, job.reading.frame)
    _tell(job.reading, limits, verbose=verbose)
    _train(job.training(), job.settings, verbose=verbose)
    if verbose:
        for line in impute.learned(job.imputer, job.reading, job.settings):
            typer.echo(line)
    label = f"{engine.name}, {engine.workers} workers"
    with tqdm(unit=" rows", unit_scale=True, desc=label, disable=not verbose) as bar:
        for progress in job.filling(engine):
            bar.total, bar.initial = progress.rows, progress.from_earlier_runs
            bar.update(progress.done.rows - bar.n)
    done = job.finish()
    if not verbose:
        return
    typer.echo(
        f"{done.tally.rows:,} rows, {done.tally.filled:,} cells filled in; {done.tally.unknown:,} "
        "cells have a value that does not occur in the sample and were not changed"
    )
    if done.unread:
        typer.echo(f"copied unchanged: {count_of(done.unread, 'row')} with too many cells")
    typer.echo(f"wrote {', '.join(done.paths)}")
