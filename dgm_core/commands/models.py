"""`dgm models`: the shipped models in one table, from their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.terminal import stop

app = typer.Typer()


@app.command("models")
def list_models(
    out: Annotated[
        Path | None, typer.Option(help="File for the table. Default: print it.")
    ] = None,
) -> None:
    """List the shipped models with data set, size and scores, as a table in Markdown."""
    from dgm_core import zoo
    from dgm_core.zoo import overview

    try:
        zoo.check_available()
    except zoo.ModelsUnavailable as error:
        stop(error)
    if out is None:
        typer.echo(overview.markdown(), nl=False)
        return
    out.write_text(overview.page(), encoding="utf-8")
    typer.echo(f"wrote {out}")
