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
        typer.echo(f"{name:16} {_state(name)}")


def _state(name: str) -> str:
    from dgm_core import data

    if not data.is_available(name):
        return "not here"
    try:
        counts = data.part_counts(name)
    except data.DataUnavailable:  # broken files: reading them says what to do
        return "here"
    if counts is None:
        return "here"
    return (
        f"a part is here: {counts.train:,} of {counts.train_in_whole:,} training images, "
        f"{counts.test:,} of {counts.test_in_whole:,} test images"
    )


@app.command("fetch")
def data_fetch(
    names: Annotated[
        list[str], typer.Argument(help="Names such as mnist, celeba, concrete; see dgm data list.")
    ],
    part: Annotated[
        bool,
        typer.Option(
            "--part",
            help="Only what the pages show: test images and some training images of mnist, "
            "omniglot or celeba.",
        ),
    ] = False,
) -> None:
    """Download and prepare data sets; a whole data set replaces a part of it."""
    from dgm_core import data

    for name in names:
        try:
            typer.echo(f"{name}: {data.fetch(name, extent='part' if part else 'whole')}")
        except (ValueError, data.DownloadError) as error:
            stop(error)
