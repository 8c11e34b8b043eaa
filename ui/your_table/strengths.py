"""How a conclusion changes if the odds of being missing depend on the value itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dgm_core.inference import along_strengths, pool_models, tipping_points
from dgm_core.inference.report.making import LEAST_DRAWS
from dgm_core.inference.sensitivity import FEW, Point
from dgm_core.studies.your_table.methods import CHAINED
from ui import figures, glossary
from ui.download_button import download_button
from ui.frame import kept
from ui.percent import percent
from ui.your_table import charts, conclusions, downloads
from ui.your_table.conclusions import Conclusion
from ui.your_table.outcome import Outcome, digits, figure_of
from ui.your_table.strength_grid import GRID, STEP, WIDEST

LEVEL = percent(0.95)
HELP = (
    "How much the log-odds of being missing change for each standard deviation that a value is "
    "higher. Right of 0, high values go missing more often; left of 0, low ones. At 0, values are "
    "missing at random. A strength of 1 multiplies the odds by 2.7, one of 2 by 7.4."
)

Columns = tuple[str, ...]


@st.fragment
def show(outcome: Outcome, run: str) -> None:
    """The slider, the curve, the sentence and the downloads.

    A fragment, so that the rest of the page is not drawn again while the slider moves.
    """
    names = [name for name in outcome.imputed if name in outcome.numbers]
    if not names:
        st.info("No column of numbers has imputed values, so no mechanism can be assumed here.")
        return
    models, count = outcome.result.at_random[names[0]].shape[:2]
    if count < LEAST_DRAWS:
        missing = int(outcome.table.isna().to_numpy().sum())
        st.info(
            f"This needs {LEAST_DRAWS} draws of each missing value from each model, but only "
            f"{count} are kept, because {missing:,} cells are missing. Leave out columns in step "
            "2 that you do not need."
        )
        return
    st.markdown(
        "Assume a mechanism: **the odds that a value is missing depend on the value itself**. "
        "The table cannot show whether they do. Move the strength, and see whether your "
        "conclusion changes."
    )
    columns, conclusion, reference = _choose(outcome, names)
    strength = st.slider(
        "Strength, in log-odds per standard deviation",
        -WIDEST,
        WIDEST,
        step=STEP,
        key=kept(f"strength.{outcome.given.digest}", 0.0),
        format="%.1f",
        help=HELP,
    )
    strength = min(GRID, key=lambda each: abs(each - strength))
    try:
        points = outcome.once(
            ("strengths", columns, conclusion.of), partial(curve, outcome, columns, conclusion)
        )
    except (ValueError, np.linalg.LinAlgError) as error:
        st.warning(figures.plain(f"This cannot be estimated: {error}."))
        return
    parameter = list(points[0].pooled.names).index(conclusion.name)
    figure = charts.sensitivity(
        points,
        parameter,
        strength,
        reference,
        "← low values | strength | high values →",
        conclusion.label,
    )
    figures.show("chart strengths", figure, f"{conclusion.label}, with {LEVEL} interval")
    unit = unit_of(outcome, columns)
    text = sentence(points, parameter, strength, conclusion.phrase, unit)
    st.markdown(f"{text} {figures.plain(turning(points, parameter, reference))}")
    _weights(points[GRID.index(strength)], count)
    _about(outcome, conclusion, models, count)
    with st.container(horizontal=True):
        for label, make, name, mime in (
            ("Curve (.csv)", partial(table, points, parameter, columns, conclusion), "csv", "csv"),
            (
                "Curve in Python",
                partial(script, outcome, columns, conclusion),
                "py",
                "x-python",
            ),
        ):
            once = ("strengths", run, columns, conclusion.label, conclusion.of)
            download_button(label, make, f"strengths.{name}", f"text/{mime}", once=once)


def curve(outcome: Outcome, columns: Columns, conclusion: Conclusion) -> list[Point]:
    """The pooled conclusion at each strength of the slider."""
    signs = dict.fromkeys(columns, 1)
    needed = conclusions.read_with(columns, conclusion)
    draws = {name: each for name, each in outcome.result.at_random.items() if name in needed}
    return [*along_strengths(draws, outcome.table[needed], signs, GRID, conclusion.analysis)]


def sentence(
    points: Sequence[Point], parameter: int, strength: float, phrase: str, unit: str
) -> str:
    """What would be concluded at a strength, in Markdown."""
    estimates = {p.value: conclusions.ends(p.pooled, parameter) for p in points}
    estimate, low, high = map(figure_of, estimates[strength])
    phrase = figures.plain(phrase)
    interval = f"{LEVEL} interval {low} to {high}"
    if not strength:
        return (
            f"At strength 0, values are missing at random: the {phrase} is **{estimate}**, "
            f"{interval}."
        )
    size = "higher" if strength > 0 else "lower"
    return (
        f"The {phrase} would be **{estimate}** instead of {figure_of(estimates[0.0][0])}, "
        f"{interval}, if the odds of being missing were {math.exp(abs(strength)):.2g} times as "
        f"high for each {figures.plain(unit)} {size}."
    )


def unit_of(outcome: Outcome, columns: Columns) -> str:
    """One standard deviation of what is doubted, in the units of the table."""
    if len(columns) > 1:
        return "standard deviation that a value is"
    values = outcome.table[columns[0]].dropna().to_numpy()
    size = f"{values.std():,.{digits(values)}f}"
    return f"{size} (one standard deviation) that {columns[0]} is"


def turning(points: Sequence[Point], parameter: int, value: float) -> str:
    """At which strengths the interval begins or ceases to contain a value, in a sentence."""
    used = [point for point in points if point.reliable]
    middle = min(points, key=lambda point: abs(point.value))
    _, low, high = conclusions.ends(middle.pooled, parameter)
    now, then = ("contains", "excludes") if low <= value <= high else ("excludes", "contains")
    start = f"At strength 0, the interval {now} {figure_of(value)}."
    found = tipping_points(used, parameter, value=value)
    sides = {
        "high": [each for each in found if each > 0],
        "low": [-each for each in reversed(found) if each < 0],
    }
    turns = [f"{_range(each)} if {size} values go missing" for size, each in sides.items() if each]
    if not turns:
        where = "shown" if len(used) == len(points) else "that the weights bear"
        return f"{start} The same holds at every strength {where}."
    return f"{start} It {then} {figure_of(value)} at a strength of {', or of '.join(turns)}."


def _range(turns: Sequence[float]) -> str:
    """Sizes of strengths from the first turn to the second, if there is one."""
    first, *others = (f"{each:.2f}" for each in turns)
    return f"{first} to {others[0]}" if others else f"{first} or more"


def table(
    points: Sequence[Point], parameter: int, columns: Columns, conclusion: Conclusion
) -> bytes:
    """The curve as a CSV file."""
    rows = []
    for point in points:
        estimate, low, high = conclusions.ends(point.pooled, parameter)
        rows.append(
            {
                "strength": point.value,
                "estimate": estimate,
                "low": low,
                "high": high,
                "effective sample size": point.ess,
                f"fraction of rows below {FEW}": point.weak,
                "conclusion": conclusion.label,
                "missing because of": " + ".join(columns),
            }
        )
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()


def script(outcome: Outcome, columns: Columns, conclusion: Conclusion) -> str:
    """A Python script that completes the table and computes the curve."""
    return downloads.script(
        outcome,
        f"""
