"""Figures of variance floors: curves on points in the plane, and likelihoods over floors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dgm_core.studies.likelihood.floor_sweep import ellipses
from ui import bound_curves, colours, figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor

    from dgm_core.mixtures.nonparametric import Atoms
    from dgm_core.studies.likelihood.unbounded_likelihood import Frame, Row

TALL = 340
BAND, GAP = "rgba(92, 110, 220, 0.22)", "rgba(138, 143, 163, 0.22)"
LINEAR = 10.0
"""Nats up to which the axis of test likelihoods is nearly linear; beyond, it is logarithmic."""
TICKS = [*(-(10**power) for power in range(7, 0, -1)), 0, *(10**power for power in range(1, 4))]


def plane(
    x: Tensor,
    others: Tensor,
    curve: tuple[Tensor, Tensor] | None,
    atoms: Atoms | None = None,
) -> Figure:
    """Points, the model's curve ± one standard deviation, and components of the best mixture.

    Args:
        x: training points (n, 2).
        others: test points (tested, 2).
        curve: means and standard deviations, (G, 2) each.
        atoms: components of the mixture.
    """
    figure = figures.empty(height=TALL)
    if curve is not None:
        mean, sd = curve
        across, up = _joined(ellipses(mean, sd).numpy())
        figure.add_scatter(
            x=across,
            y=up,
            fill="toself",
            mode="lines",
            line={"width": 0},
            fillcolor=BAND,
            hoverinfo="skip",
            name="± 1 sd",
            showlegend=False,
        )
    figure.add_scatter(
        x=others[:, 0].numpy(),
        y=others[:, 1].numpy(),
        mode="markers",
        name="test points",
        marker={"size": 5, "color": colours.WARM, "opacity": 0.75},
        hoverinfo="skip",
    )
    if atoms is not None:
        across, up = _joined(ellipses(atoms.means, atoms.variances.sqrt(), 2, 32).numpy())
        figure.add_scatter(
            x=across,
            y=up,
            mode="lines",
            line={"color": figures.GREY, "width": 1.2},
            name="best mixture",
            hoverinfo="skip",
        )
    if curve is not None:
        across, up = mean.numpy().T
        figure.add_scatter(
            x=across,
            y=up,
            mode="lines+markers",
            name="the model",
            line={"color": figures.FAINT, "width": 1},
            hoverinfo="skip",
            marker={"size": 4, "color": figures.accent()},
        )
    figure.add_scatter(
        x=x[:, 0].numpy(),
        y=x[:, 1].numpy(),
        mode="markers",
        name="training points",
        marker={
            "size": 10,
            "color": figures.GREY,
            "symbol": "circle-open",
            "line": {"width": 1.5},
        },
        hoverinfo="skip",
    )
    both = np.concatenate([x.numpy(), others.numpy()])
    low, high = both.min(0) - 0.25, both.max(0) + 0.25
    figure.update_xaxes(range=[low[0], high[0]], showgrid=False)
    figure.update_yaxes(range=[low[1], high[1]], scaleanchor="x", showgrid=False)
    return figure


def _joined(polygons: np.ndarray) -> tuple[list, list]:
    """Polygons (n, corners, 2) as one line with gaps."""
    gap = np.full((len(polygons), 1, 2), np.nan)
    flat = np.concatenate([polygons, gap], 1).reshape(-1, 2)
    across, up = (np.where(np.isnan(axis), None, axis.round(4)).tolist() for axis in flat.T)
    return across, up


def training(rows: Sequence[Row], at: int | None) -> Figure:
    """Training likelihood and the best mixture over floors; between them the parsimony gap."""
    figure = figures.empty("variance floor ξ", height=250)
    floors = [row.floor for row in rows]
    bound_curves.add(
        figure,
        bound_curves.X,
        x=floors,
        y=[row.upper for row in rows],
        mode="lines",
        name="best mixture",
        line={"color": figures.GREY, "dash": "dot", "width": 2},
        hovertemplate="best mixture %{y:.2f}<extra></extra>",
    )
    bound_curves.add(
        figure,
        bound_curves.X,
        x=floors,
        y=[row.train for row in rows],
        mode="lines+markers",
        name="training points",
        line={"color": figures.accent(), "width": 2.5},
        marker={"size": 6},
        fill="tonexty",
        fillcolor=GAP,
        hovertemplate="training %{y:.2f}<extra></extra>",
    )
    _floor_axis(figure, floors, at)
    return figure


def testing(rows: Sequence[Row], at: int | None) -> Figure:
    """Likelihood of test points over floors; linear near 0, logarithmic beyond."""
    figure = figures.empty("variance floor ξ", height=250)
    floors = [row.floor for row in rows]
    for name, key, line in (
        ("best mixture", "mixture_test", {"color": figures.GREY, "dash": "dot", "width": 2}),
        ("test points", "test", {"color": colours.WARM, "width": 2.5}),
    ):
        values = np.array([getattr(row, key) for row in rows])
        figure.add_scatter(
            x=floors,
            y=np.arcsinh(values / LINEAR),
            mode="lines+markers",
            name=name,
            line=line,
            marker={"size": 6 if key == "test" else 1},
            customdata=values,
            hovertemplate=name + " %{customdata:,.1f}<extra></extra>",
        )
    lowest = min(row.mixture_test for row in rows)
    highest = max(max(row.test, row.mixture_test) for row in rows)
    least = 10 if lowest > -1e4 else 100  # there is room for few
    ticks = [
        tick
        for tick in TICKS
        if 1.2 * lowest - LINEAR < tick < 1.5 * max(highest, LINEAR)
        and (not tick or abs(tick) >= least)
    ]
    figure.update_yaxes(
        tickvals=np.arcsinh(np.array(ticks) / LINEAR), ticktext=[_tick(tick) for tick in ticks]
    )
    _floor_axis(figure, floors, at)
    return figure


def _tick(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")


def _floor_axis(figure: Figure, floors: Sequence[float], at: int | None) -> None:
    ends = [np.log10(max(floors)) + 0.15, np.log10(min(floors)) - 0.15]  # decreasing to the right
    figure.update_xaxes(type="log", range=ends, exponentformat="power", dtick=1)
    if at is not None:
        figure.add_vline(
            floors[at], line={"color": figures.accent(), "dash": "dash", "width": 1.5}
        )


def objectives(frames: Sequence[Frame], floors: Sequence[float]) -> Figure:
    """The objective over training, one line per floor; lower floors are drawn stronger."""
    figure = figures.empty("fraction of the training", height=250)
    for number, floor in enumerate(floors):
        bound_curves.add(
            figure,
            bound_curves.X,
            x=[100 * frame.done for frame in frames],
            y=[frame.objective[number] for frame in frames],
            mode="lines",
            name=power(floor),
            opacity=0.3 + 0.7 * (number + 1) / len(floors),
            line={"color": figures.accent(), "width": 2},
        )
    figure.update_xaxes(range=[0, 100], ticksuffix=" %")
    figure.update_layout(showlegend=False)
    return figure


def climb(values: Sequence[float], upper: float) -> Figure:
    """The log-likelihood of EM's iterates, which never decreases, and its upper bound."""
    figure = figures.empty("iteration of EM", height=220)
    bound_curves.add(
        figure,
        bound_curves.X,
        x=list(range(len(values))),
        y=list(values),
        mode="lines+markers",
        name="mixture",
        line={"color": figures.accent(), "width": 2},
        marker={"size": 4},
        hovertemplate="%{y:.4f}<extra></extra>",
    )
    figure.add_hline(upper, line={"color": figures.GREY, "dash": "dot", "width": 2})
    figure.update_layout(showlegend=False)
    return figure


def power(floor: float) -> str:
    """A floor as text: 10⁻³, 3 · 10⁻⁴."""
    digits, exponent = f"{floor:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    tens = f"10{raised}" if int(exponent) else ""
    return " · ".join(part for part in (digits if digits != "1" or not tens else "", tens) if part)
