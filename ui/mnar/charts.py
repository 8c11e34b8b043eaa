"""Figures of the lab: not-MIWAE in the accent colour, MIWAE in grey, true values dashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from dgm_core.studies.mnar import sensitivity
from dgm_core.studies.mnar.side_by_side import GRID
from ui import bound_curves
from ui.colours import of_method
from ui.figures import FAINT, GREY, HEIGHT, accent, empty
from ui.mnar.run_results import RunResults, compared
from ui.mnar.units import STANDARD, Units

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor

    from dgm_core.studies.mnar.clipping import Curve
    from dgm_core.studies.mnar.prediction import Result
    from dgm_core.studies.mnar.sensitivity import Assumed, Basis

POINTS = 700
"""Maximal number of points of a scatter plot."""
BINS = 40
TRUE_VALUES = "true values"
AT_CONSTANT_RATES = ", constant rates"
"""Follows the name of a model whose bound has the mask added at constant rates."""


def colours() -> dict[str, str]:
    """Model → colour."""
    return {name: of_method(name) for name in ("MIWAE", "not-MIWAE")}


def missing_cells(
    observed: np.ndarray, known: np.ndarray, names: Sequence[str], *, rows: int = 240
) -> Figure:
    """Heat map of the mask: 0 = observed, 1 = missing in the table itself, 2 = hidden.

    Args:
        observed: (N, D) bool, after values were removed.
        known: (N, D) bool, before.
        names: of the D entries.
        rows: maximal number of rows shown, evenly spread.
    """
    kept = np.unique(np.linspace(0, len(observed) - 1, rows).astype(int))
    state = np.where(observed, 0, np.where(known, 2, 1))[kept]
    figure = empty("column", "row")
    figure.add_heatmap(
        z=state,
        x=list(range(len(names))),
        y=kept,
        zmin=0,
        zmax=2,
        colorscale=[[0, "rgba(138, 143, 163, 0.13)"], [0.5, GREY], [1, accent()]],
        showscale=False,
        customdata=np.broadcast_to(np.array(names)[None], state.shape),
        hovertemplate="%{customdata}, row %{y}<extra></extra>",
        xgap=1 if len(names) < 40 else 0,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, showticklabels=False)
    return figure


def observed_and_hidden(
    observed: np.ndarray, hidden: np.ndarray, units: Units = STANDARD
) -> Figure:
    """Stacked histograms of the observed and the hidden values of one column."""
    figure = empty("value, SD from the mean" if units is STANDARD else "value", "rows")
    edges = {"start": units.of(-4.0), "end": units.of(4.0), "size": 0.2 * units.scale}
    for name, values, colour in (("observed", observed, GREY), ("hidden", hidden, accent())):
        x = units.of(values.clip(-4, 3.99))
        figure.add_histogram(x=x, xbins=edges, name=name, marker_color=colour, hoverinfo="skip")
    figure.update_layout(barmode="stack", bargap=0.06)
    return figure


def missingness(
    true: np.ndarray | None,
    estimated: np.ndarray | None,
    observed: np.ndarray,
    name: str,
    units: Units = STANDARD,
) -> Figure:
    """P(missing | value): the true curve, and the learned or assumed one.

    Args:
        true: on `GRID`; None where it is not known.
        estimated: on `GRID`; None before training.
        observed: standardised values, drawn as marks below the curves.
        name: of the estimated curve, "learned" or "assumed".
        units: of the axis.
    """
    figure = empty("value, SD from the mean" if units is STANDARD else "value", "P(missing)")
    x = units.of(GRID.numpy())
    if true is not None:
        dash = {"color": GREY, "width": 1.5, "dash": "dash"}
        figure.add_scatter(x=x, y=true, mode="lines", name="true", line=dash)
    if estimated is not None:
        line = {"color": accent(), "width": 2.5}
        figure.add_scatter(x=x, y=estimated, mode="lines", name=name, line=line)
    some = units.of(observed[:: max(1, len(observed) // 120)])
    figure.add_scatter(
        x=some,
        y=np.full(len(some), -0.045),
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        marker={"symbol": "line-ns-open", "size": 6, "color": FAINT},
    )
    figure.update_yaxes(range=[-0.09, 1.04], tickvals=[0, 0.5, 1])
    figure.update_xaxes(range=[units.of(-3.0), units.of(3.0)])
    return figure


def curves_shown(true: np.ndarray | None, estimated: np.ndarray | None, name: str) -> str:
    """The end of the title of `missingness`: which curves it has."""
    names = (["true"] if true is not None else []) + ([name] if estimated is not None else [])
    return f": {' and '.join(names)}" if names else ""


def restart(true: np.ndarray | None, learned: np.ndarray, best: bool) -> Figure:
    """Small figure of P(missing | value), as one of several trainings learned it."""
    figure = empty(height=150)
    x = GRID.numpy()
    if true is not None:
        dash = {"color": GREY, "width": 1.5, "dash": "dash"}
        figure.add_scatter(x=x, y=true, mode="lines", line=dash, hoverinfo="skip")
    line = {"color": accent(), "width": 3 if best else 2}
    figure.add_scatter(x=x, y=learned, mode="lines", line=line, opacity=1 if best else 0.6)
    figure.update_layout(showlegend=False)
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1])
    figure.update_xaxes(range=[-3, 3], tickvals=[-2, 0, 2])
    return figure


def errors(results: RunResults) -> Figure:
    """RMSE over training steps, with lines for the simple methods."""
    figure = empty("training step", "RMSE, SD")
    for name, history in results.histories.items():
        if history.rmse or not results.steps:  # not a model that is not trained
            line = {"color": colours()[name], "width": 2.5}
            figure.add_scatter(x=results.steps, y=history.rmse, mode="lines", name=name, line=line)
    known = {name: value for name, (value, _) in results.baselines.items() if np.isfinite(value)}
    for number, (name, value) in enumerate(known.items()):
        side = "right" if number % 2 else "left"  # neighbouring labels must not overlap
        figure.add_hline(
            y=value,
            line={"color": FAINT, "width": 1},
            annotation_position=f"top {side}",
            annotation={"text": name, "font": {"size": 10, "color": GREY}},
        )
    figure.update_yaxes(rangemode="tozero")
    return figure


def bounds(results: RunResults, constant_rates: float) -> Figure:
    """Bounds over training steps, all on the log-probability of the same data.

    Args:
        results: of a run.
        constant_rates: log-probability of the mask at constant rates, which makes MIWAE's bound
            comparable with not-MIWAE's, nats per row.
    """
    bounded, added = compared(results.trained, constant_rates)
    figure = empty("training step", "nats per row")
    values = []
    for name in results.trained:
        curve = [bound + added[name] for bound in results.histories[name].bound]
        values += curve
        bound_curves.add(
            figure,
            bounded,
            x=results.steps,
            y=curve,
            mode="lines",
            name=f"{name}{AT_CONSTANT_RATES}" if added[name] else name,
            line={"color": colours()[name], "width": 2.5},
        )
    if values:
        low = float(np.quantile(values, 0.08))
        figure.update_yaxes(range=[low, max(values) + 0.05 * (max(values) - low) + 0.1])
    return figure


def against_true_values(true_values: np.ndarray, guesses: Mapping[str, np.ndarray]) -> Figure:
    """Imputed against true values; correct ones lie on the dashed line."""
    figure = empty("true value, SD", "imputed, SD")
    some = np.unique(np.linspace(0, len(true_values) - 1, POINTS).astype(int))
    figure.add_scatter(
        x=[-4, 4],
        y=[-4, 4],
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
        line={"color": GREY, "width": 1.5, "dash": "dash"},
    )
    for name, guess in guesses.items():
        figure.add_scatter(
            x=true_values[some],
            y=guess[some],
            mode="markers",
            name=name,
            marker={"color": colours()[name], "size": 4, "opacity": 0.55},
            hovertemplate="true %{x:.2f}<br>imputed %{y:.2f}<extra></extra>",
        )
    low, high = np.quantile(true_values, [0.0, 0.99]) if len(true_values) else (-3, 3)
    room = 0.15 * (high - low) + 0.3
    figure.update_xaxes(range=[low - room, high + room])
    figure.update_yaxes(range=[min(low, -1.5) - room, high + room])
    return figure


def densities(true_values: np.ndarray, guesses: Mapping[str, np.ndarray]) -> Figure:
    """Histograms of the true and the imputed values of the hidden cells."""
    figure = empty("value, SD from the mean", "density")
    edges = np.linspace(-4, 4, BINS * 2 + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    series = {TRUE_VALUES: true_values, **guesses}
    for name, values in series.items():
        density, _ = np.histogram(values.clip(-3.99, 3.99), edges, density=True)
        line = {"color": colours().get(name, GREY), "width": 2}
        if name == TRUE_VALUES:
            line = {"color": GREY, "width": 1.5, "dash": "dash"}
        figure.add_scatter(
            x=middle, y=density, mode="lines", name=name, line={**line, "shape": "hvh"}
        )
    return figure


def reweighted(basis: Basis, assumed: Assumed, entry: int) -> Figure:
    """Imputed values of a column: as assumed, missing at random, and true ones where known."""
    figure = empty("value, SD from the mean", "density")
    edges = torch.linspace(-4, 4, BINS + 1)
    middle = (0.5 * (edges[1:] + edges[:-1])).numpy()
    width = float(edges[1] - edges[0])
    unweighted = assumed._replace(weights=basis.log_w.softmax(1))
    at_random = sensitivity.histogram(basis, unweighted, entry, edges).numpy()
    as_assumed = sensitivity.histogram(basis, assumed, entry, edges).numpy()
    figure.add_bar(
        x=middle,
        y=as_assumed,
        width=width * 0.92,
        name="assumed",
        marker_color=accent(),
        hoverinfo="skip",
    )
    stairs = {"mode": "lines", "hoverinfo": "skip"}
    line = {"color": GREY, "width": 2, "shape": "hvh"}
    figure.add_scatter(x=middle, y=at_random, name="at random", line=line, **stairs)
    true_values = basis.true_values[:, entry][basis.hidden[:, entry]].numpy()
    if len(true_values):
        density, _ = np.histogram(true_values, edges.numpy(), density=True)
        line = {**line, "dash": "dot"}
        figure.add_scatter(x=middle, y=density, name=TRUE_VALUES, line=line, **stairs)
    return figure


def effective(ess: Tensor) -> Figure:
    """Histogram of the effective sample size over rows, on a log scale."""
    figure = empty("effective sample size", "rows")
    edges = np.geomspace(1, 512, 19)
    rows, _ = np.histogram(ess.numpy().clip(1), edges)  # rounding may give less than one
    weak = edges[:-1] < sensitivity.FEW
    figure.add_bar(
        x=np.log10(np.sqrt(edges[1:] * edges[:-1])),
        y=rows,
        width=0.14,
        hoverinfo="skip",
        marker_color=np.where(weak, GREY, accent()),
    )
    ticks = [1, 3, 10, 30, 100, 300]
    figure.update_xaxes(
        tickvals=np.log10(ticks), ticktext=[str(tick) for tick in ticks], range=[-0.1, 2.8]
    )
    return figure


def clipping(true: Curve, learned: Curve) -> Figure:
    """P(missing | brightness): the true curve, and the one that a model learned or was given."""
    figure = empty("brightness", "P(missing)")
    x = np.linspace(0, 1, 201)
    for name, curve, line in (
        ("true", true, {"color": GREY, "width": 1.5, "dash": "dash"}),
        ("given" if learned.given else "learned", learned, {"color": accent(), "width": 2.5}),
    ):
        y = 1 / (1 + np.exp(-curve.strength * (x - curve.threshold)))
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line)
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1])
    return figure


def predictions(found: Result, score: str) -> Figure:
    """One score of each method with two standard errors over runs; one row per method."""
    figure = empty(height=HEIGHT + 30)
    rows = found.rows[::-1]
    highlighted = [row.method.startswith("sup-not") for row in rows]
    bars = [2 * row.error[score] for row in rows]
    figure.add_scatter(
        x=[row.mean[score] for row in rows],
        y=[row.method for row in rows],
        error_x={"array": bars, "color": GREY, "thickness": 1.5, "width": 0},
        mode="markers",
        marker={"size": 9, "color": [accent() if each else GREY for each in highlighted]},
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    figure.update_xaxes(nticks=5, tickangle=0)
    figure.update_layout(showlegend=False)
    return figure
