"""What was understood of each column, and the visitor's changes to it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dgm_core.data.reading import ColumnReport
from dgm_core.studies.your_table.understanding import (
    ANY,
    KINDS,
    ColumnPlan,
    problems,
    understood,
)
from dgm_core.studies.your_table.why import listed
from ui import figures
from ui.percent import percent
from ui.your_table.source import Given

WORDS = (
    "Which values a number can have: “any”, “integer”, “positive” (above 0, skewed), “count”, "
    "“proportion”, a range such as “0:120”, “log” (a log scale, for skewed numbers), or several "
    "of them, as in “integer, 0:, log”."
)


def choose(given: Given) -> tuple[ColumnPlan, ...] | None:
    """Show the columns; None if they cannot be modelled as planned."""
    # The editor forgets its changes when the page is left, so it then begins with them.
    first, key = f"columns at first.{given.digest}", f"columns.{given.digest}"
    if key not in st.session_state or first not in st.session_state:
        st.session_state[first] = st.session_state.get(f"columns now.{given.digest}", _rows(given))
    changed = st.data_editor(
        st.session_state[first],
        key=key,
        hide_index=True,
        disabled=["column", "missing", "values"],
        height=min(38 + 35 * len(given.reading.columns), 400),
        column_config={
            "kind": st.column_config.SelectboxColumn(options=KINDS, required=True),
            "limits": st.column_config.TextColumn(
                help=WORDS, max_chars=60, validate=r"^[\w\s,:.+-]*$"
            ),
        },
    )
    st.session_state[f"columns now.{given.digest}"] = changed
    st.caption(
        "Double-click a **kind** or its **limits** to change it. Imputed numbers keep the limits. "
        + _copied(given)
    )
    plans = plans_of(changed)
    found = problems(plans, given.reading.every_row)
    for sentence in found:
        st.warning(figures.plain(sentence))
    return None if found else plans


def plans_of(rows: pd.DataFrame) -> tuple[ColumnPlan, ...]:
    """The plans that the editor shows."""
    limits = rows["limits"].fillna("").str.strip()
    return tuple(
        ColumnPlan(name, kind, limits if kind == "numbers" and limits else ANY)
        for name, kind, limits in zip(rows["column"], rows["kind"], limits, strict=True)
    )


def _rows(given: Given) -> pd.DataFrame:
    frame = given.reading.every_row
    rows = []
    for report, plan in zip(given.reading.columns, understood(given.reading), strict=True):
        missing = frame[report.name].isna()
        share = f"{missing.sum():,} ({percent(missing.mean())})" if missing.any() else "none"
        limits = plan.constraint if plan.kind == "numbers" else ""
        rows.append((report.name, plan.kind, limits, share, _values(report)))
    return pd.DataFrame(rows, columns=["column", "kind", "limits", "missing", "values"])


def _values(report: ColumnReport) -> str:
    if report.kind == "numeric":
        return f"{report.low:.4g} to {report.high:.4g}"
    return ", ".join(map(str, report.levels[:6])) + (" …" if len(report.levels) > 6 else "")


def _copied(given: Given) -> str:
    """Which columns are not modelled but are in the downloads."""
    read = {report.name for report in given.reading.columns}
    names = [name for name in given.reading.names if name not in read]
    if not names:
        return ""
    shown = [f"“{figures.plain(name)}”" for name in names[:6]] + (
        ["others"] if len(names) > 6 else []
    )
    verb = "is" if len(names) == 1 else "are"
    return f"{listed(shown)} {verb} not modelled and stay as they are in the completed file."
