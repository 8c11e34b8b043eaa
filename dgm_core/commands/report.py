"""`dgm report`: a report on an incomplete table as one HTML page."""

from __future__ import annotations

import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.terminal import stop
from dgm_core.options.impute import ASSUMPTIONS
from dgm_core.options.report import Settings, regression_of, shifts_of, strengths_of

app = typer.Typer()


@app.command("report")
def report(
    context: typer.Context,
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File for the page. Default: TABLE with -report.html."),
    ] = None,
    regress: Annotated[
        str | None, typer.Option(help='A linear regression to pool, such as "y ~ a + b".')
    ] = None,
    delta: Annotated[
        list[str] | None,
        typer.Option(
            help="Shifts of what is imputed in a column, such as income=0,-0.5,-1 in its own "
            "units or income=-1sd,1sd in standard deviations; may be repeated. Default: up to "
            "1 standard deviation for the two columns with most missing values."
        ),
    ] = None,
    strengths: Annotated[
        list[str] | None,
        typer.Option(
            help="Assumes that values of a column decide whether they are missing, such as "
            "income=0.5,1: the log-odds of being missing grow by so much for each standard "
            "deviation that a value is higher, or fall if the number is negative. The report "
            "shows what would be concluded; may be repeated. Nothing is assumed by default."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="norm, PMM, CART, MFA or MIWAE, which completes the table. Default: the best one "
            "on hidden cells. All of them assume that values are missing at random. With "
            "--process: not-MIWAE, which is then the default."
        ),
    ] = None,
    process: Annotated[
        str | None,
        typer.Option(
            help="Why values are missing, if you assume it; not-MIWAE learns it and completes the "
            "table. Nothing is assumed by default. "
            f"{'; '.join(f'{name}: {clause}' for name, clause in ASSUMPTIONS.items())}."
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Methods to compare, with commas between, of mean, kNN, norm, PMM, CART, MFA and "
            "MIWAE. Default: mean,norm,PMM,CART,MFA, without CART for more than 15 columns."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Number of completed tables.")] = 20,
    rows: Annotated[
        int,
        typer.Option(
            min=60,
            help="Most rows on which the table is completed and analysed, chosen at random.",
        ),
    ] = 5_000,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT if it exists.")] = False,
) -> None:
    """Write a report on an incomplete table as one HTML page.

    It shows what was read, suspicious facts, which cells are missing and what this goes with,
    which method completes the table best, imputed values, pooled estimates, and how these depend
    on assumptions. Every assumption is named as one.

    The table is not changed. If the output is piped, the command prints nothing but errors.
    """
    if not table.is_file():
        problem = "is a folder, not a table" if table.is_dir() else "does not exist"
        raise typer.BadParameter(f"{table} {problem}", param_hint="TABLE")
    target = out or table.with_name(f"{table.stem}-report.html")
    try:
        _check_output(target, table, force=force)
        settings = Settings(
            methods=tuple(name.strip() for name in methods.split(",")) if methods else (),
            model=model,
            process=process,
            draws=draws,
            rows=rows,
            seed=seed,
        )
        from dgm_core.data.reading import read_table

        content = table.read_bytes()
        reading = read_table(content, table.name)
        columns = [str(name) for name in reading.frame]
        numeric = [each.name for each in reading.columns if each.kind == "numeric"]
        settings = replace(
            settings,
            regression=regression_of(regress, columns, numeric) if regress else None,
            shifts=shifts_of(delta or (), numeric),
            strengths=strengths_of(strengths or (), numeric),
        )
        # All mistakes were found above, before torch is loaded.
        from dgm_core.files import written_whole
        from dgm_core.inference.defects import cells_of
        from dgm_core.inference.report import making, report_html

        results = making.Results()
        for item in making.results_of(settings, reading, cells_of(content, table.name)):
            if not isinstance(item, str):
                results = item
            elif sys.stdout.isatty():
                typer.echo(item)
        results = replace(results, name=table.name, repeat=making.repeat(_command(context), seed))
        with written_whole(target) as part:
            part.write_text(report_html(reading.frame, results), encoding="utf-8")
    except (OSError, ValueError, FloatingPointError) as error:
        stop(error)
    if sys.stdout.isatty():
        typer.echo(f"wrote {target}")


def _check_output(target: Path, table: Path, *, force: bool) -> None:
    """Check before any work that the page can be written.

    Raises:
        OSError: it is the table or a folder, it exists, or its folder cannot be written.
    """
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; add the name of a file")
    if target.resolve() == table.resolve():
        raise FileExistsError(f"{target} is the table itself; choose another name by --out")
    if target.exists() and not force:
        raise FileExistsError(
            f"{target} exists already; add --force to overwrite it, or choose another name by "
            "--out"
        )
    existing = next(folder for folder in target.absolute().parents if folder.exists())
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise OSError(f"{target} cannot be written: {error.strerror or error}") from error


def _command(context: typer.Context) -> str:
    """The command line with all options that were given, in full."""
    words = ["dgm", "report"]
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        if value == parameter.default or not value:
            continue
        for each in value if isinstance(value, (list, tuple)) else [value]:
            option = [] if parameter.param_type_name == "argument" else [f"--{name}"]
            words += option if each is True else [*option, str(each)]
    return shlex.join(words)
