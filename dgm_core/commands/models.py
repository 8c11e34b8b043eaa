"""`python -m dgm_core models`: the shipped models in one table, as their cards have them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.terminal import stop

app = typer.Typer()


@app.command("models")
def list_models(
    out: Annotated[Path | None, typer.Option(help="file for the table; else the screen")] = None,
) -> None:
    """All shipped models in one table, in Markdown: what, on what, how large, which numbers."""
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
