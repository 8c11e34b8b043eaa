"""The report as a page: its sections, its honesty, and what it must not contain."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dgm_core.data.reading import read_table
from dgm_core.inference import along_shifts, choice, column_mean, linear_regression, pool_models
from dgm_core.inference.calibration import Calibration, calibration
from dgm_core.inference.defects import cells_of
from dgm_core.inference.report import Analysis, Results, Sensitivity, report_html, svg
from dgm_core.inference.report.making import results_of
from dgm_core.options import report as options
from dgm_core.options.report import Settings, Shift, regression_of, shifts_of, strengths_of

VOID = {"meta", "line", "rect", "circle", "path", "br"}


class Page(HTMLParser):
    """The tags of a page, which must be closed in order, and its text by section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text: dict[str, str] = {}
        self.section = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = str(dict(attrs)["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text[self.section] = self.text.get(self.section, "") + data


def table_of(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """`income` is missing where `age` is high; `town` and `visits` by chance."""
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    table = pd.DataFrame(
        {
            "age": np.rint(45 + 12 * z),
            "income": np.exp(7 + 0.5 * z + 0.3 * random.normal(size=rows)).round(1),
            "visits": random.poisson(2 + np.exp(0.3 * z)).astype(float),
            "town": pd.Categorical(random.choice(["Ely", "Rye", "Wem"], rows)),
        }
    )
    table.loc[random.random(rows) < 1 / (1 + np.exp(-(table["age"] - 52) / 6)), "income"] = None
    table["town"] = table["town"].where(random.random(rows) > 0.1)
    table["visits"] = table["visits"].where(random.random(rows) > 0.1)
    return table


FRAME = table_of().set_axis(pd.RangeIndex(2, 302))  # lines of the file


@pytest.fixture(scope="module")
def results() -> Results:
    content = FRAME.to_csv(index=False).encode()
    settings = Settings(
        methods=("mean", "norm", "PMM"),
        draws=5,
        regression=regression_of("income ~ age + town", [*FRAME], ["income"]),
        shifts={"income": (Shift(-200.0, in_sd=False), Shift(0.5, in_sd=True))},
        strengths={"income": (-0.5, 1.0)},
    )
    *stages, found = results_of(
        settings, read_table(content, "t.csv"), cells_of(content, "t.csv"), "t.csv"
    )
    assert len(stages) == 4
    assert isinstance(found, Results)
    return found


def test_the_page_has_all_sections_and_loads_nothing(results: Results) -> None:
    html = report_html(FRAME, results)
    page = Page(html)
    assert [attributes["id"] for tag, attributes in page.tags if tag == "section"] == [
        *("read", "defects", "patterns", "goes-with", "scores", "calibration", "imputed"),
        *("pooled", "sensitivity", "mechanisms", "assumptions"),
    ]
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"url\(|@import|https?:|javascript:", html)
    for _, attributes in page.tags:
        assert not {"src", "srcset", "onload", "onclick"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes["aria-label"]


def test_every_link_of_the_contents_leads_to_a_section(results: Results) -> None:
    page = Page(report_html(FRAME, results))
    ids = {attributes["id"] for tag, attributes in page.tags if tag == "section"}
    links = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert links == ids


def test_numbers_of_the_results_are_on_the_page(results: Results) -> None:
    page, table = Page(report_html(FRAME, results)), FRAME
    gone = int(table["income"].isna().sum())
    assert f"{gone:,}" in page.text["read"]
    income = next(each for each in results.means if each.title == "income")
    estimate = float(np.atleast_1d(income.pooled.estimate)[0])
    assert f"{estimate:.4g}" in page.text["pooled"]
    assert f"{table['income'].mean():.4g}" in page.text["pooled"]
    # Rows with high ages lack their incomes, so the pooled mean is higher.
    assert estimate > table["income"].mean()
    assert "town = Rye" in page.text["pooled"]
    assert "not by chance" in page.text["defects"]
    assert results.scores is not None
    assert results.scores.recommendation is not None
    assert choice.sentence(results.scores.recommendation) in page.text["scores"]
    assert "Place of the true value" in page.text["calibration"]


def test_assumptions_are_named_where_they_are_used_and_listed_once(results: Results) -> None:
    page = Page(report_html(FRAME, results))
    named = re.findall(r"Assumption\. ", " ".join(page.text.values()))
    listed = page.text["assumptions"]
    assert len(named) >= 9
    assert listed.count("Used in") == len(named)
    for words in ("missing at random", "Rubin's rules", "independent of each other", "same δ"):
        assert words in listed, words
    # A table alone assumes less.
    bare = Page(report_html(table_of()))
    assert bare.text["assumptions"].count("Used in") == 1
    assert "Rubin" not in bare.text["assumptions"]


def test_the_tipping_point_of_a_conclusion_is_stated() -> None:
    table = table_of()
    draws = [table.assign(income=table["income"].fillna(1500 + 40 * i)) for i in range(5)]
    points = along_shifts(draws, table, "income", [-4000, -2000, 0], column_mean("income"))
    told = Sensitivity("income", "mean of income", points, 0, 500.0)
    page = Page(report_html(table, Results(draws=draws, sensitivity=[told])))
    assert re.search(r"Tipping point: δ = −[\d,.]+ and −[\d,.]+", page.text["sensitivity"])
    calm = told._replace(value=-9e9)
    page = Page(report_html(table, Results(draws=draws, sensitivity=[calm])))
    assert "for every δ shown" in page.text["sensitivity"]
    assert "Tipping point" not in page.text["sensitivity"]


def test_names_and_levels_cannot_add_html() -> None:
    evil = '<script>alert("x")</script>'
    table = table_of(60).rename(columns={"income": evil})
    table["town"] = table["town"].cat.rename_categories({"Ely": "</svg><script>"})
    draws = [table.fillna({evil: 5.0 + i, "visits": 2.0, "town": "Rye"}) for i in range(3)]
    pooled = pool_models([column_mean(evil)(each) for each in draws])
    results = Results(
        name=evil,
        draws=draws,
        method=evil,
        reason=evil,
        notes=[evil],
        means=[Analysis(evil, pooled, None, (0, 60))],
        cautions=[evil],
    )
    html = report_html(table, results)
    Page(html)
    assert "<script" not in html


def test_values_that_are_not_allowed_are_reported() -> None:
    table = table_of()
    draws = [table.fillna({"visits": -1.5, "income": 900.0}) for _ in range(2)]
    shown = Results(draws=draws, constraints={"visits": "count"})
    page = Page(report_html(table, shown))
    assert "100 % of the imputed values of visits are not allowed" in page.text["imputed"]
    legal = Results(draws=[table.fillna({"visits": 2.0})], constraints={"visits": "count"})
    assert "not allowed" not in Page(report_html(table, legal)).text["imputed"]


def test_a_sample_of_rows_is_said_and_its_draws_are_compared_with_its_rows() -> None:
    table = table_of(600)
    reading = read_table(table.to_csv(index=False).encode(), "t.csv")
    settings = Settings(methods=("norm", "PMM"), model="PMM", draws=2, rows=100)
    *_, found = results_of(settings, reading)
    assert isinstance(found, Results)
    assert len(found.draws[0]) == 100
    page = Page(report_html(reading.frame, found))
    assert "on 100 of 600 rows" in page.text["read"]
    assert "PMM was chosen by the user" in page.text["imputed"]
    cells = int(reading.frame.loc[found.draws[0].index, "income"].isna().sum())
    assert f"{cells} cells imputed" in page.text["imputed"]
    assert "600 rows" in page.text["patterns"]


def test_a_mechanism_is_used_only_if_it_is_assumed_and_is_named_as_an_assumption() -> None:
    assert (*choice.METHODS, options.ASSUMED) == options.METHODS
    for wrong in ({"model": "not-MIWAE"}, {"methods": ("mean", "not-MIWAE")}):
        with pytest.raises(ValueError, match="needs a process"):
            Settings(**wrong)
    table = table_of(80)[["age", "income"]]
    reading = read_table(table.to_csv(index=False).encode(), "t.csv")
    settings = Settings(methods=("norm",), process="self-masking-with-known-signs", draws=2)
    *_, found = results_of(settings, reading)
    assert isinstance(found, Results)
    assert [row.method for row in found.scores.rows] == ["norm", "not-MIWAE"]
    assert found.method == "not-MIWAE"
    page = Page(report_html(reading.frame, found))
    clause = "the user assumes that high values go missing"
    for section in ("scores", "imputed"):
        assert clause in page.text[section], section
    assert "was assumed, not found" in page.text["imputed"]
    assert "With δ = 0 they are as not-MIWAE imputed them" in page.text["sensitivity"]
    assert "missing at random" not in page.text["assumptions"]


def test_a_method_without_draws_is_not_chosen() -> None:
    random = np.random.default_rng(0)
    noise = pd.DataFrame(random.normal(size=(80, 2)), columns=["a", "b"])
    noise = noise.mask(random.random(noise.shape) < 0.2)
    reading = read_table(noise.to_csv(index=False).encode(), "n.csv")
    *_, found = results_of(Settings(methods=("mean", "PMM"), draws=2), reading)
    assert isinstance(found, Results)
    assert found.method == "PMM"
    with pytest.raises(ValueError, match="mean gives no draws"):
        Settings(model="mean")
    with pytest.raises(ValueError, match="no compared method gives draws"):
        [*results_of(Settings(methods=("mean",), draws=2), reading)]


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"a": [1.0, 2.5, 7.0, None] * 20}), table_of().dropna()]
)
def test_a_table_that_needs_no_model_has_a_report(frame: pd.DataFrame) -> None:
    reading = read_table(frame.assign(b=1).to_csv(index=False).encode(), "t.csv")
    (found,) = results_of(Settings(), reading)
    assert isinstance(found, Results)
    page = Page(report_html(reading.frame, found))
    assert "nothing was completed" in page.text["read"] or "no model" in page.text["read"]
    assert "imputed" not in page.text


