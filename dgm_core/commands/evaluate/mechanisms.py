"""Models of the mask on tables of two mechanisms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import put_rows, with_progress_bar, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import mechanisms

MECHANISMS = ASSETS / "mechanisms.toml"

app = typer.Typer()


@app.command("mechanisms")
def evaluate_mechanisms(
    out: Annotated[Path, typer.Option(help="File for the table.")] = MECHANISMS,
    table: Annotated[
        list[str] | None,
        typer.Option(help=f"Repeatable; some of: {'; '.join(mechanisms.TABLES)}. Default: all."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"Repeatable; some of: {'; '.join(mechanisms.METHODS)}. Default: all."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Simulated tables of each kind.")] = 5,
) -> None:
    """Compare not-MIWAE and IM-IWAE on tables of the mechanism that each assumes.

    Rows are written as soon as a method is done and replace the rows with the same name.
    """
    try:
        config = mechanisms.Config(
            tuple(table or mechanisms.TABLES), tuple(method or mechanisms.METHODS), seeds
        )
    except ValueError as error:
        stop(error)
    put_rows(with_progress_bar(mechanisms.run(config)), out, "mechanisms", mechanisms.KEY)
    typer.echo(f"wrote {out}")
    write_pages(out, "mechanisms", "equal bounds", "mechanisms words")
