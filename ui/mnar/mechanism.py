"""Which values go missing in a table, and why: widgets → an `Amputation`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import streamlit as st

from dgm_core.missing.amputation import Amputation
from dgm_core.studies.mnar import side_by_side
from ui.links import Setting
from ui.mnar.table_choice import Table

Direction = Literal["high", "low"]

WHY = {
    "self-masking": "The value itself",
    "another column": "The value of another column",
    "bands": "Bands of the value",
    "chance": "Chance alone",
    "none": "Nothing: impute the missing cells",
}
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
DRIVER_HAS_GAPS = (
    "The column that decides has missing cells. In those rows its mean decides, so values still "
    "go missing at random (MAR)."
)
DIRECTION = Setting("direction", "high", options=("high", "low"))
THRESHOLD = Setting("threshold", 0.0, low=-2.0, high=2.0, step=0.1)
STRENGTH = Setting("strength", 50.0, options=(0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0))
BASE_RATE = Setting("base rate", 0.0, low=0.0, high=0.5, step=0.05, link="rate")
CHANCE_RATE = Setting("chance rate", 0.3, low=0.05, high=0.9, step=0.05, link="chance")
SEED = Setting("mnar seed", 0, low=0, high=9999, link="seed")
ASSUMED = Setting("assumed", side_by_side.KNOWN, options=tuple(side_by_side.ASSUMPTIONS))
"""What not-MIWAE assumes about values that the page itself removes."""
NOTHING = "nothing"
OWN_CELLS: dict[str, tuple[str | None, Direction]] = {
    NOTHING: (None, "high"),
    "high values": (side_by_side.KNOWN, "high"),
    "low values": (side_by_side.KNOWN, "low"),
    "own value": (side_by_side.UNKNOWN, "high"),
    **{name: (name, "high") for name in side_by_side.ASSUMPTIONS if name.startswith("whole row")},
}
"""What can be assumed about cells that were missing already → assumption and its direction."""
OWN_TITLES = {
    NOTHING: "nothing: train MIWAE alone",
    "high values": "own value: high values go missing",
    "low values": "own value: low values go missing",
    "own value": "own value, direction unknown",
}
NO_PLAN = Amputation()
"""Returned instead of a plan while no column is chosen."""


def why_of(table: Table) -> Setting:
    """The kind of mechanism, chosen for each table separately."""
    # A visitor who uploads a table with missing cells wants them imputed.
    first = "none" if table.has_missing_cells and table.uploaded else "self-masking"
    return Setting(f"why.{table.name}", first, options=WHY, link="why")


def columns_of(table: Table) -> Setting:
    """The columns that lose values; a link holds their numbers."""
    names = list(table.numeric)

    def read(text: str) -> list[str]:
        chosen = sorted({int(number) for number in text.split(".")} if text else ())
        if min(chosen, default=0) < 0:
            raise ValueError(text)
        return [names[number] for number in chosen]

    def write(chosen: list[str]) -> str:
        return ".".join(str(names.index(name)) for name in chosen if name in names)

    return Setting(
        f"columns.{table.name}",
        names[: max(1, len(names) // 2)],
        options=names,
        several=len(names),
        read=read,
        write=write,
        link="columns",
    )


def driver_of(table: Table) -> Setting:
    """The column that decides; first one that keeps its values. A link holds its number."""
    names = list(table.numeric)
    return Setting(
        f"driver.{table.name}",
        None,
        options=names,
        read=lambda text: columns_of(table).read(text)[0],
        write=lambda name: str(names.index(name)) if name in names else "",
        link="driver",
    )


def own_cells_of(table: Table) -> Setting:
    """What is assumed about the table's own missing cells: nothing, until it is chosen."""
    titles = {name: OWN_TITLES.get(name, name) for name in OWN_CELLS}
    return Setting(f"own cells.{table.name}", NOTHING, options=titles, link="own-cells")


def settings(table: Table) -> Iterator[Setting]:
    """The settings in a share link."""
    yield from (why_of(table), columns_of(table), driver_of(table), own_cells_of(table))
    yield from (DIRECTION, THRESHOLD, STRENGTH, BASE_RATE, CHANCE_RATE, SEED)


def choose_plan(table: Table) -> Amputation | None:
    """Show the controls; None if no value is removed, `NO_PLAN` while no column is chosen."""
    numeric = table.numeric
    kinds = [kind for kind in WHY if _fits(kind, table)]
    if not kinds:
        st.info("This table has no missing cells, and no numeric column to remove values from.")
        return NO_PLAN
    question = "What decides whether a value goes missing?"
    kind = why_of(table).widget(st.selectbox, question, options=kinds)
    st.caption(ABOUT[kind])
    if kind == "none":
        return None
    chosen = columns_of(table).widget(
        st.multiselect, "Columns that lose values", placeholder="Choose at least one"
    )
    plan: dict[str, Any] = {}
    if kind == "another column":
        others = [name for name in numeric if name not in chosen] or list(numeric)
        driver = driver_of(table).widget(st.selectbox, "Column that decides", options=others)
        if driver in chosen:
            st.caption(DRIVER_LOSES_VALUES)
        elif not table.known.observed[:, numeric[driver]].all():
            st.caption(DRIVER_HAS_GAPS)
        plan["driver"] = numeric[driver]
    if kind in ("self-masking", "another column"):
        plan |= _dependence()
    with st.expander("Base rate, seed", expanded=kind == "chance"):
        rate = CHANCE_RATE if kind == "chance" else BASE_RATE
        plan["base_rate"] = rate.widget(st.slider, "Fraction missing by chance")
        plan["seed"] = SEED.widget(st.number_input, "Seed")
    if not chosen:
        st.info("Choose at least one column that loses values.")
        return NO_PLAN
    return Amputation(kind, tuple(numeric[name] for name in chosen), **plan)


def choose_assumption(table: Table, plan: Amputation | None) -> tuple[str | None, Direction]:
    """What not-MIWAE assumes, and the direction of `side_by_side.KNOWN`; None: train MIWAE alone.

    The mechanism of values that the page removes is known. That of cells which were missing
    already is not, so nothing is assumed about them until the visitor chooses.
    """
    question = "not-MIWAE assumes that missingness depends on"
    if plan is not None:
        about = "A known direction is the easiest case. An unknown one may not be identifiable."
        return ASSUMED.widget(st.selectbox, question, help=about), plan.direction
    return OWN_CELLS[
        own_cells_of(table).widget(
            st.selectbox,
            question,
            help="The data cannot show why cells are missing. Under a wrong assumption not-MIWAE "
            "can be worse than the mean of a column. MIWAE assumes that values are missing at "
            "random.",
        )
    ]


def _fits(kind: str, table: Table) -> bool:
    if kind == "none":
        return table.has_missing_cells
    if kind == "another column":
        return len(table.numeric) > 1
    return bool(table.numeric)


def _dependence() -> dict[str, Any]:
    """Direction, threshold and strength."""
    direction = DIRECTION.widget(st.segmented_control, "Which values go missing", required=True)
    threshold = THRESHOLD.widget(
        st.slider,
        "Threshold, SD",
        help="Half of the values at the threshold go missing. SD: standard deviations from the "
        "mean.",
    )
    strength = STRENGTH.widget(
        st.select_slider,
        "Strength",
        help="Increase of the log-odds of being missing, nats per standard deviation. At 50 "
        "almost every value beyond the threshold goes missing.",
    )
    return {"direction": direction, "threshold": threshold, "strength": strength}
