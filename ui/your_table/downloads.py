"""Downloads: the completed table, its copies, the settings, and the same in Python."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple, TypeVar

import pandas as pd
import streamlit as st

from dgm_core.child_process import Pool
from dgm_core.data.reading.parquet import MAGIC
from dgm_core.data.writing import Format
from dgm_core.data.writing_back import written_back
from dgm_core.inference import column_mean
from dgm_core.inference.report import Results, report_html
from dgm_core.inference.report.making import (
    LEAST_DRAWS,
    SHIFTED,
    along_shifts_of,
    along_strengths_of,
    analysis_of,
    incomplete_numbers,
)
from dgm_core.inference.report.results import Sensitivity
from dgm_core.options.report import Settings
from dgm_core.stepwise import Steps, stepwise
from ui.download_button import Content, download_button
from ui.your_table.outcome import Outcome
from ui.your_table.strength_grid import GRID

MEMORY, SECONDS = 450 * 2**20, 60.0
"""Limits for writing a report."""
_POOL = Pool(1)
T = TypeVar("T")


class Offer(NamedTuple):
    """One file."""

    label: str
    make: Callable[[], Content | Steps[Content]]
    name: str
    mime: str


def offers(outcome: Outcome) -> list[Offer]:
    """The files that can be downloaded."""
    kind = format_of(outcome)
    mime = "text/csv" if kind == "csv" else "application/vnd.apache.parquet"
    copies = len(outcome.draws)
    return [
        Offer("Completed table", partial(table_file, outcome), f"completed.{kind}", mime),
        Offer(
            f"{copies} completed copies (.zip)",
            partial(copies_file.steps, outcome),
            "copies.zip",
            "application/zip",
        ),
        Offer("Report (.html)", partial(report_file.steps, outcome), "report.html", "text/html"),
        Offer("Settings (.json)", partial(settings, outcome), "settings.json", "application/json"),
        Offer("The same in Python", partial(script, outcome), "complete.py", "text/x-python"),
    ]


def show(outcome: Outcome, run: str) -> None:
    """Download buttons; each file is made when its button is pressed, once for each run."""
    with st.container(horizontal=True):
        for label, make, name, mime in offers(outcome):
            download_button(label, make, name, mime, once=("your table", run))
    st.caption(
        "The completed table and its copies have all rows and columns of your file, in their "
        "order. Only the missing cells of modelled columns are filled in; all others are written "
        "as they were. Analyse every copy and pool the results; the completed table alone makes "
        "intervals too narrow."
    )


def format_of(outcome: Outcome) -> Format:
    """The format of the file that was given."""
    return "parquet" if outcome.given.content.startswith(MAGIC) else "csv"


def table_file(outcome: Outcome) -> bytes:
    """The file with its missing cells completed."""
    return _file(outcome, outcome.completed)


@stepwise
def copies_file(outcome: Outcome) -> Steps[bytes]:
    """A ZIP file of all completed copies and the settings."""
    buffer, kind = BytesIO(), format_of(outcome)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("settings.json", settings(outcome))
        for number, table in enumerate(outcome.draws, 1):
            archive.writestr(f"copies/{number:02}.{kind}", _file(outcome, table))
            yield None
    return buffer.getvalue()


@stepwise
def report_file(outcome: Outcome) -> Steps[str]:
    """The report as one HTML page; written in a child process, because a wide table takes long."""
    table, result, config = outcome.table, outcome.result, outcome.config
    why = f"By assumption, {config.why.clause}. " if result.method == config.why.assumed else ""
    chosen = "was recommended" if config.compares else "was chosen"
    sensitivity = yield from _taken(along_shifts_of(Settings(), table, outcome.draws))
    mechanisms = yield from _taken(_along_strengths(outcome))
    results = Results(
        name=outcome.given.name,
        columns=[each for each in outcome.given.reading.columns if each.name in table],
        constraints={plan.name: plan.constraint for plan in config.columns if plan.constraint},
        remarks=outcome.given.reading.remarks,
        notes=result.bounded,
        scores=result.scores,
        method=result.method,
        reason=f"{why}{result.method} {chosen}.",
        draws=outcome.draws,
        means=[
            analysis_of(name, column_mean(name), [name], table, outcome.draws)
            for name in outcome.numbers
            if name in outcome.imputed
        ],
        sensitivity=sensitivity,
        mechanisms=mechanisms,
        cautions=result.cautions,
    )
    return (yield from _POOL.steps(report_html, table, results, memory=MEMORY, seconds=SECONDS))


def _along_strengths(outcome: Outcome) -> Iterator[Sensitivity]:
    """Means at some strengths of the page's slider; none with too few draws."""
    doubted = incomplete_numbers(outcome.table)[:SHIFTED]
    draws = outcome.result.at_random
    if doubted and draws[doubted[0]].shape[1] >= LEAST_DRAWS:
        along = Settings(strengths=dict.fromkeys(doubted, GRID[::5]))
        yield from along_strengths_of(along, outcome.table, draws)


