"""`python -m dgm_core bench`: what takes how long, as ratios within one run.

A benchmark is imported when it is asked for. `load` and `page` start the app and measure it from
outside, so of the library they load next to nothing here.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from dgm_core.commands.screen import stop
from dgm_core.engines import EngineMissing

if TYPE_CHECKING:
    from dgm_core.bench.timing import Line

app = typer.Typer(help="Speed, as ratios within one run.")


@app.command("imputers")
def bench_imputers() -> None:
    """Seconds of each method beside its own network passes, and a matrix product's rate."""
    from dgm_core.bench import imputers

    _print_lines(imputers.run())


@app.command("load")
def bench_load(
    parts: Annotated[
        list[str] | None,
        typer.Argument(help="samplers, strokes, reruns, threads, connects; else all"),
    ] = None,
    sessions: Annotated[int, typer.Option(help="that run at once")] = 20,
    strokes: Annotated[int, typer.Option(help="amid three runs")] = 20,
    reruns: Annotated[int, typer.Option(help="of one session")] = 600,
    connects: Annotated[int, typer.Option(help="and disconnects")] = 50,
) -> None:
    """Many visitors of the app at once, over its websocket: answers, memory, threads."""
    from dgm_core.bench import load

    counts = (f"--sessions={sessions}", f"--strokes={strokes}", f"--reruns={reruns}")
    try:
        status = load.run(*(parts or ()), *counts, f"--connects={connects}")
    except FileNotFoundError as error:
        stop(error)
    raise typer.Exit(status)


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


@app.command("page")
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
        stop(error)
    raise typer.Exit(status)


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
