"""Bounds on log p(x) on one axis, and the likelihood that has no bound as a floor goes down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dgm_core import data, zoo
from dgm_core.commands.evaluate.run_study import ASSETS, behind_a_bar, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.studies import toml_rows
from dgm_core.studies.likelihood import (
    bound_files,
    bounds,
    floor_sweep,
    gaussian_digits,
    unbounded_likelihood,
)
from dgm_core.studies.progress import Frame

LIKELIHOOD = ASSETS / "likelihood.toml"

app = typer.Typer()


@app.command("likelihood")
def evaluate_likelihood(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"models; {', '.join(bound_files.NAMES)}")
    ] = None,
    out: Annotated[Path, typer.Option(help="file for the tables")] = LIKELIHOOD,
    folder: Annotated[Path, typer.Option(help="where cards and weights are")] = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="test images, and as many that the model made")] = 20,
    draws: Annotated[int, typer.Option(help="the largest K of IWAE")] = 10_000,
    temperatures: Annotated[int, typer.Option(help="of annealed importance sampling")] = 100,
    only: Annotated[str, typer.Option(help="bounds, unbounded or both")] = "both",
) -> None:
    """All bounds on log p(x) on one axis; and Gaussian decoders at ever lower floors.

    Of images that a model made there is a second bound from above. Each row is written as soon as
    it is measured, in place of the one that stood there. What the page shows, image by image and
    floor by floor, goes beside: bounds/MODEL.npz, unbounded-DATA.npz.
    """
    if only not in ("bounds", "unbounded", "both"):
        stop(f"expected bounds, unbounded or both, got {only!r}")
    grid = [k for k in bounds.Config().draws if k < draws]
    config = replace(bound_files.SHIPPED, draws=(*grid, draws), temperatures=temperatures)
    try:
        if only != "unbounded":
            known = [*zoo.names(folder), gaussian_digits.NAME]
            for name in names or [each for each in bound_files.NAMES if each in known]:
                _write_bounds(name, config, images, folder, out)
        if only != "bounds":
            for kind in ("moons", "digits"):
                *_, found = _write_floors(kind, out)
                floor_sweep.save(found, out.parent / f"unbounded-{kind}.npz")
    except (OSError, ValueError, data.DataUnavailable, data.DownloadError) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "bounds", "floors")


def _write_bounds(name: str, config: bounds.Config, images: int, folder: Path, out: Path) -> None:
    """Of test images and of images that the model made."""
    if name == gaussian_digits.NAME and not gaussian_digits.FILE.is_file():
        *_, models = behind_a_bar(_shares_of_training(gaussian_digits.train()))
        gaussian_digits.save(models)
    model, measured = bound_files.load_model(name, folder), {}
    for of in bound_files.SETS:
        shown = bound_files.images_of(name, of, images, model, folder)
        items = bounds.run(
            config, model, shown.x, latents=shown.latents, family=bound_files.family_of(name)
        )
        frames = (
            Frame(item.doing, item.done) if isinstance(item, bounds.Frame) else item
            for item in items
        )
        *_, found = behind_a_bar(frames)
        typer.echo(f"{name}, {images} {of} images, Pareto k up to {found.pareto_k.max():.2f}")
        for line in found.lines:
            toml_rows.put_row(out, "bounds", line.row(name, of, images), bounds.KEY)
            typer.echo(line.sentence())
        measured[of] = found, shown
    bound_files.save(out.parent / "bounds" / f"{name}.npz", name, measured, folder)


def _write_floors(kind: str, out: Path) -> Iterator[floor_sweep.Sweep]:
    """A row for each floor, and what is shown of all."""
    for item in behind_a_bar(
        _shares_of_training(unbounded_likelihood.run(floor_sweep.shipped(kind)))
    ):
        if isinstance(item, unbounded_likelihood.Row):
            toml_rows.put_row(out, "unbounded", item.entry(), unbounded_likelihood.KEY)
            typer.echo(item.sentence())
        else:
            yield floor_sweep.sweep_of(item)


def _shares_of_training(items: Iterable[Any]) -> Iterator[Any]:
    """Frames of training under floors as shares of the work, and what else there is."""
    for item in items:
        yield (
            Frame(item.doing, item.done) if isinstance(item, unbounded_likelihood.Frame) else item
        )
