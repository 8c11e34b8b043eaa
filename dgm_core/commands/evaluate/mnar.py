"""Tables with values missing not at random: imputation, and prediction from incomplete rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dgm_core import data
from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.engine_options import (
    UNABLE,
    Address,
    EngineOption,
    Journal,
    Workers,
    chosen_engine,
    default_journal,
)
from dgm_core.commands.evaluate.run_study import put_rows, with_progress_bar, write_pages
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import mnar_protocol
from dgm_core.scale.studies import mnar
from dgm_core.studies import toml_rows
from dgm_core.studies.mnar import prediction
from dgm_core.studies.progress import Frame

MNAR_TABLES = ASSETS / "mnar_tables.toml"

Tables = Annotated[
    list[str] | None,
    typer.Option(help="A table; repeatable. Default: all tables on this machine."),
]

app = typer.Typer()


@app.command("mnar")
def evaluate_mnar(
    out: Annotated[Path, typer.Option(help="File for the table.")] = MNAR_TABLES,
    table: Tables = None,
    method: Annotated[
        list[str] | None, typer.Option(help="A method; repeatable. Default: all.")
    ] = None,
    runs: Annotated[int, typer.Option(help="Training runs of each method.")] = 5,
    samples: Annotated[int, typer.Option(help="Importance samples of the imputation.")] = 2_000,
    iterations: Annotated[
        int | None, typer.Option(help="Training iterations. Default: those of each method.")
    ] = None,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    journal: Journal = None,
) -> None:
    """Repeat the tabular study of the not-MIWAE paper, and compare with the published numbers.

    Each row is written as soon as it is measured and replaces the row with the same name. With
    --engine, the same command resumes an interrupted study.
    """
    study: Iterator[Any]
    try:
        runner = chosen_engine(engine, workers, address)
        config = mnar_protocol.Config(
            tuple(table or mnar_protocol.TABLES),
            tuple(method or (*mnar_protocol.METHODS, *TABLE_BASELINES)),
            runs,
            samples=samples,
            iterations=iterations,
        )
        study = mnar_protocol.run(config)
        if runner is not None:
            study = mnar.run(config, runner, journal or default_journal())
        put_rows(with_progress_bar(study), out, "imputation", mnar_protocol.KEY)
    except (ValueError, *UNABLE) as error:
        stop(error)
    typer.echo(f"wrote {out}")
    write_pages(out, "imputation")


@app.command("prediction")
def evaluate_prediction(
    out: Annotated[Path, typer.Option(help="File for the table.")] = MNAR_TABLES,
    table: Tables = None,
    runs: Annotated[int, typer.Option(help="Splits into training and test rows.")] = 5,
) -> None:
    """Predict from incomplete rows: supervised models compared with impute-then-predict."""
    for name in table or prediction.TASKS:
        try:
            config, features, target = prediction.task_of(name, runs)
        except data.DataUnavailable as error:
            typer.echo(f"{name} is skipped: {error}")
            continue
        except ValueError as error:
            stop(error)
        *_, found = with_progress_bar(_frames(prediction.run(config, features, target)))
        for row in found.rows:
            entry = {"table": name, "task": found.task, **row._asdict(), "runs": runs}
            toml_rows.put_row(out, "prediction", _plain(entry), ("table", "method"))
            first = next(iter(prediction.SCORES[found.task]))
            typer.echo(
                f"{name:10} {row.method:26} {first} {row.mean[first]:.3f} ± "
                f"{row.error[first]:.3f}   behind sup-not-MIWAE by {row.behind:+.3f} ± "
                f"{row.behind_error:.3f}"
            )
        typer.echo(prediction.sentence(found))
    typer.echo(f"wrote {out}")
    write_pages(out, "prediction")


def _frames(items: Iterable[Any]) -> Iterator[Any]:
    """The items, with the frames of `prediction` as frames of progress."""
    for item in items:
        yield Frame(item.method, item.done) if isinstance(item, prediction.Frame) else item


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers rounded, also within tables of scores."""
    return {
        key: toml_rows.rounded(value) if isinstance(value, Mapping) else value
        for key, value in toml_rows.rounded(entry).items()
    }
