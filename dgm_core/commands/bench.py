"""`python -m dgm_core bench`: what takes how long, as ratios within one run.

A benchmark is imported when it is requested. `tools.bench` measures the app.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from dgm_core.commands.terminal import stop
from dgm_core.scale.engines import EngineMissing

if TYPE_CHECKING:
    from dgm_core.bench.timing import Line

app = typer.Typer(help="Speed, as ratios within one run.")


@app.command("imputers")
def bench_imputers() -> None:
    """Seconds of each method beside its own network passes, and a matrix product's rate."""
    from dgm_core.bench import imputers

    _print_lines(imputers.run())


@app.command("mnar")
def bench_mnar() -> None:
    """Seconds an epoch of MIWAE and not-MIWAE on a table, and to impute it; by rows."""
    from dgm_core.bench import mnar

    _print_lines(mnar.run())


@app.command("clusters")
def bench_clusters() -> None:
    """A Gibbs sweep of a mixture beside its public form, and by points."""
    from dgm_core.bench import clusters

    _print_lines(clusters.run())


@app.command("gan")
def bench_gan() -> None:
    """Training steps of critics beside their own passes, and a small GAN's iterations a second."""
    from dgm_core.bench import gan

    _print_lines(gan.run())


@app.command("samplers")
def bench_samplers() -> None:
    """Metropolis iterations beside their network passes, and the page's default run."""
    from dgm_core.bench import samplers

    _print_lines(samplers.run())


@app.command("scale")
def bench_scale(
    rows: Annotated[int, typer.Option(help="of the table that is timed")] = 1_000_000,
    memory: Annotated[
        list[int] | None, typer.Option(help="rows of tables whose memory is measured")
    ] = None,
    samples: Annotated[int, typer.Option(help="K of MIWAE")] = 20,
) -> None:
    """Tables in blocks: rows a second, Ray beside the local engine, memory, 10⁹ rows on paper."""
    from dgm_core.bench import scale

    try:
        _print_lines(scale.run(rows, tuple(memory or ()), samples))
    except EngineMissing as error:
        stop(error)


def _print_lines(lines: Iterable[Line]) -> None:
    import torch

    from dgm_core import device

    typer.echo(f"{device.default_device()}, {platform.machine()}, torch {torch.__version__}")
    for line in lines:
        goal = "" if line.goal is None else f"   (goal: at most {line.goal})"
        typer.echo(f"{line.what:60} {line.value:8.3f} {line.unit}{goal}")
