"""The choice of the method, and the scores of the methods on hidden known cells."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dgm_core.inference import choice
from dgm_core.studies.your_table.completion import RECOMMENDED, Config
from dgm_core.studies.your_table.methods import AT_RANDOM, BASELINE, METHODS
from dgm_core.studies.your_table.understanding import ColumnPlan
from dgm_core.studies.your_table.why import Why
from ui import glossary
from ui.links import Setting

STEPS = {"Short": 300, "Normal": 800, "Long": 3000}
METHOD = Setting(
    "imputation method",
    RECOMMENDED,
    options={RECOMMENDED: "Recommended: the best one on hidden cells of this table"}
    | {name: f"{name}: {about}" for name, about in METHODS.items()},
    link="method",
)
MODELS = Setting("completed tables", 5, options=(5, 10, 20), link="m")
LENGTH = Setting("length of training", "Normal", options=tuple(STEPS), link="training")
SEED = Setting("your table seed", 0, low=0, high=9999, link="seed")
SHOWN = ("CRPS", "RMSE", "90 % coverage", "Brier score")


def choose(plans: tuple[ColumnPlan, ...], why: Why) -> Config:
    """Show the controls."""
    offered = [why.assumed or RECOMMENDED, *AT_RANDOM]
    method = METHOD.widget(st.selectbox, "Method", options=offered, first=offered[0])
    if why.assumed is not None:
        st.caption(
            f"Only {why.assumed} uses your answer. Hidden known cells cannot show which method is "
            "best then, so nothing is recommended."
        )
    with st.expander("More settings"):
        left, middle, right = st.columns(3)
        models = MODELS.widget(
            left.select_slider,
            "Completed tables",
            help="Each comes from a model of its own, fitted to rows drawn with replacement. "
            "More tables give more stable intervals and take longer.",
        )
        lengths = ", ".join(f"{name}: {steps} steps" for name, steps in STEPS.items())
        length = LENGTH.widget(
            middle.segmented_control,
            "Training of MIWAE",
            required=True,
            help=f"{lengths}. Also for not-MIWAE and IM-IWAE.",
        )
        seed = SEED.widget(right.number_input, "Seed")
    return Config(plans, why, method, models, STEPS[length], seed)


def scores(found: choice.Result, used: str, hidden_by: str) -> None:
    """The scores of all methods, and the recommendation in a sentence."""
    st.markdown(f"**{used}** completes the table. {sentence(found)}")
    rows = []
    for row in sorted(found.rows, key=lambda row: row.mean["CRPS"]):
        shown = {"method": row.method}
        for score in SHOWN:
            shown[score] = row.mean[score]
            shown[f"± {score}"] = row.error[score]
        rows.append(shown)
    frame = pd.DataFrame(rows).dropna(axis=1, how="all")
    number = st.column_config.NumberColumn
    settings = {name: number(format="%.3f") for name in frame.columns[1:]}
    settings |= {
        name: number("±", format="%.3f", help=f"One standard error of the {name[2:]}.")
        for name in settings
        if name.startswith("± ")
    }
    settings["CRPS"] = number(format="%.3f", help=glossary.explain("CRPS"))
    st.dataframe(frame, hide_index=True, column_config=settings, placeholder="")
    for failure in found.failures:
        st.caption(failure.sentence)
    how = "by chance" if hidden_by == "chance" else "depending on the other columns"
    glossary.caption(
        f"Known cells of this table were hidden {how}, completed, and compared with their values. "
        "CRPS and RMSE are in standard deviations of the column; lower is better. ± is one "
        f"standard error over repetitions. “{BASELINE}” imputes the mean of the column and is "
        "shown for comparison."
    )


def sentence(found: choice.Result) -> str:
    """The recommendation; empty if no method completed the table."""
    if found.recommendation is None:
        return ""
    return choice.sentence(found.recommendation)
