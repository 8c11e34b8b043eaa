"""Sections about how the table was completed: methods, calibration, imputed values."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from html import escape

import numpy as np
import pandas as pd

from dgm_core.data.reading.remarks import count_of
from dgm_core.estimators.constraints import Constraint
from dgm_core.inference import choice
from dgm_core.inference.cell_scores import SCORES
from dgm_core.inference.report import assumptions, svg
from dgm_core.inference.report.page import (
    IMPUTED,
    OBSERVED,
    Section,
    Table,
    bullets,
    figures,
    paragraph,
)
from dgm_core.inference.report.results import Results
from dgm_core.inference.report.words import allowed, named, number, percent

MOST_COLUMNS = 24


def scores(result: choice.Result, assumed: str = "") -> Section:
    """Scores of the methods on hidden cells, and the recommendation.

    Args:
        result: of the comparison.
        assumed: the mechanism that not-MIWAE assumes, as a clause.
    """
    found, text = result.recommendation, ""
    text += paragraph(
        "Known cells of this table were hidden, completed by every method, and compared with the "
        "truth. Each number is a mean over repetitions ± its standard error."
    )
    if found is not None:
        text += paragraph(f"<b>{escape(choice.sentence(found))}</b>")
    if assumed:
        text += paragraph(
            f"not-MIWAE takes part because the user assumes that {escape(assumed)}. The hidden "
            "cells were not removed in this way, so these scores say nothing about whether the "
            "assumption is true."
        )
    used = [score for score in SCORES if any(np.isfinite(row.mean[score]) for row in result.rows)]
    rows = [
        [escape(row.method), *(_with_error(row, score) for score in used)] for row in result.rows
    ]
    best = frozenset(
        place
        for place, row in enumerate(result.rows)
        if found and row.method in (found.winner, *found.ties)
    )
    heads = ("method", *(f">{score}" for score in used))
    text += Table("Scores on hidden cells; bold: the best and its ties", heads, rows, best).html()
    text += bullets(escape(failure.sentence) for failure in result.failures)
    text += bullets(f"<b>{escape(score)}</b>: {escape(SCORES[score])}" for score in used)
    return Section("scores", "Which method for this table", text, [assumptions.HELD_OUT])


def _with_error(row: choice.Row, score: str) -> str:
    mean, error = row.mean[score], row.error[score]
    if not np.isfinite(mean):
        return "–"
    if "coverage" in score:
        return f"{100 * mean:.1f} ± {100 * error:.1f} %"
    return f"{mean:.3f} ± {error:.3f}"


def calibrated(results: Results) -> Section | None:
    """Calibration on hidden cells."""
    found = results.calibration
    if found is None:
        return None
    heights, error = found.histogram.density.tolist(), float(found.histogram.standard_error[0])
    text = paragraph(
        f"{count_of(found.cells, 'known number')} of this table "
        f"{'was' if found.cells == 1 else 'were'} hidden and completed by {escape(found.method)}. "
        "If its draws are as wide as its errors, the true value falls into each tenth of the "
        "draws equally often, and 90 % of the true values lie in the 90 % interval."
    )
    about = "Histogram of the place of the true value among the draws: " + ", ".join(
        f"{height:.2f}" for height in heights
    )
    caption = (
        "Place of the true value among the draws, from the lowest to the highest. The line is "
        "what is expected; the band has two standard errors. High ends: the draws are too narrow. "
        "A hill: they are too wide."
    )
    text += figures([(svg.histogram(heights, error, about), caption)])
    rows = [
        [
            percent(level),
            f"{100 * inside:.1f} ± {100 * width:.1f} %",
            _judged(level, inside, width),
        ]
        for level, (inside, width) in found.coverage.items()
    ]
    heads = (">interval", ">true values inside", "judgement")
    text += Table("Coverage of central intervals", heads, rows).html()
    return Section("calibration", "Calibration on hidden cells", text, [assumptions.CELLS])


def _judged(level: float, inside: float, error: float) -> str:
    if abs(inside - level) <= max(2 * error, 0.02):
        return "as it should be"
    return "too narrow" if inside < level else "too wide"


def imputed(table: pd.DataFrame, results: Results) -> Section | None:
    """Observed against imputed values of each incomplete column."""
    draws = results.draws
    if not draws:
        return None
    rows = draws[0].index
    incomplete = [name for name in table if table.loc[rows, name].isna().any()]
    by = f" by {escape(results.method)}" if results.method else ""
    text = paragraph(
        f"Missing values were drawn {count_of(len(draws), 'time')}{by}, so that {len(draws)} "
        f"completed tables show how uncertain they are. {escape(results.reason)}"
    )
    text += paragraph(
        f"{OBSERVED} &nbsp; {IMPUTED} (all draws). The two may differ without any error: if "
        "values are missing at random, rows with missing values need not be like the others."
    )
    drawn = [_compared(name, table.loc[rows, name], draws) for name in incomplete[:MOST_COLUMNS]]
    text += figures(drawn)
    if len(incomplete) > MOST_COLUMNS:
        more = len(incomplete) - MOST_COLUMNS
        text += paragraph(f"{count_of(more, 'further column')} not shown.", "soft")
    illegal = [*_illegal(table.loc[rows], draws, results)]
    text += "".join(paragraph(each, "warning") for each in illegal)
    text += "".join(
        paragraph(f"<b>Caution.</b> {escape(sentence)}", "warning")
        for sentence in results.cautions
    )
    assumed = [assumptions.AT_RANDOM] if results.method not in assumptions.NOT_AT_RANDOM else []
    if results.method in assumptions.METHODS:
        assumed.append(f"{results.method}: {assumptions.METHODS[results.method]}")
    return Section("imputed", "Observed and imputed values", text, assumed)


def _compared(name: Hashable, values: pd.Series, draws: Sequence[pd.DataFrame]) -> tuple[str, str]:
    """The figure of a column and its caption."""
    hidden, label = values.isna().to_numpy(), str(name)
    seen = values.dropna()
    drawn = np.concatenate([table[name].to_numpy(object)[hidden] for table in draws])
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        observed, filled = seen.to_numpy(np.float64), drawn.astype(np.float64)
        means = f"means {number(observed.mean())} and {number(filled.mean())}"
        figure = svg.densities(
            observed, filled, f"Distributions of observed and imputed {label}: {means}"
        )
        return figure, f"{named(name)}: {means}; {int(hidden.sum()):,} cells imputed"
    levels = [str(level) for level in pd.Categorical(seen).categories]
    counts = [
        pd.Series(each.astype(str)).value_counts(normalize=True).reindex(levels, fill_value=0.0)
        for each in (seen.to_numpy(object), drawn)
    ]
    kept = np.sort(np.argsort(-(counts[0] + counts[1]).to_numpy(), kind="stable")[:8])
    shares = [each.to_numpy()[kept].tolist() for each in counts]
    shown = [levels[place] for place in kept]
    about = f"Levels of observed and imputed {label}"
    figure = svg.paired_bars(shown, shares[0], shares[1], about)
    few = f"; the {len(kept)} most frequent levels" if len(levels) > len(kept) else ""
    return figure, f"{named(name)}: {int(hidden.sum()):,} cells imputed{few}"


def _illegal(
    table: pd.DataFrame, draws: Sequence[pd.DataFrame], results: Results
) -> Iterator[str]:
    """Sentences about imputed values that the constraints forbid."""
    for name, words in results.constraints.items():
        hidden = table[name].isna().to_numpy()
        if not hidden.any():
            continue
        filled = np.concatenate([each[name].to_numpy(np.float64)[hidden] for each in draws])
        share = float(Constraint.parse(words).illegal(filled).mean())
        if share > 0:
            yield (
                f"{percent(share)} of the imputed values of {named(name)} are not allowed "
                f"({allowed(Constraint.parse(words))}). PMM and CART impute observed values only; "
                "MFA and MIWAE keep to what is allowed."
            )
