"""Bounds on log p(x), and the likelihood that grows without bound as its variance floor falls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dgm_core import data, zoo
from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import Folder, with_progress_bar, write_pages
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
        list[str] | None,
        typer.Argument(help=f"Models. Default: {', '.join(bound_files.NAMES)}."),
    ] = None,
    out: Annotated[Path, typer.Option(help="File for the tables.")] = LIKELIHOOD,
    folder: Folder = zoo.FOLDER,
    images: Annotated[
        int, typer.Option(help="Number of test images, and of images that the model generates.")
    ] = bound_files.COUNT,
    draws: Annotated[int, typer.Option(help="Largest K of IWAE.")] = 10_000,
    temperatures: Annotated[
        int, typer.Option(help="Temperatures of annealed importance sampling.")
    ] = 100,
    only: Annotated[
        str, typer.Option(help="The tables to measure: bounds, unbounded or both.")
    ] = "both",
) -> None:
    """Measure all bounds on log p(x), and Gaussian decoders with lower and lower variance floors.

    Images that a model generates have a second upper bound. Each row is written as soon as it is
    measured and replaces the row with the same name. Values for each image and each floor, which
    the page shows, are written beside the table: bounds/MODEL.npz, unbounded-DATA.npz.
    """
    if only not in ("bounds", "unbounded", "both"):
        stop(f"expected bounds, unbounded or both, got {only!r}")
    grid = [k for k in bounds.Config().draws if k < draws]
    config = replace(bound_files.SHIPPED, draws=(*grid, draws), temperatures=temperatures)
    try:
        if only != "unbounded":
            available = [*zoo.names(folder), gaussian_digits.NAME]
            for name in names or [each for each in bound_files.NAMES if each in available]:
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
    """Measure the bounds of test images and of images that the model generates."""
    if name == gaussian_digits.NAME and not gaussian_digits.FILE.is_file():
        *_, models = with_progress_bar(_training_frames(gaussian_digits.train()))
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
        *_, found = with_progress_bar(frames)
        typer.echo(f"{name}, {images} {of} images, Pareto k up to {found.pareto_k.max():.2f}")
        for line in found.lines:
            toml_rows.put_row(out, "bounds", line.row(name, of, images), bounds.KEY)
            typer.echo(line.sentence())
        measured[of] = found, shown
    bound_files.save(out.parent / "bounds" / f"{name}.npz", name, measured, folder)


def _write_floors(kind: str, out: Path) -> Iterator[floor_sweep.Sweep]:
    """Write a row for each floor; yield the values for the page."""
    items = _training_frames(unbounded_likelihood.run(floor_sweep.shipped(kind)))
    for item in with_progress_bar(items):
        if isinstance(item, unbounded_likelihood.Row):
            toml_rows.put_row(out, "unbounded", item.entry(), unbounded_likelihood.KEY)
            typer.echo(item.sentence())
        else:
            yield floor_sweep.sweep_of(item)


def _training_frames(items: Iterable[Any]) -> Iterator[Any]:
    """The items, with the frames of `unbounded_likelihood` as frames of progress."""
    for item in items:
        if isinstance(item, unbounded_likelihood.Frame):
            yield Frame(item.doing, item.done)
        else:
            yield item
