"""Distances between laws as critics find them, beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.evaluate.run_study import ASSETS, behind_a_bar, put_rows, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.studies.distances import sweeps

DISTANCES = ASSETS / "distances.toml"

app = typer.Typer()


@app.command("distances")
def evaluate_distances(
    out: Annotated[
        Path, typer.Option(help="file for the table; the curves go beside")
    ] = DISTANCES,
    steps: Annotated[int | None, typer.Option(help="of the critics; the default")] = None,
) -> None:
    """Sweep θ: distances as critics find them beside the truth, and the seconds that takes."""
    try:
        found = list(behind_a_bar(sweeps.run(sweeps.configs(steps))))
    except ValueError as error:
        stop(error)
    for sweep in found:
        put_rows(sweep.rows(), out, "distances", sweeps.KEY)
    sweeps.save(found, out.with_suffix(".npz"))
    typer.echo(f"wrote {out} and {out.with_suffix('.npz')}")
    write_pages(out, "distances")
