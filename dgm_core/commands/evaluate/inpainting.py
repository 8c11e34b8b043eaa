"""Images with hidden pixels: the tables of the documentation, and sweeps of two samplers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dgm_core import device
from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.engine_options import (
    UNABLE,
    Address,
    EngineOption,
    Journal,
    Workers,
    chosen_engine,
    default_journal,
)
from dgm_core.commands.evaluate.run_study import put_rows, with_progress_bar, write_pages
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
    out: Annotated[Path, typer.Option(help="File for the tables.")] = TABLES,
    images: Annotated[
        int | None, typer.Option(help="Test images for the table of holes. Default: all.")
    ] = None,
    inpainted: Annotated[
        int, typer.Option(help="Test images for the table of samplers.")
    ] = samplers.Config.images,
    iterations: Annotated[
        int, typer.Option(help="Iterations of the chain samplers.")
    ] = samplers.Config.iterations,
    only: Annotated[
        str, typer.Option(help="The tables to measure: holes, samplers or both.")
    ] = "both",
    lair_iterations: Annotated[
        int | None,
        typer.Option(help="Iterations of LAIR. Default: as many as take the time of Metropolis."),
    ] = None,
    cards: Annotated[
        bool, typer.Option(help="Also write the scores on holes on the cards of the models.")
    ] = True,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """Measure the tables of inpainting: rectangular holes (DMFA, MFA) and samplers.

    Each row is written as soon as it is measured and replaces the row with the same name. With
    --engine, images are measured in blocks, and the same command resumes an interrupted study.

    Without --lair-iterations, LAIR runs for as long as Metropolis, so its row depends on the speed
    of the machine. All other numbers, apart from times, are the same in every run.
    """
    if only not in ("holes", "samplers", "both"):
        stop(f"expected holes, samplers or both, got {only!r}")
    chosen, finished = device.default_device(), journal or default_journal()
    study: Iterator[Any]
    try:
        runner = chosen_engine(engine, workers, address)
        if only != "samplers":
            study = holes.run(holes.Config(images), chosen)
            if runner is not None:
                study = inpainting.run_holes(holes.Config(images), runner, finished)
            for row in with_progress_bar(study):
                entry = toml_rows.rounded(row._asdict())
                rows = toml_rows.put_row(out, "holes", entry, holes.KEY)
                if cards:
                    holes.annotate_card(entry, rows)
                typer.echo(row.sentence())
        if only != "holes":
            config = samplers.Config(
                inpainted, iterations=iterations, lair_iterations=lair_iterations
            )
            study = samplers.run(config, chosen)
            if runner is not None:
                study = inpainting.run_samplers(config, runner, finished)
            put_rows(with_progress_bar(study), out, "samplers", samplers.KEY)
    except (ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "samplers")


@app.command("samplers")
def evaluate_samplers(
    out: Annotated[
        Path, typer.Option(help="File for the table; counts of pixels are written beside it.")
    ] = SAMPLER_STUDIES,
    study: Annotated[
        str, typer.Option(help=f"One of {', '.join(sampler_sweeps.SWEEPS)}, or all.")
    ] = "all",
    dataset: Annotated[
        str, typer.Option("--data", help="One of mnist, omniglot, digits, or all.")
    ] = "all",
    images: Annotated[
        int | None, typer.Option(help="Number of test images. Default: as shipped.")
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(help="Iterations of each run. Default: as shipped.")
    ] = None,
    chains: Annotated[
        int | None, typer.Option(help="Chains per image. Default: as shipped.")
    ] = None,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """Measure pseudo-Gibbs and Metropolis over many settings, for the inpainting lab.

    A row with the same settings is not measured again; remove the files to measure it again. With
    --engine, images are measured in blocks of fifty, and the same command resumes an interrupted
    study.
    """
    sizes = {"images": images, "iterations": iterations, "chains": chains}
    rows: Iterator[Any]
    try:
        configs = sampler_sweeps.chosen(study, dataset, sizes)
        runner = chosen_engine(engine, workers, address)
        if runner is None:
            rows = sampler_sweeps.update(configs, out, device.default_device())
        else:
            rows = sampler_cells.update(configs, out, runner, journal or default_journal())
        for row in with_progress_bar(rows):
            typer.echo(row.sentence())
    except (ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out} and {out.with_suffix('.npz')}")
    write_pages(out, "studies")
