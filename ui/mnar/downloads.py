"""Downloads of a run: the completed table, several completed copies, and a report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dgm_core.child_process import Pool
from dgm_core.data.reading.parquet import MAGIC
from dgm_core.data.writing import Format, table_bytes
from dgm_core.data.writing_back import written_back
from dgm_core.missing.base import Mechanism
from dgm_core.stepwise import Steps, stepwise
from dgm_core.studies.mnar import side_by_side
from ui.download_button import download_button
from ui.links import Setting
from ui.mnar.masked_table import MaskedTable
from ui.mnar.run_results import RunResults, compared, scores
from ui.mnar.table_archive import with_table, with_text
from ui.mnar.table_choice import amputed
from ui.percent import percent

if TYPE_CHECKING:
    from torch import Tensor

ASSUMED = {
    side_by_side.KNOWN: "{direction} values go missing",
    side_by_side.UNKNOWN: "a cell goes missing because of its own value",
    "whole row, linear": "the log-odds of being missing are linear in the whole row",
    "whole row, network": "the log-odds of being missing are a smooth function of the whole row",
}
"""Key of `side_by_side.ASSUMPTIONS` → the assumption as a clause."""

MEMORY, SECONDS = 450 * 2**20, 180.0
"""Limits for writing one table, in a child process: a large one takes many seconds of a core."""
_POOL = Pool(1)


def offer(
    data: MaskedTable,
    config: side_by_side.Config,
    result: side_by_side.Result,
    results: RunResults,
    run: str,
) -> None:
    """Download buttons; each file is made when its button is pressed, once for each run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _model_of(data).widget(
            st.selectbox,
            "Download the imputations of",
            options=list(result.answers),
            first=first_model(data, result),
            width=240,
        )
        answer = result.answers[name]

        def report_text() -> str:
            return report(data, config, result, results)

        kind = format_of(data)
        for label, content, file, mime in (
            (
                f"Table (.{kind})",
                partial(as_file.steps, data, answer.mean),
                f"imputed.{kind}",
                "text/csv" if kind == "csv" else "application/vnd.apache.parquet",
            ),
            (
                f"{len(answer.draws)} completed copies (.zip)",
                lambda: as_zip.steps(data, answer, report_text()),
                "imputations.zip",
                "application/zip",
            ),
            ("Report (.md)", report_text, "report.md", "text/markdown"),
        ):
            download_button(label, content, file, mime, once=(run, name))


def _model_of(data: MaskedTable) -> Setting:
    return Setting(f"download of.{data.table.name}", "MIWAE", options=side_by_side.MODELS)


def first_model(data: MaskedTable, result: side_by_side.Result) -> str:
    """The model whose imputations are offered first: MIWAE unless a mechanism was chosen.

    A mechanism that the page simulates says nothing about the cells that an uploaded table lacks.
    """
    simulated = data.table.uploaded and data.plan is not None
    return "MIWAE" if simulated else list(result.answers)[-1]


def completed(data: MaskedTable, rows: Tensor) -> pd.DataFrame:
    """The table in its own units with its missing cells imputed; the target is unchanged."""
    masked = amputed(data.table, data.problem.masked.observed.numpy())
    frame = data.table.coding.decode(rows.numpy(), masked)
    if data.table.target is not None:
        frame[data.table.target.name] = data.table.target
    return frame


def format_of(data: MaskedTable) -> Format:
    """The format of an upload; CSV for the other tables."""
    file = data.table.file
    return "parquet" if file is not None and file.content.startswith(MAGIC) else "csv"


def writer(
    data: MaskedTable, values: pd.DataFrame, *, deviations: bool = False
) -> Callable[[], bytes]:
    """What makes the file of a completed table.

    That of an upload is the upload itself, with all rows and columns in their order. Only cells
    that are missing in it, or that the page removed, have other values.

    Args:
        data: the table.
        values: its completed columns.
        deviations: `values` are standard deviations, which replace observed cells as well.
    """
    file = data.table.file
    if file is None:
        return partial(table_bytes, values, "csv")
    masked = amputed(data.table, data.problem.masked.observed.numpy())
    reading = file.reading._replace(
        frame=masked,
        lines=masked.index.to_numpy(),  # rows without any value stay as they are
        columns=tuple(each for each in file.reading.columns if each.name in masked),
    )
    kind = format_of(data)
    return partial(written_back, file.content, reading, values, kind, deviations=deviations)


@stepwise
def as_file(data: MaskedTable, rows: Tensor) -> Steps[bytes]:
    """The completed table as a file."""
    return (yield from _in_child(writer(data, completed(data, rows))))


@stepwise
def as_zip(data: MaskedTable, answer: side_by_side.Answer, report_text: str) -> Steps[bytes]:
    """A ZIP file of the mean, the standard deviations, every copy, and the report."""
    archive = with_text(b"", "report.md", report_text)
    kind = format_of(data)
    copies = [f"copies/{number:02}.{kind}" for number in range(1, len(answer.draws) + 1)]
    names = [f"imputed.{kind}", *copies]
    for name, rows in zip(names, [answer.mean, *answer.draws], strict=True):
        write = writer(data, completed(data, rows))
        archive = yield from _in_child(with_table, archive, name, write)
    masked = amputed(data.table, data.problem.masked.observed.numpy())
    mean, variance = answer.mean.numpy(), answer.sd.square().numpy()
    deviations = data.table.coding.decode_sd(mean, variance, masked)
    write = writer(data, deviations, deviations=True)
    return (yield from _in_child(with_table, archive, f"standard deviations.{kind}", write))