def test_an_empty_table_and_draws_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one cell"):
        report_html(pd.DataFrame())
    with pytest.raises(ValueError, match="rows of the table"):
        report_html(table_of(), Results(draws=[FRAME.fillna({"income": 1.0})]))


# --- calibration


def calibrated(config: choice.Config, spread: float) -> Calibration:
    """Calibration of draws around the conditional mean with a standard deviation."""

    class Draws:
        def fit(self, table: np.ndarray) -> None:
            del table

        def sample_imputations(self, table: np.ndarray, n: int, seed: int) -> np.ndarray:
            random = np.random.default_rng(seed)
            drawn = spread * random.normal(size=(n, *table.shape))
            return np.where(np.isnan(table), drawn, table)

    table = np.random.default_rng(5).normal(size=(1000, 3))
    found = calibration(config, table, "mine", {"mine": lambda seed: Draws()})
    assert found is not None
    return found


def test_calibration_tells_right_draws_from_narrow_and_wide_ones() -> None:
    config = choice.Config(draws=39)
    right, narrow, wide = (calibrated(config, spread) for spread in (1.0, 0.5, 2.0))
    assert {*right.coverage} == {0.5, 0.8, 0.9, 0.95}
    for level, (inside, error) in right.coverage.items():
        assert abs(inside - level) < 4 * error, level
        assert narrow.coverage[level][0] < level - 5 * error
        assert wide.coverage[level][0] > level + 2 * error
    chi2 = ((right.histogram.density - 1) / right.histogram.standard_error).square().sum()
    assert chi2 < 28  # 9 degrees of freedom, .1 %
    assert narrow.histogram.density[0] > 1.5
    assert wide.histogram.density[0] < 0.5
    # 20 draws have no 95 % interval.
    assert 0.95 not in calibrated(choice.Config(draws=20), 1.0).coverage


