"""Coverage of pooled intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import put_rows, with_progress_bar, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import pooling

POOLING = ASSETS / "pooling.toml"

app = typer.Typer()


@app.command("pooling")
def evaluate_pooling(
    out: Annotated[Path, typer.Option(help="File for the table.")] = POOLING,
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"Repeatable; some of: {'; '.join(pooling.METHODS)}. Default: all."),
    ] = None,
    mechanism: Annotated[
        list[str] | None,
        typer.Option(help=f"Repeatable; some of: {'; '.join(pooling.MECHANISMS)}. Default: all."),
    ] = None,
    tables: Annotated[int, typer.Option(help="Simulated tables.")] = 500,
    draws: Annotated[int, typer.Option(help="Imputations of each table.")] = 10,
) -> None:
    """Measure the coverage of intervals pooled from imputations of simulated tables.

    Rows are written as soon as a method is done and replace the rows with the same name.
    """
    try:
        config = pooling.Config(
            tuple(method or pooling.METHODS),
            tuple(mechanism or pooling.MECHANISMS),
            tables,
            draws,
        )
    except ValueError as error:
        stop(error)
    put_rows(with_progress_bar(pooling.run(config)), out, "pooling", pooling.KEY)
    typer.echo(f"wrote {out}")
    write_pages(out, "pooling")
