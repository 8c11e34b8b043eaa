"""The flow of the theory notes, whose log p(x) is exact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.commands.evaluate.run_study import ASSETS
from dgm_core.studies.theory import moons_flow

FLOW = ASSETS / "moons_flow.npz"

app = typer.Typer()


@app.command("flow")
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
