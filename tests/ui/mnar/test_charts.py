"""Figures of the MNAR lab, drawn from complete and from minimal data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plotly.graph_objects import Figure

from dgm_core import zoo
from dgm_core.distributions.columns import Numeric
from dgm_core.missing.amputation import ampute
from dgm_core.rng import generator, normal
from dgm_core.studies.mnar import sensitivity, side_by_side
from dgm_core.studies.mnar.clipping import Curve
from dgm_core.studies.mnar.side_by_side import GRID
from dgm_core.types import Masked
from ui import bound_curves
from ui.mnar import charts, images
from ui.mnar.one_cell import _density
from ui.mnar.run_results import History, RunResults

NAN = float("nan")


@pytest.fixture(autouse=True)
def no_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed accent colour: there is no browser with a theme."""
    monkeypatch.setattr(charts, "accent", lambda: "#4C5FD5")


def named(figure: Figure) -> dict[str, object]:
    """Name → trace; the figure can be sent to a browser."""
    assert figure.to_json()
    return {trace.name: trace for trace in figure.data if trace.name}


# --- what is missing --------------------------------------------------------------------------


def test_the_heat_map_distinguishes_missing_from_removed_cells() -> None:
    known = np.array([[True, True, False], [True, True, True]])
    observed = np.array([[True, False, False], [False, True, True]])
    (cells,) = charts.missing_cells(observed, known, ["a", "b", "c"]).data
    assert cells.z.tolist() == [[0, 2, 1], [2, 0, 0]]
    assert list(cells.y) == [0, 1]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 100), (20_000, 1), (241, 3)])
def test_the_heat_map_of_any_table_has_its_first_and_last_row(rows: int, columns: int) -> None:
    observed = np.zeros((rows, columns), bool)
    names = [f"x{column}" for column in range(columns)]
    (cells,) = charts.missing_cells(observed, np.ones_like(observed), names).data
    assert cells.z.shape == cells.customdata.shape == (len(cells.y), columns)
    assert len(cells.y) == min(rows, 240)
    assert (cells.y[0], cells.y[-1]) == (0, rows - 1)
    assert (np.diff(cells.y) > 0).all()


def test_every_value_is_counted_even_outliers() -> None:
    observed, hidden = np.array([-50.0, 0.1, 4.0]), np.array([1e6])
    found = named(charts.observed_and_hidden(observed, hidden))
    edges = found["observed"].xbins
    for name, values in (("observed", observed), ("hidden", hidden)):
        shown = np.array(found[name].x)
        assert len(shown) == len(values)
        assert ((shown >= edges.start) & (shown < edges.end)).all()
    nothing = named(charts.observed_and_hidden(np.array([]), np.array([])))
    assert [len(nothing[name].x) for name in ("observed", "hidden")] == [0, 0]


@pytest.mark.parametrize("with_true_curve", [True, False])
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("observed", [0, 1, 5000])
def test_a_curve_is_drawn_where_it_is_known(
    with_true_curve: bool, trained: bool, observed: int
) -> None:
    curve = torch.sigmoid(5 * GRID).numpy()
    figure = charts.missingness(
        curve if with_true_curve else None,
        curve if trained else None,
        np.zeros(observed),
        "learned",
    )
    expected = {"true": with_true_curve, "learned": trained}
    assert named(figure).keys() == {name for name, there in expected.items() if there}
    assert len(figure.data[-1].x) <= 240  # the marks of observed values
    assert (
        len(charts.restart(curve if with_true_curve else None, curve, True).data)
        == 1 + with_true_curve
    )


# --- a run ------------------------------------------------------------------------------------


def results(*rmse: float, bound: float = -3.0) -> RunResults:
    steps = list(range(1, len(rmse) + 1))
    histories = {name: History([bound] * len(rmse), list(rmse)) for name in side_by_side.MODELS}
    return RunResults(
        steps, histories, {"mean": (1.0, 0.1), "kNN": (rmse[0] if rmse else 1.0, 0.1)}
    )


