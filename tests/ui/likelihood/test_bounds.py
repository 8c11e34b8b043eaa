"""Figures of bounds and floors, their texts, and settings from links."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from dgm_core.studies.likelihood import bound_files, floor_sweep
from dgm_core.studies.likelihood.bound_files import Images
from dgm_core.studies.likelihood.bounds import Line
from tests.patience import PATIENCE
from ui.likelihood import bound_charts, bound_words, bounds, floor, floor_charts
from ui.likelihood.bounds import Bounds, Requested
from ui.likelihood.floor import Floor

ROOT = Path(__file__).parents[3]
LINES = (
    Line("ELBO", "below", 1, -12.0, 0.1),
    Line("IWAE", "below", 10, -11.0, 0.1),
    Line("IWAE", "below", 100, -10.5, 0.1),
    Line("quadrature", "exact", 1089, -10.0, 0.0),
    Line("AIS", "below", 20, -10.1, 0.05),
    Line("best mixture", "above", 4, 40.0, 0.0),
)


def trace(figure: object, name: str) -> object:
    (found,) = (each for each in figure.data if each.name == name)
    return found


def test_the_curve_grows_under_the_lines_and_a_far_bound_has_its_own_axis() -> None:
    figure = bound_charts.ladder(LINES, 100)
    curve = trace(figure, "IWAE")
    assert list(curve.x) == [1, 10, 100]
    assert list(curve.y) == [-12.0, -11.0, -10.5]
    assert list(curve.error_y.array) == [0.2] * 3
    assert trace(figure, "log p(x), quadrature").yaxis == "y"
    assert trace(figure, "best mixture, from above").yaxis == "y2"
    low, high = figure.layout.yaxis.range
    assert low < -12 < -10 < high < 0
    low, high = figure.layout.yaxis2.range
    assert low < 40 < high


def test_a_near_bound_shares_the_axis() -> None:
    near = (*LINES[:-1], LINES[-1]._replace(mean=-9.0))
    figure = bound_charts.ladder(near, 100)
    assert trace(figure, "best mixture, from above").yaxis == "y"
    assert figure.layout.yaxis.range[1] > -9
    assert bound_charts.ladder(LINES[:1], 10).data  # the first frame of a run


def test_an_unknown_error_is_not_drawn() -> None:
    lines = (LINES[0], LINES[1]._replace(error=float("nan")))
    assert list(trace(bound_charts.ladder(lines, 10), "IWAE").error_y.array) == [0.2, 0]


def test_the_verdict_has_the_numbers_and_detects_a_wrong_order() -> None:
    text = bound_words.verdict(LINES)
    assert "ELBO −12.00 ≤ IWAE −10.50 ≤ log p(x) = −10.00 ≤ best mixture 40.00" in text
    assert "The ELBO is 2.00 nats too low, and IWAE with 100 draws 0.50." in text
    wrong = (*LINES, Line("AIS backwards", "above", 20, -10.5, 0.01))
    assert "out of order" in bound_words.verdict(wrong)
    assert "ELBO −12.00 ≤ log p(x)." in bound_words.verdict(LINES[:1])
    assert "Bounds from random draws hold on average." in text
    certain = tuple(line._replace(error=0.0) for line in LINES)
    assert "on average" not in bound_words.verdict(certain)


@pytest.mark.parametrize(("pareto_k", "warned"), [([0.2, 0.9], True), ([0.2, 0.3], False)])
def test_a_small_pareto_k_is_no_proof(pareto_k: list[float], *, warned: bool) -> None:
    def page(pareto_k: list[float]) -> None:
        import numpy as np

        from ui.likelihood import bound_words

        bound_words.weights((), np.array([80.0, 90.0]), np.array(pareto_k), 100)
        bound_words.weights((), np.array([80.0]), np.array(pareto_k[-1:]), 100)

    app = AppTest.from_function(page, args=(pareto_k,), default_timeout=PATIENCE).run()
    assert not app.exception
    for text in (app.caption[0].value, app.markdown[-1].value):
        assert ("too small" in text) == warned
        assert ("mass that is never proposed does not show" in text) != warned


def test_a_table_of_all_values_has_each_image() -> None:
    lines = (LINES[0]._replace(each=torch.tensor([-13.0, -11.0]), each_error=torch.zeros(2)),)
    rows = list(csv.reader(io.StringIO(bound_words.as_csv(lines, None))))
    assert [row[0] for row in rows] == ["image", "all", "1", "2"]
    assert rows[1][1:5] == ["ELBO", "at least", "1", "-12.0"]
    assert rows[3][4] == "-11.0"
    assert [row[0] for row in csv.reader(io.StringIO(bound_words.as_csv(LINES[:1], 4)))][1] == "5"


def test_pictures_are_square_and_grey() -> None:
    found = bounds.pictures_of(Images(torch.tensor([[0.0, 1.0, 0.5, 2.0]])))
    assert found.dtype == np.uint8
    assert found.tolist() == [[[0, 255], [128, 255]]]


def test_the_first_results_are_shipped() -> None:
    found = bound_files.load("digits-gaussian")["test"]
    assert found.config == Requested("digits-gaussian", "test", None, 10_000, 100, 0).config
    few = Requested("digits-gaussian", "test", None, 30, 100, 0).config
    assert few.draws == (1, 3, 10, 30)


@pytest.mark.parametrize(
    ("floor_", "read"), [(1e-3, "10⁻³"), (3.2e-4, "3 · 10⁻⁴"), (0.1, "10⁻¹"), (1e-6, "10⁻⁶")]
)
def test_a_floor_is_written_as_a_power(floor_: float, read: str) -> None:
    assert floor_charts.power(floor_) == read


def test_charts_of_floors_show_the_gap_and_the_collapse() -> None:
    found = floor_sweep.load(floor.ASSETS / "unbounded-moons.npz")
    figure = floor_charts.training(found.rows, 4)
    assert trace(figure, "training points").fill == "tonexty"
    pairs = zip(trace(figure, "best mixture").y, trace(figure, "training points").y, strict=True)
    assert all(above > own for above, own in pairs)
    figure = floor_charts.testing(found.rows, 4)
    axis, line = figure.layout.yaxis, trace(figure, "test points")
    assert np.interp(np.arcsinh(-100 / 10), axis.tickvals, range(len(axis.tickvals))) == (
        axis.ticktext.index("−100")
    )
    values = np.sinh(np.array(line.y)) * floor_charts.LINEAR
    np.testing.assert_allclose(values, [row.test for row in found.rows], rtol=1e-6)
    both = floor_charts.plane(
        found.x, found.others, (found.curves.mean[4], found.curves.sd[4]), found.mixtures[4]
    )
    assert len(trace(both, "training points").x) == len(found.x)


def test_a_slider_between_trained_floors_shows_the_next() -> None:
    assert floor._nearest((1e-1, 1e-2, 1e-3), 3.2e-3) == 1
    assert floor._nearest((1e-1, 1e-2, 1e-3), 1e-6) == 2


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ({"view": Floor.name, "floor": "0.0001"}, "Floor ξ of the variance", 1e-4),
        ({"bounds-which": "One image", "bounds-draws": "30"}, "Most draws K", 30),
    ],
)
def test_a_link_opens_a_view_without_a_run(query: dict[str, str], name: str, value: float) -> None:
    app = AppTest.from_file(
        str(ROOT / "pages" / "2_Exact_likelihood.py"), default_timeout=PATIENCE
    )
    for place, text in query.items():
        app.query_params[place] = text
    app.run()
    assert not app.exception
    assert {slider.label: slider.value for slider in app.select_slider}[name] == value


def test_invalid_settings_in_links_are_refused() -> None:
    for setting in (*Bounds.settings, *Floor.settings):
        with pytest.raises((ValueError, KeyError)):
            setting.read(f"no {setting.name}")
    assert floor.FLOOR.read("0.001") == 1e-3
    assert bounds.MOST_DRAWS.read("300") == 300
    assert bounds.IMAGE.read("99") == 19