def test_a_method_without_draws_has_no_calibration() -> None:
    table = np.random.default_rng(0).normal(size=(60, 2))
    assert calibration(choice.Config(), table, "mean") is None


# --- requests and figures


def test_requests_are_read_and_mistakes_are_named() -> None:
    columns = ["a = b", "y", "c"]
    assert regression_of(" y~a = b +c", columns, ["y"]).features == ("a = b", "c")
    assert shifts_of(["a = b=0,-1SD"], columns) == {
        "a = b": (Shift(0.0, in_sd=False), Shift(-1.0, in_sd=True))
    }
    for formula in ("y", "y ~", "~ c", "y ~ c +", "y ~ d", "y ~ y", "y ~ c + c"):
        with pytest.raises(ValueError, match="expected"):
            regression_of(formula, columns, columns)
    with pytest.raises(ValueError, match="numeric columns y, got 'c'"):
        regression_of("c ~ y", columns, ["y"])
    assert strengths_of(["a = b=-1,0.5"], columns) == {"a = b": (-1.0, 0.5)}
    for text in ("y", "y=", "y=one", "d=1", "y=1,,2"):
        with pytest.raises(ValueError, match="expected"):
            shifts_of([text], columns)
        with pytest.raises(ValueError, match="expected"):
            strengths_of([text], columns)
    for text in ("y=1sd", "y=nan", "y=inf", "y=50"):
        with pytest.raises(ValueError, match="from −10 to 10"):
            strengths_of([text], columns)


