"""VAEs with a mixture: scores compared with a control, and the effect of each setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from platformdirs import user_cache_path

from dgm_core import data, recipes, zoo
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
from dgm_core.commands.evaluate.run_study import (
    Folder,
    load_model,
    put_rows,
    with_progress_bar,
    write_pages,
)
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import cluster_choices, vae_gmm
from dgm_core.models.classifier import Classifier
from dgm_core.models.vae_gmm import MixtureVAE
from dgm_core.scale.studies import clusters
from dgm_core.studies.clusters import history as cluster_history

CLUSTERS = ASSETS / "clusters.toml"

app = typer.Typer()


@app.command("vaegmm")
def evaluate_vaegmm(
    names: Annotated[list[str], typer.Argument(help="Models, such as mnist-vaegmm.")],
    folder: Folder = zoo.FOLDER,
    run_folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder with checkpoints of the training. Default: a folder in the user's cache. "
            "What it lacks is trained again."
        ),
    ] = None,
    assets: Annotated[Path, typer.Option(help="Folder for the training histories.")] = ASSETS,
) -> None:
    """Measure VAEs with a mixture, and their controls; write scores on the cards.

    The training histories are written to NAME.npz.
    """
    for name in names:
        recipe = recipes.RECIPES.get(name)
        if not isinstance(recipe, recipes.MixtureRecipe):
            stop(f"no recipe {name!r} of a VAE with a mixture")
        classifier = f"{recipe.dataset}-classifier"
        checkpoints = run_folder or user_cache_path("dgm-lab") / "runs" / name
        try:
            checkpoints.mkdir(parents=True, exist_ok=True)
            available = classifier in zoo.names(folder)
            reader = load_model(classifier, folder, Classifier) if available else None
            model = load_model(name, folder, MixtureVAE)
            study = vae_gmm.run(recipe.config, model, checkpoints, reader)
            *_, found = with_progress_bar(study)
        except (OSError, ValueError, data.DataUnavailable) as error:
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
        list[str] | None,
        typer.Argument(help=f"Some of: {'; '.join(cluster_choices.CHOICES)}. Default: all."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of runs of each setting.")] = 5,
    run_folder: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints, which runs with the same warm-up share."),
    ] = None,
    out: Annotated[Path, typer.Option(help="File for the table.")] = CLUSTERS,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """Compare settings of a VAE with a mixture, each with its control.

    Each row is written as soon as it is measured and replaces the row with the same name. With
    --engine, the settings that share a warm-up are one task per seed, and the same command resumes
    an interrupted study.
    """
    folder = run_folder or user_cache_path("dgm-lab") / "runs" / "clusters"
    names = tuple(choices or cluster_choices.CHOICES)
    study: Iterator[Any]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        runner = chosen_engine(engine, workers, address)
        study = cluster_choices.run(names, seeds, folder)
        if runner is not None:
            study = clusters.run(names, seeds, folder, runner, journal or default_journal())
        put_rows(with_progress_bar(study), out, "choices", cluster_choices.KEY)
    except (OSError, ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "choices", "choices on raw digits", "choice meanings")
