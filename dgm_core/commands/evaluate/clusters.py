"""VAEs with a mixture: accuracy and bound beside a control's, and which choices matter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path

from dgm_core import data, recipes, zoo
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
from dgm_core.evaluation import cluster_choices, vae_gmm
from dgm_core.scale.studies import clusters
from dgm_core.studies.clusters import history as cluster_history

CLUSTERS = ASSETS / "clusters.toml"

app = typer.Typer()


@app.command("vaegmm")
def evaluate_vaegmm(
    names: Annotated[list[str], typer.Argument(help="models, mnist-vaegmm for one")],
    folder: Annotated[
        Path, typer.Option(help="where cards and weights are, the classifier's too")
    ] = zoo.FOLDER,
    run_folder: Annotated[
        Path | None, typer.Option(help="of the training; without it all is trained again")
    ] = None,
    assets: Annotated[Path, typer.Option(help="folder for the courses")] = ASSETS,
) -> None:
    """Measure accuracy and bound beside a control's, for the cards; write the training history."""
    for name in names:
        recipe = recipes.RECIPES.get(name)
        if not isinstance(recipe, recipes.MixtureRecipe):
            stop(f"no recipe {name!r} of a VAE with a mixture")
        judge = f"{recipe.dataset}-classifier"
        reader = zoo.load(judge, folder=folder) if judge in zoo.names(folder) else None
        where = run_folder or user_cache_path("dgm-lab") / "runs" / name
        where.mkdir(parents=True, exist_ok=True)
        try:
            model = zoo.load(name, folder=folder)
            *_, found = behind_a_bar(vae_gmm.run(recipe.config, model, where, reader))
        except (ValueError, data.DataUnavailable) as error:
            stop(error)
        card = {**zoo.card(name, folder), "measured": found.measured.as_card()}
        zoo.annotate(name, card, folder)
        cluster_history.save(found.history, assets / f"{name}.npz")
        for key, value in found.measured.as_card().items():
            typer.echo(f"{key:20} {value}")
        typer.echo(f"wrote {assets / name}.npz")
    write_pages(folder, "vaegmm")


@app.command("clusters")
def evaluate_clusters(
    choices: Annotated[
        list[str] | None, typer.Argument(help=f"of {', '.join(cluster_choices.CHOICES)}; all")
    ] = None,
    seeds: Annotated[int, typer.Option(help="runs of each choice")] = 5,
    run_folder: Annotated[
        Path | None, typer.Option(help="checkpoints, shared by runs that begin alike")
    ] = None,
    out: Annotated[Path, typer.Option(help="file for the table")] = CLUSTERS,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """What makes a VAE and a mixture learn from each other: each choice beside its control.

    Each row is written as soon as it is measured, in place of the one that stood there. With
    --engine, choices that begin with the same warm-up are one piece of work for each seed, and a
    study that was killed goes on by the same command.
    """
    folder = run_folder or user_cache_path("dgm-lab") / "runs" / "clusters"
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(choices or cluster_choices.CHOICES)
    try:
        where = chosen_engine(engine, workers, address)
        study = cluster_choices.run(names, seeds, folder)
        if where is not None:
            study = clusters.run(names, seeds, folder, where, journal or default_journal())
        put_rows(behind_a_bar(study), out, "choices", cluster_choices.KEY)
    except (ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "choices", "choice meanings")
