"""Images with holes: the tables of the documentation, and both samplers by their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core import device
from dgm_core.commands.evaluate.engine_options import (
    UNABLE,
    Address,
    EngineOption,
    Journal,
    Workers,
    chosen_engine,
    default_journal,
)
from dgm_core.commands.evaluate.run_study import ASSETS, behind_a_bar, put_rows, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import holes, samplers
from dgm_core.scale.studies import inpainting
from dgm_core.scale.studies import samplers as sampler_cells
from dgm_core.studies import toml_rows
from dgm_core.studies.inpainting import sampler_sweeps

TABLES = ASSETS / "inpainting_tables.toml"
SAMPLER_STUDIES = ASSETS / "sampler_studies.toml"

app = typer.Typer()


@app.command("inpainting")
def evaluate_inpainting(
    out: Annotated[Path, typer.Option(help="file for the tables")] = TABLES,
    images: Annotated[int | None, typer.Option(help="test images for the holes; all")] = None,
    inpainted: Annotated[int, typer.Option(help="test images for the samplers")] = 1000,
    iterations: Annotated[int, typer.Option(help="of the chain samplers")] = 200,
    only: Annotated[str, typer.Option(help="holes, samplers or both")] = "both",
    lair_iterations: Annotated[
        int | None, typer.Option(help="default: what takes LAIR the time of Metropolis")
    ] = None,
    cards: Annotated[bool, typer.Option(help="write the holes on the models' cards too")] = True,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """Measure the tables of the documentation again: holes (DMFA, MFA) and samplers (F1).

    Each row is written as soon as it is measured, in place of the one that stood there. With
    --engine, images are measured in blocks, and a study that was killed goes on by the same
    command. LAIR's iterations depend on how fast it is beside Metropolis: both are timed in one
    piece of work, which has all the images of a pattern. Seconds, and LAIR's row with them, are
    the only numbers that change from run to run; with --lair-iterations the seconds alone.
    """
    if only not in ("holes", "samplers", "both"):
        stop(f"expected holes, samplers or both, got {only!r}")
    here, kept = device.default_device(), journal or default_journal()
    try:
        where = chosen_engine(engine, workers, address)
        if only != "samplers":
            study = holes.run(holes.Config(images), here)
            if where is not None:
                study = inpainting.run_holes(holes.Config(images), where, kept)
            for row in behind_a_bar(study):
                entry = toml_rows.rounded(row._asdict())
                rows = toml_rows.put_row(out, "holes", entry, holes.KEY)
                if cards:
                    holes.annotate_card(entry, rows)
                typer.echo(row.sentence())
        if only != "holes":
            config = samplers.Config(
                inpainted, iterations=iterations, lair_iterations=lair_iterations
            )
            study = samplers.run(config, here)
            if where is not None:
                study = inpainting.run_samplers(config, where, kept)
            put_rows(behind_a_bar(study), out, "samplers", samplers.KEY)
    except (ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "samplers")


@app.command("samplers")
def evaluate_samplers(
    out: Annotated[
        Path, typer.Option(help="file for the table; counts go beside")
    ] = SAMPLER_STUDIES,
    study: Annotated[str, typer.Option(help=", ".join(sampler_sweeps.SWEEPS) + " or all")] = "all",
    dataset: Annotated[str, typer.Option("--data", help="mnist, omniglot, digits or all")] = "all",
    images: Annotated[int | None, typer.Option(help="test images; as shipped")] = None,
    iterations: Annotated[int | None, typer.Option(help="of each run; as shipped")] = None,
    chains: Annotated[int | None, typer.Option(help="an image; as shipped")] = None,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """Make the inpainting lab's studies again: pseudo-Gibbs and Metropolis over many settings.

    A row that is there with the same settings is not measured again; remove the files for that.
    With --engine, images are measured in blocks of fifty, and a sweep that was killed goes on by
    the same command.
    """
    sizes = {"images": images, "iterations": iterations, "chains": chains}
    try:
        configs = sampler_sweeps.chosen(study, dataset, sizes)
        where = chosen_engine(engine, workers, address)
        if where is None:
            study = sampler_sweeps.update(configs, out, device.default_device())
        else:
            study = sampler_cells.update(configs, out, where, journal or default_journal())
        for row in behind_a_bar(study):
            typer.echo(row.sentence())
    except (ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out} and {out.with_suffix('.npz')}")
    write_pages(out, "studies")
