"""`python -m dgm_core train`: a recipe becomes weights and a card, which says where they are from.

The loss goes to a bar and, if asked for, to TensorBoard; checkpoints go to a folder of the run,
and the same command goes on from there. `evaluate` measures what was trained.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path

from dgm_core.commands.lazy import help_of
from dgm_core.commands.terminal import stop, with_bar

app = typer.Typer()


def _recipes() -> str:
    from dgm_core.recipes import RECIPES

    return f"one of {', '.join(RECIPES)}"


@app.command(cls=help_of(recipe=_recipes))
def train(
    recipe: Annotated[str, typer.Argument()],
    run_folder: Annotated[Path | None, typer.Option(help="checkpoints; resumed if there")] = None,
    logdir: Annotated[Path | None, typer.Option(help="write TensorBoard logs here")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for weights and card; default: that of the shipped models"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads a process; default: all, shared evenly")
    ] = None,
) -> None:
    """Train a recipe to weights and a card; killed at any moment, it goes on where it was.

    Under torchrun (torchrun --nproc-per-node N -m dgm_core train …) N processes split each batch:
    its size and the order of the rows are the recipe's and its seed's whatever N is, the noise
    depends on N, and of WGANs the order, too, on whether N is 1. The first writes; a run may be
    taken up by another N.
    """
    import torch

    from dgm_core import recipes, zoo
    from dgm_core.training import parallel

    chosen = recipes.RECIPES.get(recipe)
    if chosen is None:
        stop(f"no recipe {recipe!r}; there are {', '.join(recipes.RECIPES)}")
    if out is None and not zoo.FOLDER.is_dir():
        stop(f"{zoo.FOLDER} does not exist; name a folder for weights and card with --out")
    out = out or zoo.FOLDER
    if threads or parallel.launched():
        torch.set_num_threads(threads or parallel.threads())
    folder = run_folder or user_cache_path("dgm-lab") / "runs" / recipe
    minutes: dict[str, float] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with parallel.processes() as where:
            stages = recipes.train(chosen, folder, where)
            for stage in with_bar(stages, logdir) if parallel.is_first() else stages:
                minutes[stage.name] = stage.progress.seconds / 60
            if not parallel.is_first():
                return
            together = f"{parallel.size()} processes of " if parallel.size() > 1 else ""
            origin = {
                "commit": _commit(),
                "seed": chosen.seed,
                "minutes": {name: round(value, 1) for name, value in minutes.items()},
                "machine": f"{where.type}, {together}{torch.get_num_threads()} thread(s), "
                f"{platform.machine()}, torch {torch.__version__.split('+')[0]}",
            }
            recipes.publish(chosen, folder, origin, out)
    except (OSError, ValueError, ImportError) as error:
        stop(error)
    typer.echo(f"wrote {out / recipe}.safetensors and its card; now: evaluate")


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
