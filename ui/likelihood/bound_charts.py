"""Figures of bounds from below and above, of exact values, and of IWAE over draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ui import bound_curves, figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.studies.likelihood.bounds import Line

TALL = 400
ERRORS = 2
"""Half the length of an error bar, in standard errors."""
BROKEN = 1.5
"""An upper bound further away than this many ranges of the rest has an axis of its own."""
UNRELIABLE_K = 0.7
"""Pareto k above which the mean of the weights and its error bar are unreliable."""
SIGNS = {"below": "≥", "exact": "=", "above": "≤"}


class Level(NamedTuple):
    """How a method that does not depend on K is drawn."""

    name: str
    dash: str
    width: float


LEVELS = {
    "AIS": Level("AIS, from below", "dash", 1.5),
    "quadrature": Level("log p(x), quadrature", "solid", 2.5),
    "AIS backwards": Level("AIS, from above", "dashdot", 1.5),
    "best mixture": Level("best mixture, from above", "dot", 2),
    "empirical": Level("best distribution, from above", "dot", 2),
}


def ladder(lines: Sequence[Line], most: int) -> Figure:
    """IWAE over K and the other bounds; a distant upper bound is drawn on a broken axis."""
    figure = figures.empty("importance samples K", height=TALL)
    curve = [line for line in lines if line.method in ("ELBO", "IWAE")]
    levels = [line for line in lines if line.method in LEVELS]
    low, high = _range([line for line in lines if line.kind != "above"] or levels)
    near = [line for line in levels if line.mean <= high + BROKEN * (high - low)]
    low, high = _range([*curve, *near])
    for line in levels:
        _level(figure, line, most, "y" if line in near else "y2")
    _curve(figure, curve)
    figure.update_xaxes(
        type="log",
        range=[-0.08, np.log10(most) + 0.08],
        tickvals=[10**power for power in range(5)],
        ticktext=["1", "10", "100", "1,000", "10,000"],
    )
    pad = 0.06 * (high - low)
    figure.update_yaxes(range=[low - pad, high + pad])
    if len(near) < len(levels):
        _break(figure, [line for line in levels if line not in near])
    return figure


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    values = [line.mean for line in lines] or [0.0]
    low, high = min(values), max(values)
    return low, max(high, low + 0.05)


def _level(figure: Figure, line: Line, most: int, axis: str) -> None:
    drawn = LEVELS[line.method]
    ends = [0.8, most * 1.25]
    off = ERRORS * line.error
    if line.kind != "exact" and off > 0:
        bound_curves.add(
            figure,
            bound_curves.X,
            x=[*ends, *ends[::-1]],
            y=[line.mean - off] * 2 + [line.mean + off] * 2,
            yaxis=axis,
            fill="toself",
            mode="lines",
            line={"width": 0},
            fillcolor="rgba(138, 143, 163, 0.18)",
            hoverinfo="skip",
            showlegend=False,
        )
    bound_curves.add(
        figure,
        bound_curves.X,
        x=ends,
        y=[line.mean] * 2,
        mode="lines",
        name=drawn.name,
        yaxis=axis,
        line={"color": figures.GREY, "dash": drawn.dash, "width": drawn.width},
        hovertemplate=f"{drawn.name}: {line.mean:.3f}<extra></extra>",
    )


def _curve(figure: Figure, curve: Sequence[Line]) -> None:
    errors = [0 if np.isnan(line.error) else ERRORS * line.error for line in curve]
    bound_curves.add(
        figure,
        bound_curves.X,
        x=[line.effort for line in curve],
        y=[line.mean for line in curve],
        mode="lines+markers",
        name="IWAE",
        line={"color": figures.accent(), "width": 2.5},
        marker={"size": 7},
        error_y={"array": errors, "thickness": 1.5, "width": 4, "color": figures.accent()},
        hovertemplate="K = %{x:,}: %{y:.3f}<extra></extra>",
    )
    first = [line for line in curve if line.method == "ELBO"]
    bound_curves.add(
        figure,
        bound_curves.X,
        x=[1] * len(first),
        y=[line.mean for line in first],
        mode="markers",
        name="ELBO",
        marker={
            "size": 12,
            "symbol": "diamond",
            "color": figures.accent(),
            "line": {"color": figures.background(), "width": 1.5},
        },
        hoverinfo="skip",
    )


def _break(figure: Figure, far: Sequence[Line]) -> None:
    """Draw distant lines on an axis of their own above the rest, with a sign for the gap."""
    values = sorted(line.mean for line in far)
    spread = max(1.0, values[-1] - values[0])
    figure.update_layout(
        yaxis={"domain": [0, 0.84]},
        yaxis2={
            "domain": [0.9, 1],
            "anchor": "x",
            "fixedrange": True,
            "zeroline": False,
            "range": [values[0] - spread, values[-1] + spread],
            "tickvals": values,
            "ticktext": [f"{value:.1f}".replace("-", "−") for value in values],
            "automargin": True,
            "showgrid": False,
        },
    )
    figure.add_annotation(
        text="≈",
        x=0,
        y=0.87,
        xref="paper",
        yref="paper",
        showarrow=False,
        textangle=0,
        font={"size": 18, "color": figures.GREY},
        xanchor="center",
        yanchor="middle",
    )


def shortfalls(pareto_k: np.ndarray, shortfall: np.ndarray) -> Figure:
    """By how many nats IWAE is too low for each image, against Pareto k of its weights."""
    figure = figures.empty("Pareto k of the weights", height=260)
    bound_curves.add(
        figure,
        bound_curves.X,
        x=pareto_k,
        y=shortfall,
        mode="markers",
        text=[f"image {i}" for i in range(1, len(shortfall) + 1)],
        marker={"size": 8, "color": figures.accent(), "opacity": 0.8},
        hovertemplate="%{text}: k %{x:.2f}, %{y:.2f} nats<extra></extra>",
    )
    figure.add_vline(UNRELIABLE_K, line={"color": figures.GREY, "dash": "dash", "width": 1.5})
    figure.update_layout(showlegend=False)
    return figure
