"""The tables of the documentation, from numbers that were measured before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.terminal import stop
from dgm_core.evaluation import number_tables

app = typer.Typer()


@app.command("tables")
def evaluate_tables(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Some of: {', '.join(number_tables.TABLES)}. Default: all."),
    ] = None,
    pages: Annotated[Path, typer.Option(help="Folder of the pages.")] = number_tables.PAGES,
) -> None:
    """Write the tables of docs/numbers from rows that were measured before."""
    unknown = set(names or ()) - set(number_tables.TABLES)
    if unknown:
        stop(f"expected tables of {', '.join(number_tables.TABLES)}, got {', '.join(unknown)}")
    try:
        changed = number_tables.update(names, pages)
    except OSError as error:  # an installed library has no measured rows
        stop(error)
    for page in changed:
        typer.echo(f"wrote {page}")
