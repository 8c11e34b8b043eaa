"""The command line: `python -m dgm_core data|train|evaluate|impute|bench …`."""

from __future__ import annotations

import math
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from platformdirs import user_cache_path

from dgm_core import data, device, impute, recipes, zoo
from dgm_core.baselines.tables import TABLE_BASELINES
from dgm_core.bench.timing import Line
from dgm_core.data.reading import read_table
from dgm_core.data.writing import Format
from dgm_core.models.classifier import Classifier
from dgm_core.recipes.classifier import labelled
from dgm_core.recipes.wgan import snapshots
from dgm_core.studies import (
    bound_files,
    classifier,
    clipping_scores,
    cluster_choices,
    cluster_course,
    cluster_measure,
    directions,
    distance_sweeps,
    dlvm,
    floor_sweep,
    gan_course,
    gan_quality,
    gaussian_digits,
    holes,
    likelihood,
    miwae,
    moons_flow,
    pixel_quality,
    prediction,
    protocol,
    sampler_sweeps,
    samplers,
    tables,
    unbounded,
    vae_quality,
)
from dgm_core.studies.progress import Frame

ASSETS = Path(__file__).parent.parent / "assets"
TABLES = ASSETS / "inpainting_tables.toml"
MNAR_TABLES = ASSETS / "mnar_tables.toml"
DISTANCES = ASSETS / "distances.toml"
CLUSTERS = ASSETS / "clusters.toml"
SAMPLER_STUDIES = ASSETS / "sampler_studies.toml"
LIKELIHOOD = ASSETS / "likelihood.toml"
FLOW = ASSETS / "moons_flow.npz"

app = typer.Typer(
    help="Deep generative models with missing data.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
data_app = typer.Typer(help="Images and tables: what is here, and how to get the rest.")
app.add_typer(data_app, name="data")
evaluate_app = typer.Typer(help="Measure the shipped models.")
app.add_typer(evaluate_app, name="evaluate")
bench_app = typer.Typer(help="Speed, as ratios within one run.")
app.add_typer(bench_app, name="bench")


@data_app.command("list")
def data_list() -> None:
    """Which data sets are on this machine."""
    typer.echo(f"folder: {data.data_folder()}")
    for name in (*data.NAMES, *data.TABLES):
        typer.echo(f"{name:16} {'here' if data.is_available(name) else 'not here'}")


@data_app.command("fetch")
def data_fetch(
    names: Annotated[list[str], typer.Argument(help="mnist, celeba, concrete, …; see list")],
) -> None:
    """Download and prepare data sets; a failure leaves nothing half done."""
    for name in names:
        try:
            typer.echo(f"{name}: {data.fetch(name)}")
        except (ValueError, data.DownloadError) as error:
            _stop(error)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help=f"one of {', '.join(recipes.RECIPES)}")],
    run_folder: Annotated[Path | None, typer.Option(help="checkpoints; resumed if there")] = None,
    logdir: Annotated[Path | None, typer.Option(help="write TensorBoard logs here")] = None,
    out: Annotated[Path, typer.Option(help="folder for weights and card")] = zoo.FOLDER,
    threads: Annotated[int | None, typer.Option(help="CPU threads; default: all")] = None,
) -> None:
    """Train a recipe to weights and a card; killed at any moment, it goes on where it was."""
    chosen = recipes.RECIPES.get(recipe)
    if chosen is None:
        _stop(f"no recipe {recipe!r}; there are {', '.join(recipes.RECIPES)}")
    if threads:
        torch.set_num_threads(threads)
    folder = run_folder or user_cache_path("dgm-lab") / "runs" / recipe
    folder.mkdir(parents=True, exist_ok=True)
    minutes: dict[str, float] = {}
    try:
        for stage in _with_bar(recipes.train(chosen, folder, device.default_device()), logdir):
            minutes[stage.name] = stage.progress.seconds / 60
    except (data.DataUnavailable, data.DownloadError, zoo.BrokenModel, ValueError) as error:
        _stop(error)
    origin = {
        "commit": _commit(),
        "seed": chosen.seed,
        "minutes": {name: round(value, 1) for name, value in minutes.items()},
        "machine": f"{device.default_device()}, {torch.get_num_threads()} thread(s), "
        f"{platform.machine()}, torch {torch.__version__.split('+')[0]}",
    }
    recipes.publish(chosen, folder, origin, out)
    typer.echo(f"wrote {out / recipe}.safetensors and its card; now: evaluate")


