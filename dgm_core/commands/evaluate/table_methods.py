"""The methods for tables, compared on public tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from dgm_core import data
from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import put_rows, with_progress_bar, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import table_methods
from dgm_core.inference.hold_out import MECHANISMS, Mechanism

METHODS = ASSETS / "table_methods.toml"

app = typer.Typer()


@app.command("methods")
def evaluate_methods(
    out: Annotated[Path, typer.Option(help="File for the table.")] = METHODS,
    table: Annotated[
        list[str] | None, typer.Option(help="A table; repeatable. Default: seven tables.")
    ] = None,
    mechanism: Annotated[
        list[str] | None, typer.Option(help=f"Repeatable; some of: {'; '.join(MECHANISMS)}.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"Repeatable; some of: {'; '.join(table_methods.FACTORIES)}."),
    ] = None,
    repetitions: Annotated[int, typer.Option(help="Times that other cells are hidden.")] = 5,
    rows: Annotated[int, typer.Option(help="Most rows of a table.")] = 300,
) -> None:
    """Hide cells of public tables, complete them by every method, and compare the scores."""
    try:
        config = table_methods.Config(
            tuple(table or table_methods.DEFAULT_TABLES),
            cast("tuple[Mechanism, ...]", tuple(mechanism or MECHANISMS)),
            tuple(method or table_methods.FACTORIES),
            repetitions,
            rows,
        )
        study = with_progress_bar(table_methods.run(config))
        put_rows(study, out, "methods", table_methods.KEY)
    except (ValueError, data.DataUnavailable, data.DownloadError) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "table methods")
