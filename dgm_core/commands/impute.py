"""`dgm impute`: fill in the missing values of a table.

`dgm_core.estimators.impute_table` fills in a table that fits in memory, and
`dgm_core.scale.tables` fills in any other table block by block. Both print how they read the table
before they train.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dgm_core.commands.lazy import help_of
from dgm_core.commands.terminal import stop, with_training_bar
from dgm_core.scale.engines import Engine, EngineName, WorkersLost
from dgm_core.scale.engines import engine as make_engine

if TYPE_CHECKING:
    from dgm_core.estimators import impute_table as impute
    from dgm_core.scale.tables import Job

Model = Literal["miwae", "not-miwae", "mfa"]
"""The same as `impute_table.Model`, repeated here because importing that module is slow."""
Format = Literal["csv", "parquet"]
"""The same as `data.writing.Format`, repeated for the same reason."""

app = typer.Typer()


def _processes() -> str:
    from dgm_core.estimators.impute_table import ASSUMPTIONS

    choices = "; ".join(f"{name}: {clause}" for name, clause in ASSUMPTIONS.items())
    return f"What not-miwae assumes and learns; it has no default. {choices}."


@app.command("impute", cls=help_of(process=_processes))
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
            help="miwae and mfa (a mixture of factor analysers, the fastest) assume that values "
            "are missing at random; not-miwae learns a missing process that you choose "
            "by --process."
        ),
    ] = "miwae",
    process: Annotated[str | None, typer.Option()] = None,
    draws: Annotated[
        int, typer.Option(help="Number of completed tables to draw, for multiple imputation.")
    ] = 0,
    samples: Annotated[int, typer.Option(help="K, importance samples per row.")] = 1000,
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
            help="Format of the completed table. Default: parquet if OUT ends in .parquet or in a "
            "slash, otherwise csv."
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
        int, typer.Option(help="Rows to train on, if the table is filled in by blocks.")
    ] = 20_000,
) -> None:
    """Fill in the missing values of a table.

    OUT has the means of numeric columns and the most probable categories. OUT-sd has their
    standard deviations: 0 for an observed number, and √(p (1 − p)) for a category with probability
    p. With --draws, OUT-01, OUT-02, … are completed tables drawn from the model. Columns and rows
    that cannot be used are reported and left out.

    A table is filled in by blocks if --engine is given, if it is at an address, or if it is too
    large to be read whole. The model is then trained on a sample of the rows, and only some blocks
    are in memory at a time. If the command is interrupted, run it again to resume.

    If OUT ends in a slash, OUT is a folder with one file per block, and the file _SUCCESS is
    written when all blocks are done.
    """
    from dgm_core.data.reading.raw import Limits
    from dgm_core.estimators import impute_table as impute
    from dgm_core.scale.tables import Job

    local = "://" not in table
    if local and not Path(table).is_file():
        raise typer.BadParameter(f"{table} does not exist", param_hint="TABLE")
    kind = format or ("parquet" if out and out.endswith((".parquet", "/")) else "csv")
    target = out or f"{table.removesuffix(Path(table).suffix)}-completed.{kind}"
    if table == target or (local and Path(table).resolve() == Path(target).resolve()):
        stop(f"{target} is the table itself; choose another name for the completed table")
    try:
        settings = impute.Settings(
            model, process, draws, samples, epochs, seed, checkpoint, logdir
        )
        remote = not local or "://" in target
        in_folders = target.endswith("/")
        if engine or remote or in_folders or Path(table).stat().st_size > Limits().bytes:
            if checkpoint is not None:
                typer.echo("--checkpoint is not used: OUT.parts has the checkpoint of this run.")
            job = Job(table, target, settings, kind, fit_rows, with_lines)
            _impute_in_blocks(job, make_engine(engine or "local", workers, address))
            return
        _impute_whole(Path(table), Path(target), settings, kind, with_lines=with_lines)
    except (OSError, ValueError, FloatingPointError, ImportError, WorkersLost) as error:
        stop(error)


def _impute_in_blocks(job: Job, engine: Engine) -> None:
    """Fill in a table of any size."""
    from tqdm import tqdm

    from dgm_core.data.reading.remarks import count_of
    from dgm_core.estimators import impute_table as impute

    job.prepare()
    typer.echo(f"A sample of {len(job.reading.frame):,} rows:")
    for line in impute.understood(job.reading):
        typer.echo(line)
    for _ in with_training_bar(((job.settings.model, now) for now in job.training()), None):
        pass
    for line in impute.learned(job.imputer, job.reading, job.settings):
        typer.echo(line)
    label = f"{engine.name}, {engine.workers} workers"
    with tqdm(unit=" rows", unit_scale=True, desc=label) as bar:
        for progress in job.filling(engine):
            bar.total, bar.initial = progress.rows, progress.from_earlier_runs
            bar.update(progress.done.rows - bar.n)
    done = job.finish()
    typer.echo(
        f"{done.tally.rows:,} rows, {done.tally.filled:,} cells filled in; {done.tally.unknown:,} "
        "cells have a value that does not occur in the sample and were not changed"
    )
    if done.left_out:
        rows = count_of(done.left_out, "row")
        typer.echo(f"left out: {rows} whose number of cells differs from the first row")
    typer.echo(f"wrote {', '.join(done.paths)}")


def _impute_whole(
    table: Path, target: Path, settings: impute.Settings, kind: Format, *, with_lines: bool
) -> None:
    """Fill in a table that fits in memory."""
    from dgm_core.data.reading import read_table
    from dgm_core.estimators import impute_table as impute

    reading = read_table(table.read_bytes(), table.name)
    frame = reading.frame
    imputer = impute.imputer_of(settings, frame)
    target.parent.mkdir(parents=True, exist_ok=True)  # an error shows before the training
    for line in impute.understood(reading):
        typer.echo(line)
    if frame.isna().to_numpy().any():
        steps = ((settings.model, now) for now in impute.training(imputer, frame))
        for _ in with_training_bar(steps, None):
            pass
        filled = impute.fill(imputer, frame, settings)
        for line in impute.learned(imputer, reading, settings):
            typer.echo(line)
    else:
        typer.echo("No value is missing, so no model was trained. The table is written unchanged.")
        filled = impute.as_it_is(frame, settings)
    first, *others = impute.write(filled, target, kind, with_lines=with_lines)
    typer.echo(f"wrote {first} and {', '.join(path.name for path in others)}")