_in_child = partial(_POOL.steps, memory=MEMORY, seconds=SECONDS)


def report(
    data: MaskedTable,
    config: side_by_side.Config,
    result: side_by_side.Result,
    results: RunResults,
) -> str:
    """Table, settings, errors and fitted mechanism of a run, in Markdown."""
    if config.plan is None:
        removed = [
            "Nothing was removed. The missing cells of the table were imputed. Their true values "
            "are unknown, so there are no errors to report."
        ]
    else:
        removed = [f"- {key}: {value}" for key, value in vars(config.plan).items()]
    omitted = ["plan", "frames", "baselines", "table"]
    if config.assumed != side_by_side.KNOWN:
        omitted.append("direction")
    settings = [f"- {key}: {value}" for key, value in vars(config).items() if key not in omitted]
    rows, columns = data.table.frame.shape
    lines = [
        f"# Imputation of {data.table.title}",
        "",
        f"{rows:,} rows, {columns} columns; {percent(data.missing_rate, 1)} of the cells were "
        "missing.",
        "",
        "## What was removed",
        "",
        *removed,
        "",
        "## Models",
        "",
        *settings,
        "",
        *_scores(data, results),
        "",
        *_about_the_mechanism(data, config, result),
        "",
    ]
    return "\n".join(lines)


COLUMNS = {
    "RMSE": ("RMSE", "{:.3f}".format),
    "±": ("±", "{:.3f}".format),
    "MAE": ("MAE of the median", "{:.3f}".format),
    "90 % coverage": ("90 % coverage", lambda value: percent(value, 1)),
    "bound": ("bound, nats per row", "{:.2f}".format),
}
"""Score → its column in the report, and how it is written."""


def _scores(data: MaskedTable, results: RunResults) -> list[str]:
    """A table of the scores that are known, and what they mean."""
    rows = scores(results, data.constant_rates)
    shown = {name: of for name, of in COLUMNS.items() if any(name in row for row in rows)}
    bounded, added = compared(results.answers, data.constant_rates)
    lines = ["## Scores", ""]
    if "RMSE" in shown:
        lines.append(
            "Errors are on the removed cells, in standard deviations of the complete column; ± is "
            "one standard error over rows."
        )
    lines.append(f"The bound is on {bounded}.")
    if any(added.values()):
        lines.append(
            "MIWAE's includes the mask s at one constant missing rate per column, so it can be "
            "compared with not-MIWAE's."
        )
    titles = ["method", *(title for title, _ in shown.values())]
    lines += ["", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        cells = [write(row[name]) if name in row else "" for name, (_, write) in shown.items()]
        lines.append(f"| {' | '.join([row['method'], *cells])} |")
    return lines


def _about_the_mechanism(
    data: MaskedTable, config: side_by_side.Config, result: side_by_side.Result
) -> list[str]:
    if config.assumed is None:
        return [
            "## Why cells are missing",
            "",
            "No mechanism was assumed. MIWAE assumes that whether a cell is missing depends only "
            "on observed values (missing at random). The data alone cannot verify this.",
        ]
    return [
        "## The mechanism that not-MIWAE fitted",
        "",
        *(f"- {mechanism_text(each, data, config)}" for each in mechanisms(data, result)),
        "",
        "A good fit does not prove a mechanism: different mechanisms can explain the same "
        "observed data equally well.",
    ]


def mechanisms(data: MaskedTable, result: side_by_side.Result) -> list[Mechanism]:
    """The mechanisms that not-MIWAE fitted for the columns with missing cells."""
    process = getattr(result.models.get("not-MIWAE"), "missing_process", None)
    if process is None:
        return []
    return [each for each in process.interpret() if each.feature in data.problem.masked.losing]


def mechanism_text(each: Mechanism, data: MaskedTable, config: side_by_side.Config) -> str:
    """A fitted mechanism in sentences, in the units of the column, with what was assumed."""
    coding, names = data.table.coding, data.table.entries
    assumed = ASSUMED[config.assumed].format(direction=config.direction)
    if each.direction == "none":
        curve = "does not depend on the value itself"
    elif each.threshold != each.threshold:  # NaN
        curve = f"is higher for {each.direction} values"
    else:
        value = coding.location[each.feature] + coding.scale[each.feature] * each.threshold
        verb = "rises" if each.direction == "high" else "falls"
        curve = (
            f"{verb} at {value:.4g} (half of the values there are missing; the log-odds change "
            f"by {abs(each.slope):.1f} per standard deviation)"
        )
    driver = ""
    if isinstance(each.driver, int):
        driver = f" It depends most on {names[each.driver]}."
    return (
        f"{names[each.feature]}: under your assumption that {assumed}, the fitted probability of "
        f"being missing {curve}.{driver}"
    )