# What if high values go missing more often, or low ones (strength below 0)?
# The strength is in log-odds of being missing per standard deviation of the column.
from dgm_core.inference import along_strengths, column_mean, linear_regression  # noqa: E402

signs = {dict.fromkeys(columns, 1)!r}
strengths = {GRID!r}
analysis = {conclusion.code}
for point in along_strengths(result.at_random, table, signs, strengths, analysis):
    estimate = point.pooled.table().loc[{conclusion.name!r}, ["estimate", "low", "high"]]
    print(point.value, *estimate, point.ess, point.weak)
""",
    )


def _choose(outcome: Outcome, names: list[str]) -> tuple[Columns, Conclusion, float]:
    """The doubted columns, the conclusion, and the value with which it is compared."""
    options: list[Columns] = [(name,) for name in names]
    if len(names) > 1:
        options.append(tuple(names))
    key = kept(f"doubted.{outcome.given.digest}", options[0])
    left, middle, right = st.columns(3)
    columns = left.selectbox(
        "Values decide whether they are missing in",
        options,
        key=key,
        format_func=lambda each: each[0] if len(each) == 1 else "all columns of numbers",
    )
    conclusion, reference = conclusions.choose(outcome, columns, "strength", middle, right)
    return columns, conclusion, reference


def _weights(point: Point, count: int) -> None:
    """How many of the draws count."""
    glossary.caption(
        f"Effective sample size of the weights: {point.ess:.0f} of {count} draws, in the median "
        f"row. It is below {FEW} in {percent(point.weak)} of the rows."
    )
    if not point.reliable:
        st.warning(
            "At this strength the weights are too uneven: a few draws decide the result. The "
            "curve is dotted there. Choose “Because of the value itself” in step 3 instead; "
            "not-MIWAE then learns a model under this assumption."
        )


def _about(outcome: Outcome, conclusion: Conclusion, models: int, count: int) -> None:
    """How the curve was made, and what a method says that assumes a mechanism itself."""
    result = outcome.result
    text = (
        f"For each missing value, {result.at_random_by} drew {count} values from each of "
        f"{models} models, assuming that values are missing at random. They are re-weighted by "
        "the odds of being missing; nothing is fitted again."
    )
    if result.at_random_by in CHAINED:
        text += (
            f" {result.at_random_by} borrows observed values only, so at high strengths it "
            "corrects too little; compare with MFA."
        )
    if result.beside is not None:
        pooled = outcome.once(
            ("pooled", conclusion.of),
            lambda: pool_models([conclusion.analysis(each) for each in outcome.draws]),
        )
        place = list(pooled.names or ()).index(conclusion.name)
        estimate, low, high = map(figure_of, conclusions.ends(pooled, place))
        text += (
            f" {result.method} completed the table under your answer in step 3; there the "
            f"{conclusion.phrase} is {estimate}, {LEVEL} interval {low} to {high}."
        )
    st.caption(figures.plain(text))
