"""The completed table: imputed cells are marked and have intervals in the units of the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dgm_core.studies.your_table import completion
from ui import figures
from ui.figures import tint
from ui.frame import kept
from ui.percent import percent
from ui.your_table import charts
from ui.your_table.outcome import Outcome, digits

MOST_ROWS = 200
"""Rows of the table on screen."""


def show(outcome: Outcome) -> None:
    """The table, and one column in a figure."""
    left, right = st.columns([7, 5], gap="large")
    with left:
        _table(outcome)
    with right:
        _figure(outcome)


def _table(outcome: Outcome) -> None:
    incomplete = st.toggle("Only rows with imputed values", key=kept("only imputed rows", True))
    hidden = outcome.table.isna()
    rows = np.flatnonzero(hidden.any(axis=1)) if incomplete else np.arange(len(hidden))
    rows = rows[:MOST_ROWS]
    shown, marks = outcome.once(("cells", incomplete), lambda: cells(outcome, rows))
    style = f"background-color: {tint()}; font-weight: 600"
    css = np.where(marks, style, "")
    styled = shown.style.apply(lambda _: css, axis=None)
    st.dataframe(styled, height=330, hide_index=False)
    more = f" The first {MOST_ROWS} are shown." if len(rows) == MOST_ROWS else ""
    st.caption(
        "Bold on a tint, with brackets: imputed. A number is the mean of its draws, with a 90 % "
        "interval; a level is the most frequent one, with its share of the draws. All other cells "
        f"are observed and unchanged.{more}"
    )


def cells(outcome: Outcome, rows: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Some rows as texts, and which of their cells are imputed."""
    hidden = outcome.table.isna().to_numpy()
    texts = {}
    for j, name in enumerate(outcome.table.columns):
        values = outcome.completed[name]
        isnumber = name in outcome.numbers
        decimals = 0
        if isnumber:
            known = outcome.table[name].dropna().to_numpy()
            whole = bool((known == np.rint(known)).all())
            decimals = 0 if whole else digits(known)
        column = [
            (f"{value:,.{decimals}f}" if isnumber else str(value)) for value in values.iloc[rows]
        ]
        if name in outcome.imputed:
            place = np.cumsum(hidden[:, j]) - 1  # number of the missing cell in each row
            notes = _notes(outcome, name, decimals) if isnumber else _shares(outcome, name)
            column = [
                f"{text} [{notes[place[row]]}]" if hidden[row, j] else text
                for text, row in zip(column, rows, strict=True)
            ]
        texts[name] = column
    frame = pd.DataFrame(texts, index=outcome.table.index[rows])
    return frame.rename_axis("line"), hidden[rows]


def _notes(outcome: Outcome, name: str, decimals: int) -> list[str]:
    low, high = completion.intervals(outcome.result, name)
    return [f"{a:,.{decimals}f} to {b:,.{decimals}f}" for a, b in zip(low, high, strict=True)]


def _shares(outcome: Outcome, name: str) -> list[str]:
    return [percent(share) for share in completion.certainty(outcome.result, name)]


def _figure(outcome: Outcome) -> None:
    names = outcome.imputed
    key = kept(f"imputed column.{outcome.given.digest}", names[0])
    name = st.selectbox("Column", names, key=key)
    observed = outcome.table[name].dropna()
    imputed = outcome.result.filled[name].ravel()
    if name in outcome.numbers:
        figure = charts.numbers(observed.to_numpy(), imputed, name)
        decimals = digits(observed.to_numpy())
        means = f"{observed.mean():,.{decimals}f} and {imputed.mean():,.{decimals}f}"
        about = f"Means of observed and imputed values: {means}."
    else:
        names_of_levels = [str(level) for level in observed.cat.categories]
        figure = charts.levels(observed.cat.codes, imputed, names_of_levels)
        about = "Fractions of the levels."
    figures.show("chart values", figure, f"{name}: observed and imputed values")
    st.caption(
        f"{about} The two may differ without an error: rows with a missing value can differ from "
        "the others."
    )
