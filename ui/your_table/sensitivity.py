"""How a conclusion changes if the missing values are higher or lower than imputed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dgm_core.inference import along_shifts, tipping_points
from dgm_core.inference.sensitivity import Point
from ui import figures
from ui.frame import kept
from ui.your_table import charts, conclusions
from ui.your_table.outcome import Outcome, digits, figure_of

POINTS = 17
WIDEST = 2.0
"""Largest shift, in standard deviations of the observed values."""


@st.fragment
def show(outcome: Outcome) -> None:
    """The slider, the band and the sentence.

    A fragment, so that the rest of the page is not drawn again while the slider moves.
    """
    shiftable = [name for name in outcome.imputed if name in outcome.numbers]
    if not shiftable:
        st.info("No column of numbers has imputed values, so nothing can be shifted.")
        return
    st.markdown(
        "The table cannot show whether the missing values differ from what was imputed. **Shift "
        "the imputed values** of a column by δ, and see whether your conclusion changes."
    )
    left, middle, right = st.columns(3)
    tag = outcome.given.digest
    column = left.selectbox(
        "Shift the imputed values of", shiftable, key=kept(f"shifted.{tag}", shiftable[0])
    )
    conclusion, reference = conclusions.choose(outcome, [column], "shift", middle, right)
    values = outcome.table[column].dropna().to_numpy()
    scale = float(values.std()) or 1.0
    decimals = digits(values)
    widest = max(round(WIDEST * scale, decimals), 10.0**-decimals)
    shift = st.slider(
        "δ, in the units of the column",
        -widest,
        widest,
        step=max(round(widest / 40, decimals), 10.0**-decimals),
        key=kept(f"shift.{tag}.{column}", 0.0),
        format=f"%.{decimals}f",
    )
    shifts = np.linspace(-widest, widest, POINTS)
    needed = conclusions.read_with([column], conclusion)
    draws, table = [each[needed] for each in outcome.draws], outcome.table[needed]
    try:
        points: list[Point] = outcome.once(
            ("along", column, conclusion.of),
            lambda: along_shifts(draws, table, column, shifts, conclusion.analysis),
        )
        (now,) = along_shifts(draws, table, column, [shift], conclusion.analysis)
    except (ValueError, np.linalg.LinAlgError) as error:
        st.warning(figures.plain(f"This cannot be estimated: {error}."))
        return
    parameter = list(now.pooled.names).index(conclusion.name)
    estimate, low, high = conclusions.ends(now.pooled, parameter)
    figure = charts.sensitivity(
        points, parameter, shift, reference, f"δ, shift of imputed {column}", conclusion.label
    )
    figures.show("chart sensitivity", figure, f"{conclusion.label}, with 95 % interval")
    st.markdown(
        f"At δ = {shift:g}: **{figure_of(estimate)}**, 95 % interval {figure_of(low)} to "
        f"{figure_of(high)}. " + figures.plain(turning(points, parameter, reference, column))
    )


def turning(points: Sequence[Point], parameter: int, value: float, column: str) -> str:
    """At which shifts the interval begins or ceases to contain a value, in a sentence."""
    middle = min(points, key=lambda point: abs(point.value))
    _, low, high = conclusions.ends(middle.pooled, parameter)
    inside = low <= value <= high
    now, then = ("contains", "excludes") if inside else ("excludes", "contains")
    start = f"Without a shift, the interval {now} {figure_of(value)}."
    found = tipping_points(points, parameter, value=value)
    sides = {"lower": [-each for each in reversed(found) if each < 0]}
    sides["higher"] = [each for each in found if each > 0]
    sizes = [f"{_range(turns)} {word}" for word, turns in sides.items() if turns]
    if not sizes:
        return f"{start} The same holds for every shift shown."
    return (
        f"{start} It {then} {figure_of(value)} if the missing values of {column} are "
        f"{', or '.join(sizes)} than imputed."
    )


def _range(turns: Sequence[float]) -> str:
    """Sizes of shifts from the first turn to the second, if there is one."""
    first, *others = turns
    return (
        f"{figure_of(first)} to {figure_of(others[0])}"
        if others
        else f"at least {figure_of(first)}"
    )
