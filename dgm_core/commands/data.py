"""`python -m dgm_core data`: which data sets are on this machine, and the others fetched.

A data set that is downloaded is prepared once, into the folder that `list` names; a download that
fails leaves nothing half done and says how to try again.
"""

from __future__ import annotations

from typing import Annotated

import typer

from dgm_core.commands.terminal import stop

app = typer.Typer(help="Images and tables: what is here, and how to get the rest.")


@app.command("list")
def data_list() -> None:
    """Which data sets are on this machine."""
    from dgm_core import data

    typer.echo(f"folder: {data.data_folder()}")
    for name in (*data.NAMES, *data.TABLES):
        typer.echo(f"{name:16} {'here' if data.is_available(name) else 'not here'}")


@app.command("fetch")
def data_fetch(
    names: Annotated[list[str], typer.Argument(help="mnist, celeba, concrete, …; see list")],
) -> None:
    """Download and prepare data sets; a failure leaves nothing half done."""
    from dgm_core import data

    for name in names:
        try:
            typer.echo(f"{name}: {data.fetch(name)}")
        except (ValueError, data.DownloadError) as error:
            stop(error)
