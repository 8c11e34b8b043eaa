"""Which values go missing in a table, and why: widgets → an `Amputation`."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dgm_core.missing.amputation import Amputation
from ui.frame import kept
from ui.mnar.table_choice import Table

WHY = {
    "self-masking": "The value itself",
    "another column": "The value of another column",
    "bands": "Bands of the value",
    "chance": "Chance alone",
    "none": "Nothing: impute the missing cells",
}
STRENGTHS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
ABOUT = {
    "self-masking": "Values beyond the threshold tend to go missing: not at random (MNAR).",
    "another column": "Another column decides: at random (MAR) if that column is observed.",
    "bands": "Values in recurring bands go missing, half a standard deviation wide (MNAR).",
    "chance": "Every value goes missing with the same probability: completely at random (MCAR).",
    "none": "The table stays as it is. The missing values are unknown, so nothing is scored.",
}
DRIVER_LOSES_VALUES = (
    "All columns lose values, so the column that decides does too: not at random (MNAR)."
)
NO_PLAN = Amputation()
"""Returned instead of a plan while no column is chosen."""


def choose_plan(table: Table) -> Amputation | None:
    """Show the controls; None if nothing is to be removed, `NO_PLAN` while no column is chosen."""
    numeric = table.numeric
    kinds = [kind for kind in WHY if _fits(kind, table)]
    if not kinds:
        st.info("This table has no missing cells, and no numeric column to remove values from.")
        return NO_PLAN
    # A visitor who uploads a table with missing cells wants them imputed.
    kept(f"why.{table.name}", "none" if table.has_missing_cells and table.uploaded else kinds[0])
    kind = st.selectbox(
        "What decides whether a value goes missing?",
        kinds,
        key=f"keep.why.{table.name}",
        format_func=WHY.get,
    )
    st.caption(ABOUT[kind])
    if kind == "none":
        return None
    names = list(numeric)
    kept(f"columns.{table.name}", names[: max(1, len(names) // 2)])
    chosen = st.multiselect(
        "Columns that lose values",
        names,
        key=f"keep.columns.{table.name}",
        placeholder="Choose at least one",
    )
    settings: dict[str, Any] = {}
    if kind == "another column":
        others = [name for name in names if name not in chosen] or names
        kept(f"driver.{table.name}", others[0])
        if st.session_state[f"keep.driver.{table.name}"] not in others:
            st.session_state[f"keep.driver.{table.name}"] = others[0]
        driver = st.selectbox("Column that decides", others, key=f"keep.driver.{table.name}")
        settings["driver"] = numeric[driver]
        if driver in chosen:
            st.caption(DRIVER_LOSES_VALUES)
    if kind in ("self-masking", "another column"):
        settings |= _dependence()
    with st.expander("Base rate, seed", expanded=kind == "chance"):
        settings |= _chance(kind)
    if not chosen:
        st.info("Choose at least one column that loses values.")
        return NO_PLAN
    return Amputation(kind, tuple(numeric[name] for name in chosen), **settings)


def _fits(kind: str, table: Table) -> bool:
    if kind == "none":
        return table.has_missing_cells
    if kind == "another column":
        return len(table.numeric) > 1
    return bool(table.numeric)


def _dependence() -> dict[str, Any]:
    """Direction, threshold and strength."""
    kept("direction", "high")
    direction = st.segmented_control(
        "Which values go missing", ["high", "low"], required=True, key="keep.direction"
    )
    kept("threshold", 0.0)
    threshold = st.slider(
        "Threshold, SD",
        -2.0,
        2.0,
        step=0.1,
        key="keep.threshold",
        help="Half of the values at the threshold go missing. SD: standard deviations from the "
        "mean.",
    )
    kept("strength", 50.0)
    strength = st.select_slider(
        "Strength",
        STRENGTHS,
        key="keep.strength",
        help="Increase of the log-odds of being missing, nats per standard deviation. At 50 "
        "almost every value beyond the threshold goes missing.",
    )
    return {"direction": direction, "threshold": threshold, "strength": strength}


def _chance(kind: str) -> dict[str, Any]:
    """Rate of values that go missing by chance, and the seed."""
    only = kind == "chance"
    name = "chance rate" if only else "base rate"
    kept(name, 0.3 if only else 0.0)
    rate = st.slider(
        "Fraction missing by chance",
        0.05 if only else 0.0,
        0.9 if only else 0.5,
        step=0.05,
        key=f"keep.{name}",
    )
    kept("mnar seed", 0)
    seed = st.number_input("Seed", 0, 9999, key="keep.mnar seed")
    return {"base_rate": rate, "seed": int(seed)}
