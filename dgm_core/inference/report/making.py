"""Compute what a report shows, from a table that was read.

    for item in results_of(Settings(), reading, cells):
        print(item)            # the name of each stage
    page = report_html(reading.frame, item)    # the last item is the results

A large table is compared, completed and analysed on a sample of its rows, and the report says so.
Patterns, effects and defects are of all rows.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from dgm_core.data.reading import Reading
from dgm_core.estimators.constraints import Constraint, suggested
from dgm_core.estimators.impute_table import LEARNABLE
from dgm_core.estimators.miwae import NotMIWAEImputer
from dgm_core.inference import choice
from dgm_core.inference.analyses import Analysis as Analyse
from dgm_core.inference.analyses import column_mean, linear_regression
from dgm_core.inference.calibration import calibration
from dgm_core.inference.cautions import cautions
from dgm_core.inference.defects import Cells
from dgm_core.inference.draws import Draws, completed, draws_of
from dgm_core.inference.pooling import pool_models
from dgm_core.inference.report.results import Analysis, Repeat, Results, Sensitivity
from dgm_core.inference.sensitivity import FEW, Point, along_shifts, along_strengths
from dgm_core.options.impute import ASSUMPTIONS
from dgm_core.options.report import ASSUMED, FEWEST, WITHOUT_DRAWS, Settings, Shift

COMPARED = ("mean", "norm", "PMM", "CART", "MFA")
WIDE = 15
"""A table with more columns is compared without trees, which would take minutes."""
SHIFTED = 2
"""Columns whose sensitivity is shown if none is requested: those with most missing values."""
LEAST_DRAWS, MOST_DRAWS = 2 * FEW, 100
"""Draws of each missing value from each model, which strengths of a mechanism re-weight."""
MOST_KEPT = 25_000_000
"""Draws of all missing values, at most: 200 MB."""
GRID = tuple(Shift(size, in_sd=True) for size in (-1.0, -0.5, 0.0, 0.5, 1.0))


def results_of(
    settings: Settings, reading: Reading, cells: Cells | None = None, name: str = "Table"
) -> Iterator[str | Results]:
    """The name of each stage before it begins, and as last item the results.

    Raises:
        ValueError: a column of the settings is not numeric, or the analysis is not possible.
    """
    table = reading.frame
    sample = _sample(table, settings)
    results = Results(
        name=name,
        columns=reading.columns,
        remarks=reading.remarks,
        cells=cells,
        constraints=_constraints(table),
        notes=_notes(table, sample),
    )
    if not table.isna().to_numpy().any() or table.shape[1] < 2:
        yield replace(results, notes=[*results.notes, _unneeded(table)])
        return
    count = _draws_to_weigh(settings, sample)
    factories, methods = _factories(settings), settings.methods or _compared(table)
    if settings.process and ASSUMED not in methods:
        methods = (*methods, ASSUMED)
    config = choice.Config(methods=methods, repetitions=3, seed=settings.seed)
    yield f"compare {', '.join(methods)} on hidden cells"
    *_, scores = choice.run(config, sample, factories)
    assert isinstance(scores, choice.Result)
    method, reason = _chosen(settings, scores)
    assumed = ASSUMPTIONS[settings.process] if settings.process else ""
    results = replace(results, scores=scores, method=method, reason=reason, assumed=assumed)
    yield f"hide cells to see how well {method} is calibrated"
    results = replace(results, calibration=calibration(config, sample, method, factories))
    yield f"complete the table {settings.draws} times by {method}"
    imputer = factories[method](settings.seed).fit(sample)
    at_random: Draws = {}
    if settings.strengths:
        if hasattr(imputer, "replicate_steps"):
            for _ in imputer.replicate_steps(sample, settings.draws, settings.seed):
                pass
        at_random = draws_of(imputer, sample, settings.draws, count, settings.seed)
        firsts = ({n: each[m, 0] for n, each in at_random.items()} for m in range(settings.draws))
        draws = [completed(sample, first) for first in firsts]
    else:
        draws = list(imputer.sample_imputations(sample, settings.draws, settings.seed))
    sentences = [each.sentence for each in cautions(imputer, sample)]
    results = replace(results, draws=draws, cautions=sentences)
    yield "pool the analyses"
    yield replace(
        results,
        means=[
            analysis_of(str(column), column_mean(column), [column], sample, draws)
            for column in incomplete_numbers(sample)
        ],
        regressions=[*_regressions(settings, sample, draws)],
        sensitivity=[*along_shifts_of(settings, sample, draws)],
        mechanisms=[*along_strengths_of(settings, sample, at_random)],
    )


def repeat(command: str, seed: int) -> Repeat:
    """How to repeat a report, with the versions of this machine."""
    own = import_module("dgm_core").__version__  # also if it is not installed
    versions = {"dgm-lab": own, "Python": platform.python_version()}
    names = ("torch", "numpy", "pandas", "scipy", "scikit-learn")
    return Repeat(command, versions | {name: version(name) for name in names}, seed)


def _sample(table: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """At most `rows` rows, in which every column has values."""
    if len(table) <= settings.rows:
        return table
    source = np.random.default_rng(settings.seed)
    chosen = source.permutation(len(table))[: settings.rows]
    known = table.notna().to_numpy()
    for column in np.flatnonzero(known[chosen].sum(0) < FEWEST):
        chosen = np.union1d(chosen, np.flatnonzero(known[:, column])[:FEWEST])
    return table.iloc[np.sort(chosen)]


def _notes(table: pd.DataFrame, sample: pd.DataFrame) -> list[str]:
    if len(sample) == len(table):
        return []
    return [
        f"Methods are compared, the table is completed and conclusions are drawn on "
        f"{len(sample):,} of {len(table):,} rows, chosen at random (--rows sets how many). "
        "Intervals are those of this sample. Patterns, effects and suspicious facts are of all "
        "rows."
    ]


def _unneeded(table: pd.DataFrame) -> str:
    if table.shape[1] < 2:
        return "The table has one usable column, so no model can fill in its missing values."
    return "No value is missing, so nothing was completed."


def _constraints(table: pd.DataFrame) -> dict[Hashable, str]:
    """Column → allowed values in words, where there are some."""
    found = {name: suggested(name, table[name]) for name in table if _is_numeric(table[name])}
    return {name: each.words for name, each in found.items() if each != Constraint()}


def _is_numeric(values: Any) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def incomplete_numbers(table: pd.DataFrame) -> list[Hashable]:
    """Numeric columns with missing values, those with most of them first."""
    numeric = [(name, values) for name, values in table.items() if _is_numeric(values)]
    missing = {name: int(values.isna().sum()) for name, values in numeric}
    return sorted((name for name in missing if missing[name]), key=lambda name: -missing[name])


def _compared(table: pd.DataFrame) -> tuple[str, ...]:
    wide = table.shape[1] > WIDE
    return tuple(name for name in COMPARED if not (wide and name == "CART"))


def _factories(settings: Settings) -> dict[str, choice.Factory]:
    """The methods that can take part; `ASSUMED` only if its process was chosen."""
    if settings.process is None:
        return choice.METHODS
    process = LEARNABLE[settings.process]

    def assumed(seed: int) -> NotMIWAEImputer:
        return NotMIWAEImputer(
            missing_process=process, constraints="suggested", samples=200, random_state=seed
        )

    return {**choice.METHODS, ASSUMED: assumed}


def _chosen(settings: Settings, scores: choice.Result) -> tuple[str, str]:
    """The method that completes the table, and why, as a sentence.

    Raises:
        ValueError: no compared method gives draws.
    """
    if settings.process and settings.model in (None, ASSUMED):
        clause = ASSUMPTIONS[settings.process]
        return ASSUMED, (
            f"{ASSUMED} was chosen because the user assumes that {clause}. The table cannot "
            "confirm or refute this."
        )
    if settings.model is not None:
        return settings.model, f"{settings.model} was chosen by the user."
    found = scores.recommendation
    if found is not None and found.winner not in WITHOUT_DRAWS:
        return found.winner, f"{found.winner} was chosen because its score is the best."
    criterion = found.criterion if found is not None else "CRPS"
    rows = [row for row in scores.rows if row.method not in WITHOUT_DRAWS]
    if not rows:
        raise ValueError("no compared method gives draws; add one of norm, PMM, CART, MFA, MIWAE")
    best = min(rows, key=lambda row: row.mean[criterion]).method
    return best, f"{best} has the best score of the methods that give draws."


def analysis_of(
    title: str,
    analyse: Analyse,
    columns: Sequence[Hashable],
    table: pd.DataFrame,
    draws: Sequence[pd.DataFrame],
) -> Analysis:
    """An analysis pooled over the draws, and of the rows in which `columns` are complete."""
    complete = table.dropna(subset=list(columns))
    try:
        plain = analyse(complete) if len(complete) > 1 else None
    except ValueError:  # fewer rows than coefficients
        plain = None
    pooled = pool_models([analyse(each) for each in draws])
    if plain is not None and len(np.atleast_1d(pooled.estimate)) != len(plain.params):
        plain = None  # a level occurs in no complete row
    return Analysis(title, pooled, plain, (len(complete), len(table)))


def _regressions(
    settings: Settings, table: pd.DataFrame, draws: Sequence[pd.DataFrame]
) -> Iterator[Analysis]:
    asked = settings.regression
    if asked is not None:
        analyse = linear_regression(asked.target, asked.features)
        yield analysis_of(asked.title, analyse, [asked.target, *asked.features], table, draws)


def _draws_to_weigh(settings: Settings, table: pd.DataFrame) -> int:
    """How many draws of each missing value are re-weighted; 0 without strengths.

    Raises:
        ValueError: a column without missing values, or too few draws fit into the memory.
    """
    if not settings.strengths:
        return 0
    for column in settings.strengths:
        if not table[column].isna().to_numpy().any():
            raise ValueError(f"no value of {column} is missing, so no mechanism can remove it")
    missing = table.isna().to_numpy()
    copied = int(missing.any(1).sum()) * table.shape[1]  # cells that a chain completes
    most = MOST_KEPT // max(settings.draws * int(missing.sum()), copied)
    if most < LEAST_DRAWS:
        raise ValueError(
            f"expected room for {LEAST_DRAWS} draws of each of the {int(missing.sum()):,} missing "
            f"values from each of {settings.draws} models, got {most}: choose fewer rows or draws"
        )
    return min(MOST_DRAWS, most)


def along_shifts_of(
    settings: Settings, table: pd.DataFrame, draws: Sequence[pd.DataFrame]
) -> Iterator[Sensitivity]:
    """Pooled numbers along the shifts of the settings, by which imputed values are moved.

    Args:
        settings: without shifts, the `SHIFTED` columns with most missing values are shifted.
        table: incomplete.
        draws: completed tables.
    """
    shifts: Mapping[Any, Sequence[Shift]] = settings.shifts or dict.fromkeys(
        incomplete_numbers(table)[:SHIFTED], GRID
    )
    for column, sizes in shifts.items():
        values: Any = table[column]
        spread = float(values.std()) if _is_numeric(values) else 0.0
        places = {each.size * (spread if each.in_sd else 1.0) for each in sizes} | {0.0}

        def along(analyse: Analyse, column: Any = column, places: Any = places) -> list[Point]:
            return along_shifts(draws, table, column, sorted(places), analyse)

        yield from _along(settings, column, along)


def along_strengths_of(
    settings: Settings, table: pd.DataFrame, at_random: Draws
) -> Iterator[Sensitivity]:
    """Pooled numbers along the strengths of the settings, those of a mechanism.

    Args:
        settings: names the columns and strengths.
        table: incomplete.
        at_random: draws that assume values missing at random.
    """
    for column, strengths in settings.strengths.items():
        places = sorted({*strengths, 0.0})

        def along(analyse: Analyse, column: Any = column, places: Any = places) -> list[Point]:
            return [*along_strengths(at_random, table, {column: 1}, places, analyse)]

        yield from _along(settings, column, along, at_random[column].shape[1])


def _along(
    settings: Settings,
    column: Hashable,
    along: Callable[[Analyse], list[Point]],
    draws: int = 0,
) -> Iterator[Sensitivity]:
    """The mean of a column and the coefficients of the regression along an assumption."""
    points = along(column_mean(column))
    (at_random,) = (point for point in points if point.value == 0)
    value = float(np.atleast_1d(at_random.pooled.estimate)[0])
    yield Sensitivity(column, f"mean of {column}", points, 0, value, draws)
    asked = settings.regression
    if asked is None or column not in (asked.target, *asked.features):
        return
    points = along(linear_regression(asked.target, asked.features))
    for place, coefficient in enumerate(points[0].pooled.names or ()):
        if coefficient != "intercept":
            quantity = f"coefficient of {coefficient} in {asked.title}"
            yield Sensitivity(column, quantity, points, place, 0.0, draws)
