"""`python -m dgm_core impute`: a table with holes becomes tables without.

`dgm_core.estimators.impute_table` completes a table that can be read whole;
`dgm_core.scale.tables` completes any other one block by block. Both say
what they understood of the table before they train.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dgm_core.commands.lazy import help_of
from dgm_core.commands.terminal import stop, with_bar
from dgm_core.scale.engines import Engine, EngineMissing, EngineName, WorkersLost
from dgm_core.scale.engines import engine as make_engine

if TYPE_CHECKING:
    from dgm_core.estimators import impute_table as impute
    from dgm_core.scale.tables import Job

Model = Literal["miwae", "not-miwae", "mfa"]
"""`impute.Model`, without loading what fits them."""
Format = Literal["csv", "parquet"]
"""`data.writing.Format`, likewise."""

app = typer.Typer()


def _processes() -> str:
    from dgm_core.estimators.impute_table import LEARNABLE

    return f"of not-miwae: {', '.join(LEARNABLE)}"


@app.command("impute", cls=help_of(process=_processes))
def impute_table(
    table: Annotated[str, typer.Argument(help="CSV or Parquet; a path or an address")],
    out: Annotated[
        str | None,
        typer.Option(help="completed table, or folder of its parts: out/; default: beside TABLE"),
    ] = None,
    model: Annotated[Model, typer.Option(help="not-miwae learns why as well")] = "miwae",
    process: Annotated[str | None, typer.Option()] = None,
    draws: Annotated[int, typer.Option(help="completed tables for multiple imputation")] = 0,
    samples: Annotated[int, typer.Option(help="K, importance samples a row")] = 1000,
    epochs: Annotated[int, typer.Option(help="at most")] = 500,
    seed: Annotated[int, typer.Option(help="of everything")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="folder; resumed if there; in blocks OUT.parts does that")
    ] = None,
    logdir: Annotated[Path | None, typer.Option(help="write TensorBoard logs here")] = None,
    format: Annotated[
        Format | None, typer.Option(help="default: as OUT ends; parquet in folders, else csv")
    ] = None,
    with_lines: Annotated[
        bool, typer.Option("--with-lines", help="first column: the row's line in the file")
    ] = False,
    engine: Annotated[
        EngineName | None, typer.Option(help="in blocks, on all cores or on Ray; see below")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="of the engine; default: the cores")] = None,
    address: Annotated[str | None, typer.Option(help="of a Ray cluster; default: none")] = None,
    fit_rows: Annotated[int, typer.Option(help="with an engine: rows to train on")] = 20_000,
) -> None:
    """Fill in a table: OUT has means and likeliest levels, OUT-sd how sure they are.

    With --draws, OUT-01, OUT-02 … are whole tables drawn from what the model holds possible. The
    sd of a number is in its units, 0 where it was observed; of a level with probability p it is
    √(p (1 − p)). Columns and rows that cannot be used are named and left out.

    With --engine, and without it where a table is at an address or too large to be read whole, a
    sample trains the model and the table goes through in blocks, of which none is held longer
    than it takes. Killed at any moment, the same command goes on. Without --engine that is the
    local one.

    If OUT ends in a slash, each block stays a file of that folder, as its worker wrote it, and
    nothing has to be put together; _SUCCESS appears in the folder when all are there.
    """
    from dgm_core.data.reading.raw import Limits
    from dgm_core.estimators import impute_table as impute
    from dgm_core.scale.tables import Job

    here = "://" not in table
    if here and not Path(table).is_file():
        raise typer.BadParameter(f"{table} does not exist", param_hint="TABLE")
    kind = format or ("parquet" if out and out.endswith((".parquet", "/")) else "csv")
    target = out or f"{table.removesuffix(Path(table).suffix)}-completed.{kind}"
    if table == target or (here and Path(table).resolve() == Path(target).resolve()):
        stop(f"{target} is the table itself; choose another name for the completed one")
    try:
        settings = impute.Settings(
            model, process, draws, samples, epochs, seed, checkpoint, logdir
        )
        far = not here or "://" in target
        in_folders = target.endswith("/")
        if engine or far or in_folders or Path(table).stat().st_size > Limits().bytes:
            if checkpoint is not None:
                typer.echo("--checkpoint is not used: in blocks, OUT.parts keeps the training.")
            job = Job(table, target, settings, kind, fit_rows, with_lines)
            _impute_in_blocks(job, make_engine(engine or "local", workers, address))
            return
        _impute_whole(Path(table), Path(target), settings, kind, with_lines=with_lines)
    except (
        OSError, ValueError, FloatingPointError, ImportError, EngineMissing, WorkersLost,
    ) as error:  # fmt: skip
        stop(error)


def _impute_in_blocks(job: Job, on: Engine) -> None:
    """A table of any size."""
    from tqdm import tqdm

    from dgm_core.data.reading.remarks import count_of
    from dgm_core.estimators import impute_table as impute

    job.prepare()
    typer.echo(f"A sample of {len(job.reading.frame):,} rows:")
    for line in impute.understood(job.reading):
        typer.echo(line)
    for _ in with_bar(((job.settings.model, now) for now in job.training()), None):
        pass
    for line in impute.learned(job.imputer, job.reading):
        typer.echo(line)
    with tqdm(unit=" rows", unit_scale=True, desc=f"{on.name}, {on.workers} workers") as bar:
        for now in job.filling(on):
            bar.total, bar.initial = now.rows, now.from_before
            bar.update(now.done.rows - bar.n)
    done = job.finish()
    typer.echo(
        f"{done.tally.rows:,} rows, {done.tally.filled:,} cells filled in; "
        f"{done.tally.strange:,} cells hold what the sample lacks and are kept as they are"
    )
    if done.left_out:
        typer.echo(f"left out: {count_of(done.left_out, 'row')} with another number of cells")
    typer.echo(f"wrote {', '.join(done.paths)}")


def _impute_whole(
    table: Path, target: Path, settings: impute.Settings, kind: Format, *, with_lines: bool
) -> None:
    """A table that is read whole."""
    from dgm_core.data.reading import read_table
    from dgm_core.estimators import impute_table as impute

    reading = read_table(table.read_bytes(), table.name)
    frame = reading.frame
    imputer = impute.imputer_of(settings, frame)
    target.parent.mkdir(parents=True, exist_ok=True)  # fails before the training, if it does
    for line in impute.understood(reading):
        typer.echo(line)
    if frame.isna().any(axis=None):
        steps = ((settings.model, now) for now in impute.training(imputer, frame))
        for _ in with_bar(steps, None):
            pass
        filled = impute.fill(imputer, frame, settings)
        for line in impute.learned(imputer, reading):
            typer.echo(line)
    else:
        typer.echo("Nothing is missing, so nothing was fitted; the table is written as it is.")
        filled = impute.as_it_is(frame, settings)
    first, *others = impute.write(filled, target, kind, with_lines=with_lines)
    typer.echo(f"wrote {first} and {', '.join(path.name for path in others)}")
