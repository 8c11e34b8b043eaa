"""Distances between distributions as critics estimate them, compared with the true distances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import put_rows, with_progress_bar, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.studies.distances import sweeps

DISTANCES = ASSETS / "distances.toml"

app = typer.Typer()


@app.command("distances")
def evaluate_distances(
    out: Annotated[
        Path, typer.Option(help="File for the table; the curves are written beside it.")
    ] = DISTANCES,
    steps: Annotated[
        int | None, typer.Option(help="Training steps of the critics. Default: as shipped.")
    ] = None,
) -> None:
    """Estimate distances between two distributions by critics, for a range of parameters.

    The table also has the true distances and the time.
    """
    try:
        found = list(with_progress_bar(sweeps.run(sweeps.configs(steps))))
    except ValueError as error:
        stop(error)
    for sweep in found:
        put_rows(sweep.rows(), out, "distances", sweeps.KEY)
    sweeps.save(found, out.with_suffix(".npz"))
    typer.echo(f"wrote {out} and {out.with_suffix('.npz')}")
    write_pages(out, "distances")
