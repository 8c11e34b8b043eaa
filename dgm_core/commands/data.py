"""`dgm data`: list the data sets on this machine, and download others.

A downloaded data set is prepared once and stored in the folder that `list` prints. A download that
fails leaves no partial file, and its message says how to try again.
"""

from __future__ import annotations

from typing import Annotated

import typer

from dgm_core.commands.terminal import stop

app = typer.Typer(help="List and download data sets of images and tables.")


@app.command("list")
def data_list() -> None:
    """List all data sets, and which of them are on this machine."""
    from dgm_core import data

    typer.echo(f"folder: {data.data_folder()}")
    for name in (*data.NAMES, *data.TABLES):
        typer.echo(f"{name:16} {'here' if data.is_available(name) else 'not here'}")


@app.command("fetch")
def data_fetch(
    names: Annotated[
        list[str], typer.Argument(help="Names such as mnist, celeba, concrete; see dgm data list.")
    ],
) -> None:
    """Download and prepare data sets."""
    from dgm_core import data

    for name in names:
        try:
            typer.echo(f"{name}: {data.fetch(name)}")
        except (ValueError, data.DownloadError) as error:
            stop(error)
