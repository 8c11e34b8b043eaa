"""A report on an incomplete table as one HTML page, without scripts or outside resources.

    page = report_html(reading.frame, Results(name="study.csv", columns=reading.columns,
                                              remarks=reading.remarks, draws=completed_tables))

`Results` has what a report can show; the page has the sections for which results are given. What
can be found in the table alone is found here: patterns of missingness, what it goes with, and
defects. `making` computes the results of a file from the settings of the command `dgm report`.
"""

from __future__ import annotations

import pandas as pd

from dgm_core.data.reading.remarks import count_of
from dgm_core.inference.defects import Defect, defects
from dgm_core.inference.patterns import associations, patterns
from dgm_core.inference.report import of_conclusions, of_methods, of_table
from dgm_core.inference.report.page import document
from dgm_core.inference.report.results import Analysis, Repeat, Results, Sensitivity
from dgm_core.inference.report.words import percent

__all__ = ["Analysis", "Repeat", "Results", "Sensitivity", "report_html"]


def report_html(table: pd.DataFrame, results: Results = Results()) -> str:  # noqa: B008
    """The report as an HTML page.

    Args:
        table: the incomplete table, (N, columns): numbers, booleans and levels; NaN = missing.
        results: what else is shown.

    Raises:
        ValueError: the table has no cell, or a completed table has other rows or columns.

    Example:
        >>> page = report_html(pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", None]}))
        >>> "2 cells missing" in page, "<script" in page
        (True, False)
    """
    if not table.size:
        raise ValueError("expected a table with at least one cell, got none")
    if any(
        [*draw] != [*table] or len(draw.index.difference(table.index)) for draw in results.draws
    ):
        raise ValueError("expected completed tables with rows of the table and all its columns")
    pairs = associations(table)
    found = defects(table, results.cells, pairs)
    sections = [
        of_table.read(table, results),
        of_table.suspicious(found),
        of_table.missing(table, patterns(table)),
        of_table.goes_with(pairs),
        None if results.scores is None else of_methods.scores(results.scores, results.assumed),
        of_methods.calibrated(results),
        of_methods.imputed(table, results),
        of_conclusions.pooled(results),
        of_conclusions.sensitive(results),
        of_conclusions.doubted(results),
    ]
    shown = [section for section in sections if section is not None]
    shown.append(of_conclusions.all_assumptions(shown))
    if results.repeat is not None:
        shown.append(of_conclusions.repeated(results.repeat))
    return document(f"Report on {results.name}", _lead(table, results, found), shown)


def _lead(table: pd.DataFrame, results: Results, found: list[Defect]) -> str:
    """The size of the table and what to look at first."""
    rows, columns = table.shape
    missing = table.isna().to_numpy()
    cells, complete = int(missing.sum()), int((~missing.any(1)).sum())
    facts = [
        (f"{rows:,}", "rows"),
        (f"{columns:,}", "columns"),
        (percent(cells / missing.size), f"{count_of(cells, 'cell')} missing"),
        (percent(complete / rows), "of the rows are complete"),
        (f"{len(found):,}", "suspicious facts" if len(found) != 1 else "suspicious fact"),
        (f"{len(results.cautions):,}", "cautions" if len(results.cautions) != 1 else "caution"),
    ]
    if not results.draws:
        facts.pop()
    items = "".join(f"<li><b>{value}</b> {label}</li>" for value, label in facts)
    return f'<ul class="facts">{items}</ul>'
