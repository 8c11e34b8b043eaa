"""The question why values might be missing, as plain answers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dgm_core.options.impute import ASSUMPTIONS
from dgm_core.studies.your_table.why import STRENGTHS, Why
from ui import figures
from ui.frame import kept
from ui.links import Setting
from ui.your_table.source import Given

REASON = Setting(
    "why missing",
    "unknown",
    options={
        "unknown": "I do not know",
        "chance": "By chance: a form was lost, a device failed",
        "other columns": "Because of other columns: for example, older people tell less",
        "own value": "Because of the value itself: for example, high incomes are not told",
        "not in the table": "Because of something about the row that is not in the table: for "
        "example, people in a hurry skip questions",
    },
    link="why",
)
STRENGTH = Setting(
    "how strongly",
    "estimated",
    options={
        "estimated": "estimate it from the table",
        "weak": "weakly",
        "moderate": "moderately",
        "strong": "strongly: nearly all beyond a threshold",
    },
    link="strength",
)
assert {*STRENGTH.options} == {*STRENGTHS}
CAUTION = (
    "This is an assumption. Your table cannot confirm or refute it, because the values that would "
    "are the missing ones. If it is wrong, the imputations are biased. Compare the result with "
    "that of another answer, and look at the sensitivity below."
)


def choose(given: Given, table: pd.DataFrame) -> Why | None:
    """Show the question; None while the answer is not complete."""
    reason = REASON.widget(st.radio, "Why might values be missing?", label_visibility="collapsed")
    if reason == "not in the table":
        why = Why(reason)
        st.warning(f"You assume that {why.clause}. {CAUTION}")
        return why
    if reason != "own value":
        if reason == "unknown":
            st.caption(
                "Then nothing special is assumed: values may be missing by chance or because of "
                "other columns."
            )
        return Why(reason)
    numbers = table.select_dtypes("number")
    names = list(numbers.columns[numbers.isna().any()])
    if not names:
        st.info("No column of numbers has missing values, so this answer cannot be used.")
        return None
    left, middle, right = st.columns(3)
    high = left.multiselect(
        "High values go missing in", names, key=kept(f"high missing.{given.digest}", [])
    )
    low = middle.multiselect(
        "Low values go missing in",
        [name for name in names if name not in high],
        key=kept(f"low missing.{given.digest}", []),
    )
    low = [name for name in low if name not in high]
    strength = STRENGTH.widget(
        right.selectbox,
        "How strongly?",
        help="How fast the log-odds of being missing change with the value: 0.5, 1.5 or 4 nats "
        "per standard deviation, or as fast as fits the table best.",
    )
    if not (high or low):
        st.info("Choose at least one column whose values decide whether they are missing.")
        return None
    why = Why("own value", tuple(high), tuple(low), strength)
    st.warning(f"You assume that {figures.plain(why.clause)}. {CAUTION}")
    if not low and strength == "estimated":
        st.caption(
            "not-MIWAE calls this self-masking with known signs: "
            f"{ASSUMPTIONS['self-masking-with-known-signs']}."
        )
    return why