@pytest.mark.parametrize(
    "found_so_far",
    [RunResults(), results(), results(0.5), results(NAN, NAN), results(0.5, bound=-1e6)],
    ids=["nothing", "only baselines", "one step", "no true values", "a diverged training"],
)
def test_a_run_can_be_drawn_at_every_stage(found_so_far: RunResults) -> None:
    for figure in (charts.errors(found_so_far), charts.bounds(found_so_far, -1.0)):
        found = {
            name.removesuffix(charts.AT_CONSTANT_RATES): t for name, t in named(figure).items()
        }
        assert found.keys() == set(side_by_side.MODELS)
        for name, history in found_so_far.histories.items():
            assert list(found[name].x) == found_so_far.steps
            assert len(found[name].y) == len(history.rmse)


def test_every_baseline_has_its_line() -> None:
    found_so_far = results(0.7, 0.6)
    lines = {shape.y0 for shape in charts.errors(found_so_far).layout.shapes}
    assert lines == {value for value, _ in found_so_far.baselines.values()}
    labels = [label.text for label in charts.errors(found_so_far).layout.annotations]
    assert sorted(labels) == sorted(found_so_far.baselines)


def test_an_error_that_is_not_known_has_no_line() -> None:
    found_so_far = results(NAN, NAN)
    found_so_far.baselines = dict.fromkeys(found_so_far.baselines, (NAN, NAN))
    assert not found_so_far.scored
    assert not charts.errors(found_so_far).layout.shapes
    assert not charts.errors(found_so_far).layout.annotations
    assert results(0.5).scored


def test_both_bounds_are_on_the_same_data_and_one_alone_is_as_it_is() -> None:
    both = charts.bounds(results(0.5, bound=-3.0), -1.5)
    assert bound_curves.bounded_by(both) == bound_curves.X_OBS_S
    assert {name: curve.y for name, curve in named(both).items()} == {
        "MIWAE, constant rates": (-4.5,),
        "not-MIWAE": (-3.0,),
    }
    found_so_far = results(0.5, bound=-3.0)
    found_so_far.histories["not-MIWAE"] = History()
    alone = charts.bounds(found_so_far, -1.5)
    assert bound_curves.bounded_by(alone) == bound_curves.X_OBS
    assert {name: curve.y for name, curve in named(alone).items()} == {"MIWAE": (-3.0,)}


def test_the_axis_shows_the_highest_bound_and_may_cut_off_the_first_steps() -> None:
    found_so_far = results(*[1.0] * 30)
    found_so_far.histories["MIWAE"].bound = [-1e4, *np.linspace(-40, -10, 29)]
    low, high = charts.bounds(found_so_far, 0.0).layout.yaxis.range
    assert low > -100
    assert high > -3.0


# --- imputed values ---------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [1, 2, 5000])
def test_imputed_against_true_shows_single_cells_and_at_most_the_maximal_number(
    cells: int,
) -> None:
    true_values = np.linspace(-1, 2, cells)
    found = named(
        charts.against_true_values(
            true_values, {"MIWAE": true_values + 1, "not-MIWAE": true_values}
        )
    )
    for name, distance in (("MIWAE", 1), ("not-MIWAE", 0)):
        x, y = np.array(found[name].x), np.array(found[name].y)
        assert len(x) == min(cells, charts.POINTS)
        np.testing.assert_allclose(y - x, distance, atol=1e-12)


@pytest.mark.parametrize("cells", [1, 400])
def test_histograms_integrate_to_one_and_include_extreme_values(cells: int) -> None:
    true_values = np.linspace(-9, 9, cells)
    found = named(charts.densities(true_values, {"MIWAE": true_values * 100}))
    assert list(found) == ["true values", "MIWAE"]
    for trace in found.values():
        assert np.sum(trace.y) * (trace.x[1] - trace.x[0]) == pytest.approx(1)


