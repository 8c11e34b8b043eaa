"""Generators of GANs: distance to real images, directions of the latent space, their history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from dgm_core import device, zoo
from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import (
    UNAVAILABLE,
    Folder,
    load_model,
    measure,
    with_progress_bar,
    write_pages,
)
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import gan
from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.studies.latent import directions
from dgm_core.studies.latent import history as gan_history
from dgm_core.training.gan_reference import Reference

app = typer.Typer()


@app.command("gan")
def evaluate_gan(
    names: Annotated[list[str], typer.Argument(help="Models, such as mnist-wgan.")],
    folder: Folder = zoo.FOLDER,
    images: Annotated[
        int | None,
        typer.Option(
            help="Number of test images, and of generated images. Default: all test images."
        ),
    ] = None,
    run_folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the training run; its snapshots are written to NAME.npz."),
    ] = None,
    assets: Annotated[Path, typer.Option(help="Folder for NAME.npz.")] = ASSETS,
) -> None:
    """Measure WGANs: Fréchet distance with its floor, precision, recall; write them on the cards.

    Directions of the latent space are written to NAME-directions.npz.
    """
    for name in names:
        try:
            dataset = zoo.card(name, folder)["data"]
            chosen = device.default_device()
            judge = load_model(f"{dataset}-classifier", folder, Classifier, chosen=chosen)
            model = load_model(name, folder, WGAN)
        except UNAVAILABLE as error:
            stop(error)
        found = measure(
            name,
            folder,
            WGAN,
            lambda dataset, model, judge=judge: gan.run(gan.Config(dataset, images), model, judge),
        )
        generated, floor = _spread(found.distances.generated), _spread(found.distances.floor)
        typer.echo(f"Fréchet distance {generated}, floor {floor}")
        typer.echo(f"{found.distances.times_floor:.2f} × the floor")
        for key in found.made._fields:
            typer.echo(
                f"{key:10} {getattr(found.made, key):8.4f}   "
                f"real images {getattr(found.real, key):8.4f}"
            )
        named = directions.study(
            model,
            judge.cpu(),
            directions.WANTED.get(dataset, ()),
            left_out=directions.LEFT_OUT.get(dataset, ()),
        )
        directions.save(named, assets / f"{name}-directions.npz")
        typer.echo("directions: " + ", ".join(each or "–" for each in named.principal.names[:8]))
        for trait, (absent, present) in zip(
            named.traits.names, named.traits.hits.tolist(), strict=True
        ):
            typer.echo(f"{trait:14} absent at −4: {absent:.2f}   present at 4: {present:.2f}")
        if run_folder is not None:
            _write_history(name, dataset, judge, run_folder, folder, assets)
    write_pages(folder, "gan", "hits")


def _spread(distances: Tensor) -> str:
    """Mean ± standard deviation."""
    return f"{distances.mean():.3f} ± {distances.std():.3f}"


def _write_history(
    name: str, dataset: str, judge: Classifier, run_folder: Path, folder: Path, assets: Path
) -> None:
    from dgm_core.recipes.wgan import snapshots

    model = load_model(name, folder, WGAN, chosen=device.default_device())
    reference = Reference(dataset, judge)
    try:
        *_, history = with_progress_bar(gan_history.run(model, snapshots(run_folder), reference))
    except ValueError as error:
        stop(error)
    path = assets / f"{name}.npz"
    gan_history.save(history, path)
    for iteration, frechet in zip(history.iterations, history.frechet, strict=True):
        typer.echo(f"iteration {iteration:6}  Fréchet {frechet:.3f}")
    typer.echo(f"wrote {path}")
