"""`dgm train`: train a recipe; write weights, and a card that says how they were trained.

A progress bar, and TensorBoard if requested, shows the loss. Checkpoints are written to a folder,
from which the same command resumes. `dgm evaluate` measures the trained model.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path

from dgm_core.commands.lazy import help_of
from dgm_core.commands.terminal import stop, with_training_bar

app = typer.Typer()


def _recipes() -> str:
    from dgm_core.recipes import RECIPES

    return f"One of {', '.join(RECIPES)}."


@app.command(cls=help_of(recipe=_recipes))
def train(
    recipe: Annotated[str, typer.Argument()],
    run_folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder for checkpoints, from which training resumes. Default: a folder in the "
            "user's cache."
        ),
    ] = None,
    logdir: Annotated[Path | None, typer.Option(help="Folder for TensorBoard logs.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for weights and card. Default: the folder of the shipped models."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="CPU threads per process. Default: the cores divided by the processes."),
    ] = None,
) -> None:
    """Train a shipped model again from its recipe; write weights and a card.

    If the command is interrupted, run it again to resume from the last checkpoint.

    Several processes can train one model: torchrun --nproc-per-node N -m dgm_core train …. They
    split each batch. The batch size and the order of the rows do not depend on N, but the noise
    does. (For a WGAN the order is another one if N is 1.) A run can resume with another N.
    """
    import torch

    from dgm_core import recipes, zoo
    from dgm_core.training import parallel

    chosen = recipes.RECIPES.get(recipe)
    if chosen is None:
        stop(f"no recipe {recipe!r}; there are {', '.join(recipes.RECIPES)}")
    if out is None and not zoo.FOLDER.is_dir():
        stop(f"{zoo.FOLDER} does not exist; choose a folder for weights and card by --out")
    out = out or zoo.FOLDER
    if threads or parallel.launched():
        torch.set_num_threads(threads or parallel.threads())
    folder = run_folder or user_cache_path("dgm-lab") / "runs" / recipe
    minutes: dict[str, float] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with parallel.processes() as device:
            stages = recipes.train(chosen, folder, device)
            for stage in with_training_bar(stages, logdir) if parallel.is_first() else stages:
                minutes[stage.name] = stage.progress.seconds / 60
            if not parallel.is_first():
                return
            processes = f"{parallel.size()} processes of " if parallel.size() > 1 else ""
            origin = {
                "commit": _commit(),
                "seed": chosen.seed,
                "minutes": {name: round(value, 1) for name, value in minutes.items()},
                "machine": f"{device.type}, {processes}{torch.get_num_threads()} thread(s), "
                f"{platform.machine()}, torch {torch.__version__.split('+')[0]}",
            }
            recipes.publish(chosen, folder, origin, out)
    except (OSError, ValueError, ImportError) as error:
        stop(error)
    typer.echo(f"wrote {out / recipe}.safetensors and its card; dgm evaluate measures the model")


def _commit() -> str:
    """The commit of the code, marked as dirty if files differ from it."""
    here = Path(__file__).parent
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
