"""The weight files of the live engine: what their rounding costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import UNAVAILABLE, put_rows, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import live

app = typer.Typer()


@app.command("live")
def evaluate_live(
    names: Annotated[list[str], typer.Argument(help="DLVMs of 28×28 pixels.")],
    images: Annotated[int, typer.Option(help="Number of test images.")] = 500,
    out: Annotated[Path, typer.Option(help="Table of the results.")] = ASSETS / "live.toml",
) -> None:
    """Measure what 8 bits per weight cost: in nats, and in decisions of Metropolis."""
    try:
        put_rows((live.cost(name, images) for name in names), out, "rounding", ["model"])
    except UNAVAILABLE as error:
        stop(error)
    write_pages(out, "rounding")