@pytest.fixture(scope="module", params=[2, 1], ids=["two columns", "one column"])
def basis(request: pytest.FixtureRequest) -> sensitivity.Basis:
    """Draws of a hardly trained model for a table with missing cells, one alone in its column."""
    x = normal((500, request.param), generator(0))
    observed = torch.ones_like(x, dtype=torch.bool)
    observed[::5, 0] = False
    observed[1, -1] = False
    config = side_by_side.Config(
        "x", None, side_by_side.KNOWN, steps=3, samples=20, frames=1, baselines=()
    )
    columns = (Numeric(),) * request.param
    *_, result = side_by_side.run(config, Masked(x, observed), columns)
    return sensitivity.prepare(result.models["MIWAE"], ampute(Masked(x, observed), None), 40)


@pytest.mark.parametrize("strength", [0.0, -8.0, 400.0])
def test_reweighted_values_are_drawn_without_true_values_and_without_missing_cells(
    basis: sensitivity.Basis, strength: float
) -> None:
    columns = basis.masked.x.shape[1]
    process = sensitivity.assumed_process(columns, list(range(columns)), strength)
    found = sensitivity.assume(basis, process)
    for entry in range(columns):
        drawn = named(charts.reweighted(basis, found, entry))
        assert drawn.keys() == {"assumed", "at random"}
        if entry in basis.column and strength == 0:
            np.testing.assert_allclose(drawn["assumed"].y, drawn["at random"].y, rtol=1e-5)
    assert named(charts.reweighted(basis, found, columns - 1))


@pytest.mark.parametrize("ess", [[1.0, 1.0], [0.9999999, 500.0, 500.00003], [12.0]])
def test_every_row_is_counted_by_its_effective_samples(ess: list[float]) -> None:
    (bars,) = charts.effective(torch.tensor(ess)).data
    assert sum(bars.y) == len(ess)


def test_the_clipping_of_images_is_half_at_its_threshold() -> None:
    found = named(charts.clipping(Curve(0.75, 50.0), Curve(0.7, 20.0)))
    for name, threshold in (("true", 0.75), ("learned", 0.7)):
        assert np.interp(threshold, found[name].x, found[name].y) == pytest.approx(0.5, abs=0.01)


# --- the distribution of one cell -------------------------------------------------------------

DISTRIBUTIONS = {
    "bell": (torch.linspace(-2, 2, 200), torch.full((200,), 1 / 200)),
    "one draw has all the weight": (
        torch.linspace(-2, 2, 200),
        torch.eye(200)[70],
    ),
    "all draws are equal": (torch.full((50,), 1.5), torch.full((50,), 0.02)),
    "two levels": (torch.tensor([0.0, 1.0] * 20), torch.tensor([0.04, 0.01] * 20)),
    "far apart": (torch.tensor([-1e4, 1e4]), torch.tensor([0.5, 0.5])),
}


@pytest.mark.parametrize("true_value", [None, 3.0])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_density_of_any_distribution_is_a_density_around_its_draws(
    name: str, true_value: float | None
) -> None:
    values, weights = DISTRIBUTIONS[name]
    low, high, x, y = _density(values, weights, true_value)
    assert low < values.min() <= values.max() < high
    assert true_value is None or low < true_value < high
    assert (x[0], x[-1]) == (low, high)
    assert np.isfinite(y).all()
    assert (y >= 0).all()
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.1)
    mean = float((weights * values).sum())
    spread = float((weights * (values - mean).square()).sum().sqrt())
    assert np.trapezoid(x * y, x) == pytest.approx(mean, abs=0.1 * spread + 0.02)


# --- images -----------------------------------------------------------------------------------


def test_the_text_on_images_states_the_threshold_that_the_shipped_model_learned() -> None:
    learned = zoo.card("digits-clipped-notmiwae")["measured"]["learned"]["threshold"]
    assert (
        f"at {learned:.2f} instead of {images.THRESHOLD.first:.2f} on digits"
        in images.Images.about
    )