def _taken(items: Iterator[T]) -> Steps[list[T]]:
    """All items, with a pause after each."""
    taken = []
    for item in items:
        taken.append(item)
        yield None
    return taken


def settings(outcome: Outcome) -> str:
    """What was assumed and computed, as JSON."""
    config, result = outcome.config, outcome.result
    about = {
        "table": outcome.given.name,
        "columns": [plan._asdict() for plan in config.columns],
        "why values are missing": {**asdict(config.why), "assumption": config.why.clause},
        "method": result.method,
        "chosen by": config.method,
        "completed tables": len(outcome.draws),
        "training steps": config.steps,
        "seed": config.seed,
        "cautions": result.cautions,
        "bounded": result.bounded,
    }
    return json.dumps(about, indent=2, ensure_ascii=False)


def script(outcome: Outcome, more: str = "") -> str:
    """A Python script that completes the file with the same settings.

    Args:
        outcome: of the completion.
        more: code that follows; it finds `table` and `result`.
    """
    config, kind = outcome.config, format_of(outcome)
    name = PurePath(outcome.given.name).name or f"table.{kind}"
    columns = "\n".join(
        f"        ColumnPlan({plan.name!r}, {plan.kind!r}, {plan.constraint!r}),"
        for plan in config.columns
    )
    number = next((each for each in outcome.numbers if each in outcome.imputed), None)
    pooled = (
        f"""
# A mean with its interval, pooled over the completed tables.
pooled = pool_models([column_mean({number!r})(each) for each in tables])
print(pooled.table())
"""
        if number is not None
        else ""
    )
    return f'''"""Complete a table with the settings that were chosen on the page "Your table"."""

from pathlib import Path

from dgm_core.data.reading import read_table
from dgm_core.data.writing_back import written_back
from dgm_core.inference import column_mean, pool_models
from dgm_core.studies.your_table import completion
from dgm_core.studies.your_table.understanding import ColumnPlan, constraints, modelled
from dgm_core.studies.your_table.why import Why

FILE = {name!r}
CONFIG = completion.Config(
    columns=(
{columns}
    ),
    why={config.why!r},
    method={config.method!r},
    models={config.models!r},
    steps={config.steps!r},
    seed={config.seed!r},
)

content = Path(FILE).read_bytes()
reading = read_table(content, FILE)
*_, result = completion.run(CONFIG, reading.every_row)
for caution in result.cautions:
    print(caution)
table = modelled(CONFIG.columns, reading.every_row)
tables = completion.draws(table, result)
completed = completion.completed(table, result, constraints(CONFIG.columns))

# All rows and columns of the file, with the missing cells of the modelled columns filled in.
used = reading._replace(columns=tuple(c for c in reading.columns if c.name in table))
for number, each in enumerate([completed, *tables]):
    name = f"copy-{{number}}.{kind}" if number else "completed.{kind}"
    Path(name).write_bytes(written_back(content, used, each, {kind!r}))
{pooled}{more}'''


def _file(outcome: Outcome, table: pd.DataFrame) -> bytes:
    """The given file with the missing cells of the modelled columns from a table."""
    reading = outcome.given.reading
    columns = tuple(each for each in reading.columns if each.name in table)
    return written_back(
        outcome.given.content, reading._replace(columns=columns), table, format_of(outcome)
    )
