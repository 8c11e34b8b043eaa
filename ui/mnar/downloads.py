"""What a visitor takes home: the completed table, several completed copies, and a report."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dgm_core.data.writing import write_table
from dgm_core.missing.base import Mechanism
from dgm_core.studies.mnar import side_by_side
from ui.frame import kept
from ui.mnar.requested import Asked
from ui.mnar.run_results import Story
from ui.mnar.table_choice import amputed

if TYPE_CHECKING:
    from torch import Tensor


def offer(
    asked: Asked, config: side_by_side.Config, result: side_by_side.Result, story: Story
) -> None:
    """Buttons that make the files when they are pressed."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kept("download of", "not-MIWAE")
        name = st.selectbox(
            "Download what was filled in by",
            list(result.answers),
            key="keep.download of",
            width=240,
        )
        answer = result.answers[name]
        st.download_button(
            "Table (.csv)",
            lambda: as_csv(completed(asked, answer.mean)),
            "imputed.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            f"{len(answer.draws)} completed copies (.zip)",
            lambda: as_zip(asked, answer, report(asked, config, result, story)),
            "imputations.zip",
            "application/zip",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Report (.md)",
            lambda: report(asked, config, result, story),
            "report.md",
            "text/markdown",
            icon=":material/download:",
            on_click="ignore",
        )


def completed(asked: Asked, rows: Tensor) -> pd.DataFrame:
    """The table with its holes filled, in the units it came in; the target as it was."""
    holes = amputed(asked.table, asked.problem.masked.observed.numpy())
    frame = asked.table.coding.decode(rows.numpy(), holes)
    if asked.table.target is not None:
        frame[asked.table.target.name] = asked.table.target
    return frame


def as_csv(frame: pd.DataFrame) -> str:
    """The text of a CSV file."""
    file = io.BytesIO()
    write_table(frame, file, "csv")
    return file.getvalue().decode()


def as_zip(asked: Asked, answer: side_by_side.Answer, words: str) -> bytes:
    """Mean, standard deviations, every copy, and the report."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("imputed.csv", as_csv(completed(asked, answer.mean)))
        holes = amputed(asked.table, asked.problem.masked.observed.numpy())
        sd = asked.table.coding.decode_sd(answer.mean.numpy(), answer.sd.square().numpy(), holes)
        folder.writestr("standard deviations.csv", as_csv(sd))
        for number, draw in enumerate(answer.draws, 1):
            folder.writestr(f"copies/{number:02}.csv", as_csv(completed(asked, draw)))
        folder.writestr("report.md", words)
    return buffer.getvalue()


def report(
    asked: Asked, config: side_by_side.Config, result: side_by_side.Result, story: Story
) -> str:
    """What was asked, done and found, in Markdown."""
    lines = [
        f"# Imputation of {asked.table.title}",
        "",
        f"{len(asked.table.frame):,} rows, {asked.table.frame.shape[1]} columns; "
        f"{asked.rate:.1%} of the cells were missing.",
        "",
        "## What was removed",
        "",
        *(
            ["Nothing: the table's own holes were filled in, and nothing could be scored."]
            if config.plan is None
            else [f"- {key}: {value}" for key, value in vars(config.plan).items()]
        ),
        "",
        "## Models",
        "",
        *(
            f"- {key}: {value}"
            for key, value in vars(config).items()
            if key not in ("plan", "frames", "baselines", "table")
        ),
        "",
        "## Errors on the removed cells",
        "",
        "Standard deviations of the complete column; ± one standard error over rows.",
        "",
        "| method | RMSE | ± | MAE of the median | 90 % coverage | bound, nats a row |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {n['RMSE']:.3f} | {n['±']:.3f} | {n['MAE']:.3f} "
            f"| {n['90 % coverage']:.1%} | {n['bound']:.2f} |"
            for name, n in story.answers.items()
        ),
        *(
            f"| {name} | {value:.3f} | {error:.3f} | | | |"
            for name, (value, error) in story.baselines.items()
        ),
        "",
        "## What not-MIWAE takes the mechanism to be",
        "",
        *(f"- {words(each, asked)}" for each in mechanisms(asked, result)),
        "",
        "That a mechanism fits does not prove it: data with holes cannot tell every mechanism "
        "from every other.",
        "",
    ]
    return "\n".join(lines)


def mechanisms(asked: Asked, result: side_by_side.Result) -> list[Mechanism]:
    """Of the columns that have holes."""
    process = getattr(result.models.get("not-MIWAE"), "missing_process", None)
    if process is None:
        return []
    found = process.interpret()
    return [each for each in found if each.feature in asked.problem.losing]


def words(each: Mechanism, asked: Asked) -> str:
    """A mechanism as a sentence, in the units of the column."""
    coding = asked.table.coding
    name = asked.table.entries[each.feature]
    driver = ""
    if isinstance(each.driver, int):
        driver = f" It depends most on {asked.table.entries[each.driver]}."
    if each.direction == "none":
        return f"{name}: no dependence on its own value was found.{driver}"
    if each.threshold != each.threshold:  # NaN
        return f"{name}: {each.direction} values tend to go missing.{driver}"
    value = coding.location[each.feature] + coding.scale[each.feature] * each.threshold
    side = "above" if each.direction == "high" else "below"
    return (
        f"{name}: values {side} {value:.4g} tend to go missing (half at that value, log-odds "
        f"rising by {abs(each.slope):.1f} a standard deviation).{driver}"
    )
