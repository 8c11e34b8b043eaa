"""`dgm export`: a model as a page that needs no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.terminal import stop

app = typer.Typer(help="Write a model as a page that needs no server.")


@app.callback()
def _family() -> None:
    """Keep `live` a command of its own while it is the only one."""


@app.command("live")
def export_live(
    out: Annotated[Path, typer.Option(help="File for the page.")],
    model: Annotated[str, typer.Option(help="A DLVM of 28×28 pixels.")] = "mnist-dlvm",
) -> None:
    """Write one HTML file in which a visitor hides pixels and two samplers fill them in."""
    from dgm_core import zoo
    from dgm_core.live import export

    try:
        zoo.check_available()
        text = export.page(model)
    except (zoo.ModelsUnavailable, ValueError) as error:
        stop(error)
    out.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {out} ({len(text.encode()) / 1e6:.1f} MB)")
