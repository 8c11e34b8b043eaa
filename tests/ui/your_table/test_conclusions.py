"""The sentences and tables that the page "Your table" makes from a completion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dgm_core.inference.pooling import Coefficients, pool_models
from dgm_core.inference.sensitivity import Point
from dgm_core.studies.your_table.understanding import ColumnPlan
from ui.your_table import charts, completed, regression, sensitivity, shipped, strengths
from ui.your_table.columns import plans_of
from ui.your_table.outcome import figure_of


def points(slope: float, start: float) -> list[Point]:
    """An estimate that is a line, with an interval of half-width 1."""
    found = []
    for shift in np.linspace(-4, 4, 17):
        variance = np.array([[1 / stats.norm.ppf(0.975) ** 2]])
        fit = Coefficients(("x",), np.array([start + slope * shift]), variance)
        found.append(Point(float(shift), pool_models([fit, fit])))
    return found


@pytest.mark.parametrize(
    ("slope", "start", "sentence"),
    [
        (0.0, 0.0, "the interval contains 0. The same holds for every shift shown."),
        (1.0, 0.0, "contains 0. It excludes 0 if the missing values of pay are at least 1 lower, "
         "or at least 1 higher than imputed."),
        (1.0, 2.0, "excludes 0. It contains 0 if the missing values of pay are 1 to 3 lower than "
         "imputed."),
        (1.0, -4.0, "excludes 0. It contains 0 if the missing values of pay are at least 3 higher "
         "than imputed."),
    ],
)  # fmt: skip
def test_the_sentence_says_where_the_conclusion_turns(
    slope: float, start: float, sentence: str
) -> None:
    found = sensitivity.turning(points(slope, start), 0, 0.0, "pay")
    assert found.endswith(sentence), found


@pytest.mark.parametrize(
    ("slope", "start", "sentence"),
    [
        (0.0, 0.0, "the interval contains 0. The same holds at every strength shown."),
        (1.0, 0.0, "contains 0. It excludes 0 at a strength of 1.00 or more if high values go "
         "missing, or of 1.00 or more if low values go missing."),
        (1.0, 2.0, "excludes 0. It contains 0 at a strength of 1.00 to 3.00 if low values go "
         "missing."),
    ],
)  # fmt: skip
def test_the_sentence_says_at_which_strength_the_conclusion_turns(
    slope: float, start: float, sentence: str
) -> None:
    found = strengths.turning(points(slope, start), 0, 0.0)
    assert found.endswith(sentence), found


def test_strengths_that_the_weights_do_not_bear_turn_nothing() -> None:
    some = [point._replace(weak=0.5 * (point.value > 0.9)) for point in points(1.0, 0.0)]
    found = strengths.turning(some, 0, 0.0)
    assert "high values" not in found
    assert "1.00 or more if low values" in found
    none = [point._replace(weak=0.5 * (point.value != 0)) for point in points(1.0, 0.0)]
    assert strengths.turning(none, 0, 0.0).endswith("at every strength that the weights bear.")
    curve, *_ = [each for each in charts.sensitivity(some, 0, 0.5, 0.0, "", "").data if each.y][3:]
    assert [y is None for y in curve.y] == [point.value > 0.9 for point in some]


@pytest.mark.parametrize(
    ("strength", "words"),
    [
        (0.0, "At strength 0, values are missing at random: the mean of pay is **2**, "),
        (1.0, "The mean of pay would be **3** instead of 2, "),
        (1.0, "if the odds of being missing were 2.7 times as high for each 7 higher"),
        (-2.0, "if the odds of being missing were 7.4 times as high for each 7 lower"),
    ],
)
def test_the_sentence_compares_with_values_missing_at_random(strength: float, words: str) -> None:
    found = strengths.sentence(points(1.0, 2.0), 0, strength, "mean of pay", "7")
    assert words in found.replace("\\", "")


def test_complete_rows_give_the_textbook_regression() -> None:
    source = np.random.default_rng(0)
    x = source.normal(size=30)
    table = pd.DataFrame({"y": 2 * x + source.normal(size=30), "x": x})
    found = regression.complete_rows_table(table, regression.Model("y", ("x",)))
    expected = stats.linregress(x, table["y"])
    assert found.loc["x", "estimate"] == pytest.approx(expected.slope)
    assert found.loc["x", "standard error"] == pytest.approx(expected.stderr)
    assert found.loc["x", "p"] == pytest.approx(expected.pvalue)
    assert found.loc["intercept", "df"] == 28


def test_cells_on_screen_are_observed_or_marked_with_an_interval() -> None:
    outcome = shipped.st_outcome()
    rows = np.arange(50)
    texts, marks = completed.cells(outcome, rows)
    hidden = outcome.table.isna().to_numpy()[:50]
    assert np.array_equal(marks, hidden)
    brackets = texts.apply(lambda column: column.str.contains(r"\[.* to .*\]")).to_numpy()
    assert np.array_equal(brackets, hidden)
    name, row = "age", 7
    assert float(texts[name].iloc[row]) == outcome.table[name].iloc[row]


@pytest.mark.parametrize("rows", [7, 20_000])
def test_the_picture_of_missing_cells_shows_every_column_and_their_fractions(rows: int) -> None:
    cells = np.random.default_rng(0).random((rows, 40)) < np.linspace(0, 1, 40)
    names = ["a name that is very long"] * 40  # names that look the same stay apart
    (picture,) = charts.missing(charts.bands(cells), names, rows).data
    shown = np.asarray(picture.z)
    assert shown.shape == (min(rows, charts.MOST_BANDS), 40)
    np.testing.assert_allclose(shown.mean(0), cells.mean(0), atol=0.01)


def test_an_empty_limit_means_any_and_levels_have_none() -> None:
    rows = pd.DataFrame(
        [("a", "numbers", None), ("b", "levels", "0:1"), ("c", "numbers", "count")],
        columns=["column", "kind", "limits"],
    )
    assert plans_of(rows) == (
        ColumnPlan("a", "numbers", "any"),
        ColumnPlan("b", "levels", "any"),
        ColumnPlan("c", "numbers", "count"),
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [(1440.4, "1,440"), (0.0123456, "0.01235"), (-1234567.0, "-1,235,000"), (0.0, "0")],
)
def test_numbers_in_sentences_have_four_figures(number: float, text: str) -> None:
    assert figure_of(number) == text
