"""The flow of the theory notes, whose log p(x) is exact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core.checkout import ASSETS
from dgm_core.commands.terminal import stop
from dgm_core.studies.theory import moons_flow

FLOW = ASSETS / "moons_flow.npz"

app = typer.Typer()


@app.command("flow")
def evaluate_flow(
    out: Annotated[Path, typer.Option(help="File for the weights.")] = FLOW,
    steps: Annotated[int, typer.Option(help="Training steps.")] = moons_flow.Config.steps,
) -> None:
    """Train the flow of the theory notes on two moons; write its weights."""
    flow = None
    for frame in moons_flow.run(moons_flow.Config(steps=steps)):
        flow = frame.flow
        if frame.step % 500 == 0 or frame.step == steps:
            typer.echo(f"step {frame.step:5}  log p(x) {frame.log_p:.3f} nats per point")
    if flow is None:
        stop(f"expected at least one step, got {steps}")
    moons_flow.save(flow, out)
    typer.echo(f"wrote {out}")
