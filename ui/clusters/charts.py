"""Figures of the clusters lab: curves over epochs, traces of fits, probabilities, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dgm_core.studies.clusters.history import Curve
from ui import bound_curves, figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def over_epochs(
    curves: Mapping[str, Curve], field: str, *, at: int | None = None, legend: bool = True
) -> Figure:
    """One field of each curve over the epochs of the networks, with a line at epoch `at`."""
    figure = figures.empty("epoch of the networks", height=figures.HEIGHT - (0 if legend else 25))
    for number, (name, curve) in enumerate(curves.items()):
        colour = figures.accent() if number == 0 else figures.GREY
        if field == "elbo":
            bound_curves.mark(figure, bound_curves.X)
        figure.add_scatter(
            x=curve.epochs,
            y=getattr(curve, field),
            mode="lines+markers",
            name=name,
            line={
                "color": colour,
                "width": 2.5 if number == 0 else 1.5,
                "dash": "solid" if number == 0 else "dot",
            },
            marker={"size": 6},
            hovertemplate="%{y:.3f}",
        )
    if at is not None:
        figure.add_vline(at, line={"color": figures.GREY, "width": 1, "dash": "dash"})
    figure.update_layout(hovermode="x unified", showlegend=legend and len(curves) > 1)
    return figure


def trace(log_likelihoods: np.ndarray) -> Figure:
    """Log-likelihood of each chain or restart, (C, iterations), in nats per point."""
    figure = figures.empty("iteration of the fit")
    best = int(log_likelihoods[:, -1].argmax())
    for number, values in enumerate(log_likelihoods):
        chosen = number == best
        figure.add_scatter(
            y=values,
            x=np.arange(1, len(values) + 1),
            mode="lines",
            showlegend=False,
            line={
                "color": figures.accent() if chosen else figures.FAINT,
                "width": 2.5 if chosen else 1.2,
            },
            hoverinfo="skip",
        )
    second_half = log_likelihoods[:, log_likelihoods.shape[1] // 2 :]
    low, high = second_half.min(), log_likelihoods.max()
    room = 0.05 * (high - low) + 1e-6
    figure.update_yaxes(range=[low - room, high + room])  # early iterations lie below the axis
    return figure


def bars(
    values: Sequence[float], names: Sequence[str], colours: Sequence[str], axis: str
) -> Figure:
    """Horizontal bars, the first at the top."""
    figure = figures.empty(axis, height=40 + 26 * len(values))
    figure.add_bar(
        x=list(values)[::-1],
        y=list(names)[::-1],
        orientation="h",
        marker={"color": list(colours)[::-1]},
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(type="category")
    figure.update_xaxes(range=[0, 1])
    return figure


def confusion(counts: np.ndarray, labels: Sequence[str], clusters: Sequence[str]) -> Figure:
    """Number of images by label (rows) and cluster (columns), shaded by the fraction of the row.

    With more than twelve labels the numbers are not written.
    """
    few = len(labels) <= 12
    figure = figures.empty(
        "cluster", "label" if few else "", height=60 + (26 if few else 15) * len(labels)
    )
    fraction = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure.add_heatmap(
        z=fraction,
        x=list(clusters),
        y=list(labels),
        text=np.where(counts > 0, counts.astype(str), ""),
        texttemplate="%{text}" if few else "",
        textfont={"size": 10},
        showscale=False,
        xgap=1,
        ygap=1,
        colorscale=[[0, figures.tint()], [1, figures.accent()]],
        zmin=0,
        zmax=1,
        customdata=counts,
        hovertemplate="label %{y}, cluster %{x}: %{customdata} images<extra></extra>",
    )
    figure.update_xaxes(type="category", side="bottom", showgrid=False, tickfont={"size": 10})
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def gains(rows: Sequence[Mapping[str, object]]) -> Figure:
    """Gain of each choice over its control: a point with two standard errors."""
    figure = figures.empty(height=40 + 26 * len(rows))
    names = [str(row["choice"]) for row in rows][::-1]
    figure.add_scatter(
        x=[row["gain"] for row in rows][::-1],
        y=names,
        mode="markers",
        showlegend=False,
        error_x={"array": [2 * row["gain_error"] for row in rows][::-1], "thickness": 1.5},
        marker={"color": figures.accent(), "size": 9},
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )
    figure.add_vline(0, line={"color": figures.GREY, "width": 1, "dash": "dash"})
    figure.update_yaxes(type="category")
    return figure
