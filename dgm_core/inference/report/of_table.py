"""Sections about the table itself: what was read, what is missing, what is suspicious."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import pandas as pd

from dgm_core.data.reading.remarks import count_of
from dgm_core.estimators.constraints import Constraint
from dgm_core.inference.defects import Defect
from dgm_core.inference.patterns import Association, Pattern
from dgm_core.inference.report import assumptions, svg
from dgm_core.inference.report.page import Section, Table, bullets, paragraph
from dgm_core.inference.report.results import Results
from dgm_core.inference.report.words import allowed, ends, listed, named, number, percent
from dgm_core.metrics.comparison import RULE

MOST_PATTERNS, MOST_EFFECTS, MOST_REMARKS, MOST_NOTES = 12, 20, 40, 3


def read(table: pd.DataFrame, results: Results) -> Section:
    """Columns, kinds, constraints and remarks."""
    kinds = {each.name: each.kind for each in results.columns}
    rows, body = [], []
    for name, values in table.items():
        missing = float(values.isna().mean())
        rows.append(
            [
                named(name),
                kinds.get(name) or _kind(values),
                _values(values),
                _allowed(results.constraints.get(name)),
                f"{values.isna().sum():,}",
                f"{percent(missing)} {svg.bar(missing)}",
            ]
        )
    heads = ("column", "kind", "values", "allowed values", ">missing", "share missing")
    body.append(Table("Columns that were read", heads, rows).html())
    if results.notes:
        body.append(bullets(escape(note) for note in results.notes))
    if results.remarks:
        body.append("<h3>Remarks of the reader</h3>")
        body.append(bullets(_remarks(results)))
    return Section(
        "read",
        "What was read",
        "".join(body),
        [assumptions.CONSTRAINTS] if results.constraints else [],
    )


def _kind(values: pd.Series) -> str:
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return "numeric" if numeric else "binary" if values.nunique() == 2 else "categorical"


def _allowed(words: str | None) -> str:
    return "–" if words is None else allowed(Constraint.parse(words))


def _values(values: pd.Series) -> str:
    seen = values.dropna()
    if not len(seen):
        return "–"
    if _kind(values) == "numeric":
        x = seen.to_numpy(np.float64)
        return f"{ends(x.min(), x.max())}, median {number(float(np.median(x)))}"
    return listed([escape(str(level)[:40]) for level in pd.Categorical(seen).categories])


def _remarks(results: Results) -> Iterator[str]:
    """The first remarks of each column, and how many others there are."""
    shown: dict[str | None, int] = {}
    hidden = 0
    for remark in results.remarks:
        shown[remark.column] = shown.get(remark.column, 0) + 1
        if shown[remark.column] > MOST_NOTES or sum(shown.values()) - hidden > MOST_REMARKS:
            hidden += 1
            continue
        line = f"line {remark.line}: " if remark.line is not None else ""
        where = f"{named(remark.column)}: " if remark.column is not None else ""
        yield f"{where}{line}{escape(remark.sentence)}"
    if hidden:
        yield f"And {hidden:,} further remarks of the same kinds."


def missing(table: pd.DataFrame, found: Sequence[Pattern]) -> Section:
    """Patterns of missingness with counts."""
    total = len(table)
    rows = [
        [
            listed([named(name) for name in pattern.missing]) or "nothing (complete rows)",
            f"{pattern.rows:,}",
            f"{percent(pattern.rows / total)} {svg.bar(pattern.rows / total)}",
        ]
        for pattern in found[:MOST_PATTERNS]
    ]
    others = found[MOST_PATTERNS:]
    complete = sum(pattern.rows for pattern in found if not pattern.missing)
    text = paragraph(
        f"{count_of(len(found), 'pattern')} of missing cells {_occur(len(found))} in "
        f"{count_of(total, 'row')}; {complete:,} rows ({percent(complete / total)}) are complete."
    )
    if others:
        more = sum(pattern.rows for pattern in others)
        text += paragraph(
            f"The table shows the {MOST_PATTERNS} most frequent patterns. "
            f"{count_of(len(others), 'further pattern')} {_occur(len(others))} in "
            f"{count_of(more, 'row')}.",
            "soft",
        )
    heads = ("missing in the same rows", ">rows", "share of the rows")
    table_html = Table("Patterns of missing cells", heads, rows).html()
    return Section("patterns", "Patterns of missing cells", text + table_html)


def _occur(count: int) -> str:
    return "occurs" if count == 1 else "occur"


def goes_with(found: Sequence[Association]) -> Section:
    """What missingness goes with, as effect sizes."""
    title = "What missingness goes with"
    if not found:
        nothing = paragraph("There is no pair of columns with enough rows to compare.")
        return Section("goes-with", title, nothing)
    clear = [each for each in found if each.clear]
    text = paragraph(
        f"For each column with missing values, the other columns are compared between the rows in "
        f"which it is missing and those in which it is not: {count_of(len(found), 'comparison')}, "
        f"of which {len(clear):,} {'shows' if len(clear) == 1 else 'show'} a clear difference. "
        + escape(RULE)
    )
    text += paragraph(
        "A clear difference means that values are not missing completely at random, so rows "
        "without missing values are not a fair sample of all rows."
        if clear
        else "Nothing here contradicts that values are missing completely at random. Small "
        "differences may remain unseen, and so does any dependence on the missing value itself."
    )
    shown = sorted(clear or found[:5], key=lambda each: -abs(each.effect))[:MOST_EFFECTS]
    rows = [
        [
            named(each.column),
            named(each.other),
            _measure(each),
            f"{number(each.effect)} ({ends(each.low, each.high)})",
            svg.interval(each.low, each.effect, each.high, _span(each), f"{each.effect:.2f}"),
            "yes" if each.clear else "no",
        ]
        for each in shown
    ]
    heads = ("missing", "compared", "measure", "effect (95 % interval)", "", "clear")
    about = "Clear differences" if clear else "The differences with the smallest p-values"
    more = f", the {MOST_EFFECTS} largest" if len(clear) > MOST_EFFECTS else ""
    text += Table(about + more, heads, rows).html()
    text += paragraph(
        "A positive effect: the compared column is larger where the first is missing. Mean "
        "differences are in standard deviations. Cramér's V is between 0 and 1.",
        "soft",
    )
    return Section("goes-with", title, text, [assumptions.INDEPENDENT_ROWS])


def _measure(each: Association) -> str:
    if each.measure == "difference of proportions":
        return f"difference of the proportion of {escape(repr(str(each.level)))}"
    return each.measure


def _span(each: Association) -> float:
    return 1.5 if each.measure == "mean difference" else 0.8


def suspicious(found: Sequence[Defect]) -> Section:
    """Defects of the table."""
    if found:
        text = paragraph(
            f"{count_of(len(found), 'suspicious fact')}. Each is a reason to look, not a proof. "
            "Nothing was changed."
        )
        text += bullets(
            f'<span class="kind">{each.kind}</span>: {escape(each.sentence)}' for each in found
        )
    else:
        text = paragraph("No suspicious fact was found.")
    text += paragraph(
        "Searched for: numbers that stand for missing values (such as −999), duplicate rows, "
        "constant columns, identifiers, columns that are mostly missing, columns that are always "
        "missing together, columns that follow from another, impossible values, text in columns "
        "of numbers, and missingness that strongly goes with another column. Columns are compared "
        "with each other on at most 5,000 rows chosen at random; what is found is checked on all.",
        "soft",
    )
    return Section("defects", "Suspicious facts", text)
