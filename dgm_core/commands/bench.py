"""`dgm bench`: benchmarks of speed, mainly as ratios of times measured in one run.

A benchmark is imported when it is requested.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from dgm_core.commands.terminal import stop
from dgm_core.scale.engines import EngineMissing

if TYPE_CHECKING:
    from dgm_core.bench.timing import Line

app = typer.Typer(help="Measure the speed of the library.")


@app.command("imputers")
def bench_imputers() -> None:
    """Time of each image imputer, compared with the passes of its networks alone."""
    from dgm_core.bench import imputers

    _print_lines(imputers.run())


@app.command("mnar")
def bench_mnar() -> None:
    """Time of MIWAE and not-MIWAE on tables: per training epoch and per imputation."""
    from dgm_core.bench import mnar

    _print_lines(mnar.run())


@app.command("clusters")
def bench_clusters() -> None:
    """Time of a Gibbs sweep of a mixture, compared with the form in the public VAE + GMM code."""
    from dgm_core.bench import clusters

    _print_lines(clusters.run())


@app.command("gan")
def bench_gan() -> None:
    """Images per second of a WGAN, and training steps of critics per second."""
    from dgm_core.bench import gan

    _print_lines(gan.run())


@app.command("samplers")
def bench_samplers() -> None:
    """Time of a Metropolis iteration, compared with its network passes alone."""
    from dgm_core.bench import samplers

    _print_lines(samplers.run())


@app.command("tables")
def bench_tables() -> None:
    """Time and error of the table imputers with their defaults, beside scikit-learn's."""
    from dgm_core.bench import tables

    _print_lines(tables.run())


@app.command("scale")
def bench_scale(
    rows: Annotated[int, typer.Option(help="Rows of the table that is timed.")] = 1_000_000,
    memory: Annotated[
        list[int] | None,
        typer.Option(help="Also measure the memory for a table with this many rows; repeatable."),
    ] = None,
    samples: Annotated[int, typer.Option(help="K, importance samples of MIWAE.")] = 20,
) -> None:
    """Time and memory of filling in large tables, with Ray and with the local engine."""
    from dgm_core.bench import scale

    try:
        _print_lines(scale.run(rows, tuple(memory or ()), samples))
    except EngineMissing as error:
        stop(error)


def _print_lines(lines: Iterable[Line]) -> None:
    import torch

    from dgm_core import device

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    typer.echo(
        f"{device.default_device()}, {platform.machine()}, torch {torch.__version__}, "
        f"load average {load:.1f}"
    )
    for line in lines:
        goal = "" if line.goal is None else f"   (goal: at most {line.goal})"
        typer.echo(f"{line.what:60} {line.value:8.3f} {line.unit}{goal}")
