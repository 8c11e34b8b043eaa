"""Sections about conclusions: pooled estimates, sensitivity, assumptions, how to repeat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from scipy import stats

from dgm_core.inference.pooling import Coefficients
from dgm_core.inference.report import assumptions, svg
from dgm_core.inference.report.page import (
    COMPLETE,
    POOLED,
    Section,
    Table,
    figures,
    paragraph,
)
from dgm_core.inference.report.results import Analysis, Repeat, Results, Sensitivity
from dgm_core.inference.report.words import ends, named, number, percent
from dgm_core.inference.sensitivity import FEW, Point, tipping_points

Estimate = tuple[float, float, float]
"""Low end, estimate, high end."""

NOTHING: Estimate = (math.nan, math.nan, math.nan)


def pooled(results: Results) -> Section | None:
    """Pooled estimates beside those of the complete cases."""
    if not (results.means or results.regressions):
        return None
    text = paragraph(
        "Each completed table is analysed, and the results are pooled by Rubin's rules. The "
        "intervals (95 %) cover the sampling error and the uncertainty of the missing values."
    )
    text += paragraph(f"{COMPLETE} &nbsp; {POOLED}", "soft")
    if results.means:
        text += "<h3>Means</h3>"
        rows = [row for each in results.means for row in _rows(each)]
        text += _table("Means of the columns with missing values", rows)
    for each in results.regressions:
        complete, total = each.rows
        text += f"<h3>Regression {escape(each.title)}</h3>"
        text += _table(
            f"Coefficients; {complete:,} of {total:,} rows are complete in these columns",
            [*_rows(each)],
        )
    text += paragraph(
        "FMI is the fraction of missing information: the share of the variance that is due to "
        "missing values.",
        "soft",
    )
    assumed = [assumptions.RUBIN, assumptions.COMPLETE_CASES]
    if results.regressions:
        assumed.append(assumptions.REGRESSION)
    return Section("pooled", "Estimates", text, assumed)


def _table(caption: str, rows: Sequence[Sequence[str]]) -> str:
    heads = ("", "complete cases", "pooled", "", ">FMI")
    return Table(caption, heads, rows).html()


def _rows(each: Analysis) -> Iterator[list[str]]:
    """One row of the table for each coefficient."""
    found = each.pooled
    lows, highs = found.interval()
    columns = [np.atleast_1d(part) for part in (lows, found.estimate, highs, found.fmi)]
    names = found.names or (each.title,) * len(columns[0])
    for place, (name, *numbers) in enumerate(zip(names, *columns, strict=True)):
        low, estimate, high, fmi = (float(value) for value in numbers)
        plain = _complete(each.complete, place)
        about = f"Complete cases {number(plain[1])}, pooled {number(estimate)}"
        yield [
            named(name),
            _with_interval(plain),
            _with_interval((low, estimate, high)),
            svg.pair(plain, (low, estimate, high), about),
            percent(fmi),
        ]


def _complete(found: Coefficients | None, place: int) -> Estimate:
    if found is None or place >= len(found.params):
        return NOTHING
    estimate = float(found.params[place])
    df = found.df_resid
    quantile = stats.norm.ppf(0.975) if math.isinf(df) else stats.t.ppf(0.975, df)
    half = float(quantile) * math.sqrt(float(found.covariance[place, place]))
    return estimate - half, estimate, estimate + half


def _with_interval(found: Estimate) -> str:
    low, estimate, high = found
    return "–" if math.isnan(estimate) else f"{number(estimate)} ({ends(low, high)})"


def sensitive(results: Results) -> Section | None:
    """How conclusions depend on δ, with tipping points."""
    if not results.sensitivity:
        return None
    if results.method in assumptions.NOT_AT_RANDOM:
        title, assumed = "If the assumed mechanism is wrong", assumptions.SHIFT_FROM_ASSUMED
        start = f"With δ = 0 they are as {escape(results.method)} imputed them."
    else:
        title, assumed = "If values are not missing at random", assumptions.SHIFT
        start = (
            "With δ = 0 the values are missing at random. With a negative δ, missing values are "
            "lower than the observed values of similar rows."
        )
    text = paragraph(
        "The table cannot show whether values are missing because of themselves. Here all imputed "
        f"values of one column are shifted by δ, and the tables are analysed again. {start}"
    )
    text += figures(_figure(each) for each in results.sensitivity)
    return Section("sensitivity", title, text, [assumed])


def doubted(results: Results) -> Section | None:
    """How conclusions depend on the strength of a mechanism, with tipping points."""
    if not results.mechanisms:
        return None
    text = paragraph(
        "The table cannot show whether values are missing because of themselves. Here the odds "
        "of being missing depend on the value itself. A strength of 1 multiplies them by 2.7 for "
        "each standard deviation that a value is higher, and −1 for each that it is lower. At "
        "strength 0 the values are missing at random."
    )
    text += paragraph(
        f"For each missing value, {results.mechanisms[0].draws} draws from each model are "
        "re-weighted by these odds; nothing is fitted again. ESS is the effective sample size of "
        f"the weights in the median row. Do not rely on a strength at which it is below {FEW}.",
        "soft",
    )
    text += figures(_figure(each) for each in results.mechanisms)
    title = "If high values go missing more often"
    return Section("mechanisms", title, text, [assumptions.STRENGTH])


def _figure(each: Sensitivity) -> tuple[str, str]:
    ordered = sorted(each.points, key=lambda point: point.value)
    usable = [point for point in ordered if point.reliable]
    turns = tipping_points(usable, each.parameter, value=each.value) if usable else []
    symbol = "strength" if each.draws else "δ"

    def at(values: object) -> float:
        return float(np.atleast_1d(np.asarray(values))[each.parameter])

    intervals = [point.pooled.interval() for point in ordered]
    lows, highs = ([at(pair[side]) for pair in intervals] for side in (0, 1))
    places = [point.value for point in ordered]
    estimates = [at(point.pooled.estimate) for point in ordered]
    notes = [f", ESS {number(round(point.ess))}" if each.draws else "" for point in ordered]
    rows = "; ".join(
        f"{symbol} = {number(place)}: {number(estimate)} ({ends(low, high)}){note}"
        for place, estimate, low, high, note in zip(
            places, estimates, lows, highs, notes, strict=True
        )
    )
    figure = svg.band(places, estimates, lows, highs, each.value, turns, rows)
    column = named(each.column)
    along = (
        f"the strength with which {column} decides whether it is missing"
        if each.draws
        else f"the shift δ of the imputed {column}"
    )
    return figure, (
        f"<b>{escape(each.quantity)}</b> by {along}, with "
        f"95 % intervals. {rows}. {_turning(each, symbol, turns, lows, highs)}"
        f"{_uneven(ordered)}"
    )


def _uneven(points: Sequence[Point]) -> str:
    """The strengths that the weights do not bear."""
    places = [number(point.value) for point in points if not point.reliable]
    if not places:
        return ""
    return (
        f" <b>The weights are too uneven at {' and '.join(places)}</b>: a few draws decide the "
        "result there."
    )


def _turning(
    each: Sensitivity,
    symbol: str,
    turns: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
) -> str:
    """The tipping point in words."""
    value = number(each.value)
    if turns:
        listed = " and ".join(number(turn) for turn in turns)
        return (
            f"<b>Tipping point: {symbol} = {listed}</b>, where the interval begins or ceases to "
            f"contain {value} (dashed line)."
        )
    inside = lows[0] <= each.value <= highs[0]
    return f"The interval {'contains' if inside else 'excludes'} {value} for every {symbol} shown."


def all_assumptions(sections: Sequence[Section]) -> Section:
    """Every assumption of the report once, with links to where it is used."""
    used: dict[str, list[Section]] = {}
    for section in sections:
        for text in section.assumptions:
            used.setdefault(text, []).append(section)
    lines = "".join(
        f"<li>{escape(text)} <span class=soft>Used in "
        + ", ".join(f'<a href="#{each.key}">{each.title}</a>' for each in where)
        + ".</span></li>"
        for text, where in used.items()
    )
    lead = paragraph(
        "These were assumed, and this table alone cannot confirm them. If one of them is wrong, "
        "the results that use it may be wrong."
    )
    return Section("assumptions", "All assumptions", f"{lead}<ol>{lines}</ol>")


def repeated(repeat: Repeat) -> Section:
    """How to make the report again."""
    versions = ", ".join(f"{escape(name)} {escape(v)}" for name, v in repeat.versions.items())
    text = (
        f"<pre>{escape(repeat.command)}</pre>"
        + paragraph(f"Seed of all random numbers: {repeat.seed}. Versions: {versions}.")
        + paragraph(
            "The same command with the same versions gives the same numbers on the same machine.",
            "soft",
        )
    )
    return Section("repeat", "How to repeat this report", text)