@evaluate_app.command("dlvm")
def evaluate_dlvm(
    names: Annotated[list[str], typer.Argument(help="models, mnist-dlvm for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="test images for log p(x)")] = 1000,
    draws: Annotated[int, typer.Option(help="importance samples an image")] = 5000,
    inpainted: Annotated[int, typer.Option(help="test images for the samplers")] = 100,
    iterations: Annotated[int, typer.Option(help="of the samplers")] = 500,
) -> None:
    """Measure log p(x), acceptance and F1 (faces: PSNR) of DLVMs; write them on their cards."""
    for name in names:
        found = _measure(
            name,
            folder,
            lambda dataset, model: dlvm.run(
                dlvm.Config(dataset, images, draws, inpainted, iterations=iterations), model
            ),
        )
        for key, value in found.likelihood._asdict().items():
            typer.echo(
                f"{key:16} {value:.3f}" if isinstance(value, float) else f"{key:16} {value}"
            )
        for row in found.inpainting:
            typer.echo(
                f"{row.sampler:24} {row.pattern:15} {row.score} {row.value:.3f} "
                f"± {row.standard_error:.3f}  "
                f"acceptance {row.acceptance:.4f}  stuck {row.stuck:.3f}"
            )


@evaluate_app.command("vae")
def evaluate_vae(
    names: Annotated[list[str], typer.Argument(help="models, binarized-mnist-vae for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images; all")] = None,
    draws: Annotated[int, typer.Option(help="K, importance samples an image")] = 200,
) -> None:
    """Measure log p(x), the ELBO and which latents are used; write them on the models' cards."""
    for name in names:
        found = _measure(
            name,
            folder,
            lambda dataset, model: vae_quality.run(
                vae_quality.Config(dataset, images, draws), model
            ),
        )
        typer.echo(
            f"{name}: log p(x) {found.log_p:.2f} ± {found.standard_error:.2f} (K = {draws}), "
            f"ELBO {found.elbo:.2f} = {found.reconstruction:.2f} − {found.divergence:.2f}; "
            f"{int(found.units.active.sum())} of {len(found.units.active)} latents active"
        )


@evaluate_app.command("likelihood")
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
        _stop(f"expected bounds, unbounded or both, got {only!r}")
    grid = [k for k in likelihood.Config().draws if k < draws]
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
        _stop(error)
    typer.echo(f"wrote {out}")


def _write_bounds(
    name: str, config: likelihood.Config, images: int, folder: Path, out: Path
) -> None:
    """Of test images and of images that the model made."""
    if name == gaussian_digits.NAME and not gaussian_digits.FILE.is_file():
        *_, models = _behind_a_bar(_shares_of_training(gaussian_digits.train()))
        gaussian_digits.save(models)
    model, measured = bound_files.load_model(name, folder), {}
    for of in bound_files.SETS:
        shown = bound_files.images_of(name, of, images, model, folder)
        items = likelihood.run(
            config, model, shown.x, latents=shown.latents, family=bound_files.family_of(name)
        )
        frames = (
            Frame(item.doing, item.done) if isinstance(item, likelihood.Frame) else item
            for item in items
        )
        *_, found = _behind_a_bar(frames)
        typer.echo(f"{name}, {images} {of} images, Pareto k up to {found.pareto_k.max():.2f}")
        for line in found.lines:
            tables.put_row(out, "bounds", line.row(name, of, images), likelihood.KEY)
            typer.echo(line.sentence())
        measured[of] = found, shown
    bound_files.save(out.parent / "bounds" / f"{name}.npz", name, measured, folder)


def _write_floors(kind: str, out: Path) -> Iterator[floor_sweep.Sweep]:
    """A row for each floor, and what is shown of all."""
    for item in _behind_a_bar(_shares_of_training(unbounded.run(floor_sweep.shipped(kind)))):
        if isinstance(item, unbounded.Row):
            tables.put_row(out, "unbounded", item.entry(), unbounded.KEY)
            typer.echo(item.sentence())
        else:
            yield floor_sweep.sweep_of(item)


def _shares_of_training(items: Iterable[Any]) -> Iterator[Any]:
    """Frames of training under floors as shares of the work, and what else there is."""
    for item in items:
        yield Frame(item.doing, item.done) if isinstance(item, unbounded.Frame) else item


@evaluate_app.command("miwae")
def evaluate_miwae(
    names: Annotated[list[str], typer.Argument(help="models, mnist-miwae for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="test images")] = 200,
    draws: Annotated[int, typer.Option(help="K, importance samples an image")] = 1000,
) -> None:
    """Measure the bound, the weights and F1 (faces: PSNR) of MIWAEs; write them on their cards."""
    for name in names:
        found = _measure(
            name,
            folder,
            lambda dataset, model: miwae.run(miwae.Config(dataset, images, draws), model),
        )
        for row in found.rows:
            typer.echo(
                f"{row.pattern:15} {row.score} {row.value:.3f} ± {row.standard_error:.3f}  "
                f"bound {row.bound:.2f} (K = 10: {row.bound_of_10:.2f})  ESS {row.ess:.1f}  "
                f"Pareto k > 0.7: {row.untrusted:.0%}"
            )


@evaluate_app.command("clipping")
def evaluate_clipping(
    names: Annotated[list[str], typer.Argument(help="models, svhn-clipped-notmiwae for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images; all")] = None,
    draws: Annotated[int, typer.Option(help="K, importance samples an image")] = 200,
) -> None:
    """Measure the RMSE of what fills in over-exposed images; write it on the models' cards."""
    for name in names:
        found = _measure(
            name,
            folder,
            lambda dataset, model: clipping_scores.run(
                clipping_scores.Config(dataset, images, draws), model
            ),
        )
        for row in found.rows:
            typer.echo(f"{row.estimate:22} RMSE {row.rmse:.4f} ± {row.standard_error:.4f}")
        if found.learned:
            typer.echo("learned: threshold {:.3f}, strength {:.1f}".format(*found.learned))


@evaluate_app.command("classifier")
def evaluate_classifier(
    names: Annotated[list[str], typer.Argument(help="models, mnist-classifier for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
) -> None:
    """Measure how often classifiers are right on the test split; write it on their cards."""
    for name in names:
        found = _measure(
            name,
            folder,
            lambda dataset, model: classifier.run(labelled(dataset, "test"), model),
        )
        typer.echo(
            f"{found.images} images: accuracy {found.accuracy:.4f}, "
            f"log p(y | x) {found.log_likelihood:.3f}"
        )


@evaluate_app.command("pixels")
def evaluate_pixels(
    names: Annotated[list[str], typer.Argument(help="models, digits-pixelcnn for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images; all")] = None,
) -> None:
    """Measure the exact log p(x) of autoregressive models; write it on their cards."""
    for name in names:
        found = _measure(
            name, folder, lambda dataset, model: pixel_quality.run(dataset, model, images)
        )
        typer.echo(
            f"{name}: log p(x) {found.log_p:.2f} ± {found.standard_error:.2f}, "
            f"{found.images} images"
        )


@evaluate_app.command("flow")
def evaluate_flow(
    out: Annotated[Path, typer.Option(help="file for the weights")] = FLOW,
    steps: Annotated[int, typer.Option(help="of training")] = moons_flow.Config.steps,
) -> None:
    """Train the flow of the theory notes on two moons; print its log p(x) and write it."""
    for frame in moons_flow.run(moons_flow.Config(steps=steps)):
        if frame.step % 500 == 0 or frame.step == steps:
            typer.echo(f"step {frame.step:5}  log p(x) {frame.log_p:.3f} nats a point")
    moons_flow.save(frame.flow, out)
    typer.echo(f"wrote {out}")


@evaluate_app.command("gan")
def evaluate_gan(
    names: Annotated[list[str], typer.Argument(help="models, mnist-wgan for one")],
    folder: Annotated[
        Path, typer.Option(help="where cards and weights are, the classifier's too")
    ] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images, and made; all")] = None,
    run_folder: Annotated[
        Path | None, typer.Option(help="of the training: draw its snapshots")
    ] = None,
    assets: Annotated[Path, typer.Option(help="folder for the snapshots")] = ASSETS,
) -> None:
    """Measure the Fréchet distance, its floor, precision and recall; write them on the cards.

    The directions of the latent space go to NAME-directions.npz among the assets; with a run
    folder, the course of the training goes to NAME.npz.
    """
    for name in names:
        try:
            dataset = zoo.card(name, folder)["data"]
            judge = zoo.load(f"{dataset}-classifier", device.default_device(), folder)
        except ValueError as error:
            _stop(error)
        found = _measure(
            name,
            folder,
            lambda dataset, model, judge=judge: gan_quality.run(
                gan_quality.Config(dataset, images), model, judge
            ),
        )
        for key in found.made._fields:
            typer.echo(
                f"{key:10} {getattr(found.made, key):8.4f}   "
                f"of real images {getattr(found.real, key):8.4f}"
            )
        typer.echo(f"{found.times_floor:.2f} × the floor")
        named = directions.study(
            zoo.load(name, folder=folder),
            judge.cpu(),
            directions.WANTED.get(dataset, ()),
            left_out=directions.LEFT_OUT.get(dataset, ()),
        )
        directions.save(named, assets / f"{name}-directions.npz")
        typer.echo("directions: " + ", ".join(each or "–" for each in named.principal.names[:8]))
        if run_folder is not None:
            _write_course(name, dataset, judge, run_folder, folder, assets)


def _write_course(
    name: str, dataset: str, judge: Classifier, run_folder: Path, folder: Path, assets: Path
) -> None:
    model = zoo.load(name, device.default_device(), folder)
    reference = gan_quality.Reference(dataset, judge)
    try:
        *_, course = _behind_a_bar(gan_course.run(model, snapshots(run_folder), reference))
    except ValueError as error:
        _stop(error)
    path = assets / f"{name}.npz"
    gan_course.save(course, path)
    for iteration, frechet in zip(course.iterations, course.frechet, strict=True):
        typer.echo(f"iteration {iteration:6}  Fréchet {frechet:.3f}")
    typer.echo(f"wrote {path}")


@evaluate_app.command("vaegmm")
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
    """Measure accuracy and bound beside a control's, for the cards; write NAME.npz, the course."""
    for name in names:
        recipe = recipes.RECIPES.get(name)
        if not isinstance(recipe, recipes.MixtureRecipe):
            _stop(f"no recipe {name!r} of a VAE with a mixture")
        judge = f"{recipe.dataset}-classifier"
        reader = zoo.load(judge, folder=folder) if judge in zoo.names(folder) else None
        where = run_folder or user_cache_path("dgm-lab") / "runs" / name
        where.mkdir(parents=True, exist_ok=True)
        try:
            model = zoo.load(name, folder=folder)
            *_, found = _behind_a_bar(cluster_measure.run(recipe.config, model, where, reader))
        except (ValueError, data.DataUnavailable) as error:
            _stop(error)
        card = {**zoo.card(name, folder), "measured": found.measured.as_card()}
        zoo.annotate(name, card, folder)
        cluster_course.save(found.course, assets / f"{name}.npz")
        for key, value in found.measured.as_card().items():
            typer.echo(f"{key:20} {value}")
        typer.echo(f"wrote {assets / name}.npz")


@evaluate_app.command("clusters")
def evaluate_clusters(
    choices: Annotated[
        list[str] | None, typer.Argument(help=f"of {', '.join(cluster_choices.CHOICES)}; all")
    ] = None,
    seeds: Annotated[int, typer.Option(help="runs of each choice")] = 5,
    run_folder: Annotated[
        Path | None, typer.Option(help="checkpoints, shared by runs that begin alike")
    ] = None,
    out: Annotated[Path, typer.Option(help="file for the table")] = CLUSTERS,
) -> None:
    """What makes a VAE and a mixture learn from each other: each choice beside its control.

    Each row is written as soon as it is measured, in place of the one that stood there.
    """
    where = run_folder or user_cache_path("dgm-lab") / "runs" / "clusters"
    where.mkdir(parents=True, exist_ok=True)
    names = tuple(choices or cluster_choices.CHOICES)
    try:
        for row in _behind_a_bar(cluster_choices.run(names, seeds, where)):
            tables.put_row(out, "choices", tables.rounded(row._asdict()), cluster_choices.KEY)
            typer.echo(row.sentence())
    except (ValueError, data.DataUnavailable) as error:
        _stop(error)
    typer.echo(f"wrote {out}")


def _measure(
    name: str, folder: Path, study: Callable[[str, torch.nn.Module], Iterable[Any]]
) -> Any:
    """Run a study of one model behind a bar, write its result on the card, return it."""
    try:
        model = zoo.load(name, device.default_device(), folder)
        card = zoo.card(name, folder)
        *_, found = _behind_a_bar(study(card["data"], model))
    except (ValueError, data.DataUnavailable, data.DownloadError) as error:
        _stop(error)
    zoo.annotate(name, {**card, "measured": found.as_card()}, folder)
    return found


@evaluate_app.command("mnar")
def evaluate_mnar(
    out: Annotated[Path, typer.Option(help="file for the table")] = MNAR_TABLES,
    table: Annotated[list[str] | None, typer.Option(help="tables; all that are here")] = None,
    method: Annotated[list[str] | None, typer.Option(help="methods; all")] = None,
    runs: Annotated[int, typer.Option(help="trainings of each method")] = 5,
    samples: Annotated[int, typer.Option(help="importance samples of the imputation")] = 2_000,
    iterations: Annotated[
        int | None, typer.Option(help="of training; default: each its own")
    ] = None,
) -> None:
    """Repeat not-MIWAE's study of tables; prints ours beside the published numbers.

    Each row is written as soon as it is measured, in place of the one that stood there.
    """
    try:
        config = protocol.Config(
            tuple(table or protocol.TABLES),
            tuple(method or (*protocol.METHODS, *TABLE_BASELINES)),
            runs,
            samples=samples,
            iterations=iterations,
        )
        for row in _behind_a_bar(protocol.run(config)):
            tables.put_row(out, "imputation", tables.rounded(row._asdict()), protocol.KEY)
            typer.echo(row.sentence())
    except (ValueError, data.DataUnavailable, data.DownloadError) as error:
        _stop(error)
    typer.echo(f"wrote {out}")


@evaluate_app.command("prediction")
def evaluate_prediction(
    out: Annotated[Path, typer.Option(help="file for the table")] = MNAR_TABLES,
    table: Annotated[list[str] | None, typer.Option(help="tables; all that are here")] = None,
    runs: Annotated[int, typer.Option(help="splits")] = 5,
) -> None:
    """Predict from rows with holes: supervised forms against impute-then-predict."""
    for name in table or prediction.TASKS:
        try:
            config, features, target = prediction.task_of(name, runs)
        except data.DataUnavailable as error:
            typer.echo(f"{name} is passed over: {error}")
            continue
        *_, found = _behind_a_bar(_shares(prediction.run(config, features, target)))
        for row in found.rows:
            entry = {"table": name, "task": found.task, **row._asdict(), "runs": runs}
            tables.put_row(out, "prediction", _plain(entry), ("table", "method"))
            first = next(iter(prediction.SCORES[found.task]))
            typer.echo(
                f"{name:10} {row.method:26} {first} {row.mean[first]:.3f} ± "
                f"{row.error[first]:.3f}   behind sup-not-MIWAE by {row.behind:+.3f} ± "
                f"{row.behind_error:.3f}"
            )
        typer.echo(prediction.sentence(found))
    typer.echo(f"wrote {out}")


def _shares(items: Iterable[Any]) -> Iterator[Any]:
    """Frames of a study of predictions as shares of the work."""
    for item in items:
        yield Frame(item.method, item.done) if isinstance(item, prediction.Frame) else item


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers rounded, also within tables of scores."""
    return {
        key: tables.rounded(value) if isinstance(value, Mapping) else value
        for key, value in tables.rounded(entry).items()
    }


@evaluate_app.command("inpainting")
def evaluate_inpainting(
    out: Annotated[Path, typer.Option(help="file for the tables")] = TABLES,
    images: Annotated[int | None, typer.Option(help="test images for the holes; all")] = None,
    inpainted: Annotated[int, typer.Option(help="test images for the samplers")] = 1000,
    iterations: Annotated[int, typer.Option(help="of the chain samplers")] = 200,
    only: Annotated[str, typer.Option(help="holes, samplers or both")] = "both",
    cards: Annotated[bool, typer.Option(help="write the holes on the models' cards too")] = True,
) -> None:
    """Make the tables of the README again: holes (DMFA, MFA) and samplers (F1).

    Each row is written as soon as it is measured, in place of the one that stood there.
    """
    if only not in ("holes", "samplers", "both"):
        _stop(f"expected holes, samplers or both, got {only!r}")
    where = device.default_device()
    try:
        if only != "samplers":
            for row in _behind_a_bar(holes.run(holes.Config(images), where)):
                entry = tables.rounded(row._asdict())
                rows = tables.put_row(out, "holes", entry, holes.KEY)
                if cards:
                    holes.annotate_card(entry, rows)
                typer.echo(row.sentence())
        if only != "holes":
            config = samplers.Config(inpainted, iterations=iterations)
            for row in _behind_a_bar(samplers.run(config, where)):
                tables.put_row(out, "samplers", tables.rounded(row._asdict()), samplers.KEY)
                typer.echo(row.sentence())
    except (ValueError, data.DataUnavailable, data.DownloadError) as error:
        _stop(error)
    typer.echo(f"wrote {out}")


@evaluate_app.command("samplers")
def evaluate_samplers(
    out: Annotated[
        Path, typer.Option(help="file for the table; counts go beside")
    ] = SAMPLER_STUDIES,
    study: Annotated[str, typer.Option(help=", ".join(sampler_sweeps.SWEEPS) + " or all")] = "all",
    dataset: Annotated[str, typer.Option("--data", help="mnist, omniglot, digits or all")] = "all",
    images: Annotated[int | None, typer.Option(help="test images; as shipped")] = None,
    iterations: Annotated[int | None, typer.Option(help="of each run; as shipped")] = None,
    chains: Annotated[int | None, typer.Option(help="an image; as shipped")] = None,
) -> None:
    """Make the inpainting lab's studies again: pseudo-Gibbs and Metropolis over many settings.

    A row that is there with the same settings is not measured again; remove the files for that.
    """
    sizes = {"images": images, "iterations": iterations, "chains": chains}
    try:
        configs = sampler_sweeps.chosen(study, dataset, sizes)
        for row in _behind_a_bar(sampler_sweeps.update(configs, out, device.default_device())):
            typer.echo(row.sentence())
    except (ValueError, data.DataUnavailable, data.DownloadError) as error:
        _stop(error)
    typer.echo(f"wrote {out} and {out.with_suffix('.npz')}")


@evaluate_app.command("distances")
def evaluate_distances(
    out: Annotated[
        Path, typer.Option(help="file for the table; the curves go beside")
    ] = DISTANCES,
    steps: Annotated[int | None, typer.Option(help="of the critics; the default")] = None,
) -> None:
    """Sweep θ: distances as critics find them beside the truth, and the seconds that takes."""
    try:
        found = list(_behind_a_bar(distance_sweeps.run(distance_sweeps.configs(steps))))
    except ValueError as error:
        _stop(error)
    for sweep in found:
        for row in sweep.rows():
            tables.put_row(out, "distances", tables.rounded(row._asdict()), distance_sweeps.KEY)
            typer.echo(row.sentence())
    distance_sweeps.save(found, out.with_suffix(".npz"))
    typer.echo(f"wrote {out} and {out.with_suffix('.npz')}")


def _behind_a_bar(items: Iterable[Any]) -> Iterator[Any]:
    """Show each `Frame` on a bar, and pass on what was measured."""
    from tqdm import tqdm

    with tqdm(total=1.0, bar_format="{desc:50} {percentage:3.0f}%|{bar}|") as bar:
        for item in items:
            if isinstance(item, Frame):
                bar.set_description(item.doing, refresh=False)
                bar.n = item.done
                bar.refresh()
            else:
                yield item


@app.command("impute")
def impute_table(
    table: Annotated[
        Path, typer.Argument(help="CSV or Parquet", exists=True, dir_okay=False, readable=True)
    ],
    out: Annotated[
        Path | None, typer.Option(help="completed table; default: beside the table")
    ] = None,
    model: Annotated[impute.Model, typer.Option(help="not-miwae learns why as well")] = "miwae",
    process: Annotated[
        str | None, typer.Option(help=f"of not-miwae: {', '.join(impute.LEARNABLE)}")
    ] = None,
    draws: Annotated[int, typer.Option(help="completed tables for multiple imputation")] = 0,
    samples: Annotated[int, typer.Option(help="K, importance samples a row")] = 1000,
    epochs: Annotated[int, typer.Option(help="at most")] = 500,
    seed: Annotated[int, typer.Option(help="of everything")] = 0,
    checkpoint: Annotated[Path | None, typer.Option(help="folder; resumed if there")] = None,
    logdir: Annotated[Path | None, typer.Option(help="write TensorBoard logs here")] = None,
    format: Annotated[Format | None, typer.Option(help="default: as `out` ends, else csv")] = None,
    with_lines: Annotated[
        bool, typer.Option("--with-lines", help="first column: the row's line in the file")
    ] = False,
) -> None:
    """Fill in a table: OUT has means and likeliest levels, OUT-sd how sure they are.

    With --draws, OUT-01, OUT-02 … are whole tables drawn from what the model holds possible. The
    sd of a number is in its units, 0 where it was observed; of a level with probability p it is
    √(p (1 − p)). Columns and rows that cannot be used are named and left out.
    """
    kind = format or ("parquet" if out and out.suffix == ".parquet" else "csv")
    target = out or table.with_name(f"{table.stem}-completed.{kind}")
    if target.resolve() == table.resolve():
        _stop(f"{target} is the table itself; choose another name for the completed one")
    try:
        settings = impute.Settings(
            model, process, draws, samples, epochs, seed, checkpoint, logdir
        )
        reading = read_table(table.read_bytes(), table.name)
        frame = reading.frame
        imputer = impute.imputer_of(settings, frame)
        target.parent.mkdir(parents=True, exist_ok=True)  # fails before the training, if it does
        for line in impute.understood(reading):
            typer.echo(line)
        if frame.isna().any(axis=None):
            steps = ((model, now) for now in impute.training(imputer, frame))
            for _ in _with_bar(steps, None):
                pass
            filled = impute.fill(imputer, frame, settings)
            for line in impute.learned(imputer, reading):
                typer.echo(line)
        else:
            typer.echo("Nothing is missing, so nothing was fitted; the table is written as it is.")
            filled = impute.as_it_is(frame, settings)
        first, *others = impute.write(filled, target, kind, with_lines=with_lines)
    except (OSError, ValueError, FloatingPointError) as error:
        _stop(error)
    typer.echo(f"wrote {first} and {', '.join(path.name for path in others)}")


@bench_app.command("imputers")
def bench_imputers() -> None:
    """Seconds of each method beside its own network passes, and a matrix product's rate."""
    from dgm_core.bench import imputers

    _print_lines(imputers.run())


@bench_app.command("mnar")
def bench_mnar() -> None:
    """Seconds an epoch of MIWAE and not-MIWAE on a table, and to impute it; by rows."""
    from dgm_core.bench import mnar

    _print_lines(mnar.run())


@bench_app.command("clusters")
def bench_clusters() -> None:
    """A Gibbs sweep of a mixture beside its public form, and by points."""
    from dgm_core.bench import clusters

    _print_lines(clusters.run())


@bench_app.command("gan")
def bench_gan() -> None:
    """Training steps of critics beside their own passes, and a small GAN's iterations a second."""
    from dgm_core.bench import gan

    _print_lines(gan.run())


@bench_app.command("page")
def bench_page(
    parts: Annotated[
        list[str] | None, typer.Argument(help="strokes, reruns, start, memory; else all")
    ] = None,
    times: Annotated[int, typer.Option(help="strokes and reruns of a kind")] = 20,
    starts: Annotated[int, typer.Option(help="servers started for each page")] = 3,
    sessions: Annotated[int, typer.Option(help="beside the first")] = 10,
) -> None:
    """The inpainting lab in a browser beside a bare app: strokes, reruns, start and memory."""
    from dgm_core.bench import page

    counts = (f"--times={times}", f"--starts={starts}", f"--sessions={sessions}")
    try:
        status = page.run(*(parts or ()), *counts)
    except FileNotFoundError as error:
        _stop(error)
    raise typer.Exit(status)


@bench_app.command("samplers")
def bench_samplers() -> None:
    """Metropolis iterations beside their network passes, and the page's default run."""
    from dgm_core.bench import samplers

    _print_lines(samplers.run())


def _print_lines(lines: Iterable[Line]) -> None:
    typer.echo(f"{device.default_device()}, {platform.machine()}, torch {torch.__version__}")
    for line in lines:
        goal = "" if line.goal is None else f"   (goal: at most {line.goal})"
        typer.echo(f"{line.what:60} {line.value:8.3f} {line.unit}{goal}")


def _with_bar(stages, logdir: Path | None):  # noqa: ANN001, ANN202
    """Pass stages through, drawing a bar with loss and ETA, and logging to TensorBoard."""
    from tqdm import tqdm

    writer = None
    if logdir is not None:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(logdir))
    bar, current = None, None
    try:
        for stage in stages:
            name, now, *_ = stage
            if name != current:
                if bar is not None:
                    bar.close()
                current = name
                form = "{desc} {percentage:3.0f}%|{bar}| epoch {n:.1f}/{total} {postfix}"
                bar = tqdm(desc=name, total=now.epochs, bar_format=form, mininterval=0.5)
            bar.n = now.epoch + now.step / now.steps
            eta = time.strftime("%H:%M:%S", time.gmtime(now.eta)) if now.eta == now.eta else "?"
            bar.set_postfix_str(
                f"loss {now.loss:.2f}, validation {now.validation:.3f} "
                f"(best {now.best:.3f}), ETA {eta}"
            )
            if writer is not None:
                at = now.epoch * now.steps + now.step
                if now.loss == now.loss:
                    writer.add_scalar(f"{name}/loss", now.loss, at)
                if now.step == 0 and math.isfinite(now.validation):
                    writer.add_scalar(f"{name}/validation", now.validation, at)
                for key, value in stage.numbers.items():
                    if value == value:
                        writer.add_scalar(f"{name}/{key}", value, at)
                if stage.sheet is not None:
                    writer.add_image(f"{name}/samples", stage.sheet, at, dataformats="HWC")
            yield stage
    finally:
        if bar is not None:
            bar.close()
        if writer is not None:
            writer.close()


def _commit() -> str:
    """The commit the code stands at, marked when files differ from it."""
    here = Path(__file__).parent
    try:
        words = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(
            words, cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _stop(error: object) -> None:
    typer.secho(str(error), fg=typer.colors.RED, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    device.keep_freed_memory()
    app()