def test_strengths_are_shown_with_their_weights_and_begin_at_the_pooled_result(
    results: Results,
) -> None:
    mean, *others = results.mechanisms
    assert [each.quantity for each in others] == [
        f"coefficient of {name} in income ~ age + town"
        for name in ("age", "town = Rye", "town = Wem")
    ]
    assert [point.value for point in mean.points] == [-0.5, 0.0, 1.0]
    low, at_random, high = (point.pooled.estimate[0] for point in mean.points)
    (pooled,) = [each.pooled for each in results.means if each.title == "income"]
    assert at_random == pooled.estimate[0] == mean.value
    assert low < at_random < high
    page = Page(report_html(FRAME, results))
    text = page.text["mechanisms"]
    assert "strength = 0: " in text
    assert re.search(r"ESS 100; strength = 1: [\d., to()]+, ESS \d\d\.", text)
    assert "100 draws from each model are re-weighted by these odds" in text
    assert "too uneven" not in text
    assert "grow evenly with the value" in page.text["assumptions"]
    weak = [point._replace(weak=0.5 * (point.value > 0)) for point in mean.points]
    page = Page(report_html(FRAME, replace(results, mechanisms=[mean._replace(points=weak)])))
    assert "The weights are too uneven at 1: a few draws" in page.text["mechanisms"]


def test_strengths_that_cannot_be_computed_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="choose another model or no process"):
        Settings(strengths={"a": (1.0,)}, process="self-masking")
    Settings(strengths={"a": (1.0,)}, process="self-masking", model="PMM")
    reading = read_table(FRAME.to_csv(index=False).encode(), "t.csv")
    with pytest.raises(ValueError, match="no value of age is missing"):
        list(results_of(Settings(strengths={"age": (1.0,)}), reading))
    with pytest.raises(ValueError, match="choose fewer rows or draws"):
        list(results_of(Settings(strengths={"income": (1.0,)}, draws=10_000), reading))


def test_a_density_integrates_to_one() -> None:
    x = np.random.default_rng(0).normal(3, 2, 5000)
    grid = np.linspace(-10, 16, 400)
    curve = svg.density(x, grid)
    assert np.trapezoid(curve, grid) == pytest.approx(1, abs=0.01)
    exact = np.exp(-((grid - 3) ** 2) / 8) / np.sqrt(8 * np.pi)
    assert np.abs(curve - exact).max() < 0.02


def test_figures_bear_extreme_numbers() -> None:
    nothing = np.array([])
    for observed, imputed in (
        (np.array([1.0]), nothing),
        (np.arange(30.0), nothing),
        (np.arange(30.0), np.full(9, 1e9)),
        (np.full(30, 2.0), np.full(30, 2.0)),
    ):
        drawn = svg.densities(observed, imputed, "about")
        assert "nan" not in drawn
        assert "inf" not in drawn
        Page(drawn)
    assert "nan" not in svg.pair((np.nan,) * 3, (1.0, 1.0, 1.0), "")
    assert "nan" not in svg.band([0], [1], [1], [1], 1, [], "")
    assert "inf" not in svg.interval(-np.inf, 0, np.inf, 1, "")


def test_a_regression_whose_complete_cases_are_too_few_is_pooled_alone() -> None:
    table = pd.DataFrame({"y": [1.0, 2, 4, 8, None], "x": [None, None, None, 2.0, 3.0]})
    draws = [
        table.fillna({"y": 9.0 + i, "x": 1.5}).assign(x=[1, 2, 3 + i, 2, 3.0]) for i in (0, 1)
    ]
    analyse = linear_regression("y", ["x"])
    pooled = pool_models([analyse(each) for each in draws])
    page = Page(report_html(table, Results(regressions=[Analysis("y ~ x", pooled, None, (1, 5))])))
    assert "1 of 5 rows are complete" in page.text["pooled"]
