"""The command line: `python -m dgm_core data|train|evaluate|bench …`."""

from __future__ import annotations

import platform
import subprocess
import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from platformdirs import user_cache_path

from dgm_core import data, device, recipes, zoo
from dgm_core.studies import dlvm

app = typer.Typer(
    help="Deep generative models with missing data.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
data_app = typer.Typer(help="Image sets: what is here, and how to get the rest.")
app.add_typer(data_app, name="data")
evaluate_app = typer.Typer(help="Measure the shipped models.")
app.add_typer(evaluate_app, name="evaluate")
bench_app = typer.Typer(help="Speed, as ratios within one run.")
app.add_typer(bench_app, name="bench")


@data_app.command("list")
def data_list() -> None:
    """Which data sets are on this machine."""
    typer.echo(f"folder: {data.data_folder()}")
    for name in data.NAMES:
        typer.echo(f"{name:16} {'here' if data.is_available(name) else 'not here'}")


@data_app.command("fetch")
def data_fetch(
    names: Annotated[list[str], typer.Argument(help="mnist, binarized_mnist, omniglot")],
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
        "seed": chosen.model.seed,
        "minutes": {name: round(value, 1) for name, value in minutes.items()},
        "machine": f"{device.default_device()}, {torch.get_num_threads()} thread(s), "
        f"{platform.machine()}, torch {torch.__version__.split('+')[0]}",
    }
    recipes.publish(chosen, folder, origin, out)
    typer.echo(f"wrote {out / recipe}.safetensors and its card; now: evaluate dlvm {recipe}")


@evaluate_app.command("dlvm")
def evaluate_dlvm(
    names: Annotated[list[str], typer.Argument(help="models, mnist-dlvm for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="test images for log p(x)")] = 1000,
    draws: Annotated[int, typer.Option(help="importance samples an image")] = 5000,
    inpainted: Annotated[int, typer.Option(help="test images for the samplers")] = 100,
) -> None:
    """Measure log p(x), acceptance and F1 of shipped DLVMs and write them on their cards."""
    from tqdm import tqdm

    for name in names:
        try:
            model = zoo.load(name, device.default_device(), folder)
            card = zoo.card(name, folder)
            config = dlvm.Config(card["data"], images, draws, inpainted)
            with tqdm(total=1.0, bar_format="{desc:40} {percentage:3.0f}%|{bar}|") as bar:
                for frame in dlvm.run(config, model):
                    if isinstance(frame, dlvm.Frame):
                        bar.set_description(frame.doing, refresh=False)
                        bar.n = frame.done
                        bar.refresh()
        except (ValueError, data.DataUnavailable, data.DownloadError) as error:
            _stop(error)
        zoo.annotate(name, {**card, "measured": frame.as_card()}, folder)
        for key, value in frame.likelihood._asdict().items():
            typer.echo(
                f"{key:16} {value:.3f}" if isinstance(value, float) else f"{key:16} {value}"
            )
        for row in frame.inpainting:
            typer.echo(
                f"{row.sampler:24} {row.pattern:15} F1 {row.f1:.3f} ± {row.standard_error:.3f}  "
                f"acceptance {row.acceptance:.3f}  stuck {row.stuck:.3f}"
            )


@bench_app.command("samplers")
def bench_samplers() -> None:
    """Metropolis iterations beside their network passes, and the page's default run."""
    from dgm_core.bench import samplers

    typer.echo(f"{device.default_device()}, {platform.machine()}, torch {torch.__version__}")
    for line in samplers.run():
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
            name, now = stage
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
            if writer is not None and now.loss == now.loss:
                at = now.epoch * now.steps + now.step
                writer.add_scalar(f"{name}/loss", now.loss, at)
                if now.step == 0 and now.validation == now.validation:
                    writer.add_scalar(f"{name}/validation", now.validation, at)
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
