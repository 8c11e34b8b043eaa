"""Figures of the lab: observed values in grey, imputed ones in the accent colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ui.figures import FAINT, GREY, accent, empty

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.inference.sensitivity import Point

BINS = 24
MOST_BANDS, MOST_NAMES, LONGEST_NAME = 300, 12, 14


def numbers(observed: np.ndarray, imputed: np.ndarray, name: str) -> Figure:
    """Densities of the observed and of the imputed values of a column of numbers."""
    figure = empty(name, "density")
    both = np.concatenate([observed, imputed])
    low, high = float(both.min()), float(both.max())
    whole = bool((both == np.rint(both)).all())
    size = (high - low) / BINS or 1.0
    if whole:
        size = max(1.0, np.ceil(size))
        low -= 0.5
    edges = np.arange(low, high + 1.01 * size, size)
    for label, values, colour in (
        ("observed", observed, GREY),
        ("imputed", imputed, accent()),
    ):
        density, _ = np.histogram(values, edges, density=True)
        figure.add_scatter(
            x=np.repeat(edges, 2)[1:-1],
            y=np.repeat(density, 2),
            name=label,
            mode="lines",
            line={"color": colour, "width": 2, "dash": "solid" if label == "imputed" else "dot"},
            fill="tozeroy",
            hoverinfo="skip",
        )
    figure.update_yaxes(showticklabels=False, rangemode="tozero")
    return figure


def bands(cells: np.ndarray) -> np.ndarray:
    """The fraction that is missing in bands of rows, (bands, columns).

    Rows with equal patterns are together. A short table has a band for each row.

    Args:
        cells: True = missing, (rows, columns).
    """
    order = np.lexsort((*cells.T[::-1], cells.sum(1)))
    parts = np.array_split(cells[order], min(len(cells), MOST_BANDS))
    return np.stack([part.mean(0) for part in parts])


def missing(fractions: np.ndarray, names: Sequence[str], rows: int) -> Figure:
    """Which cells are missing: a picture of the table.

    Args:
        fractions: see `bands`.
        names: of the columns.
        rows: of the table.
    """
    figure = empty("", f"{rows:,} rows", height=210)
    figure.add_heatmap(
        z=fractions,
        colorscale=[[0, FAINT], [1, accent()]],
        zmin=0,
        zmax=1,
        xgap=2,
        showscale=False,
        hoverinfo="skip",
    )
    step = -(-len(names) // MOST_NAMES)  # of many columns, only some are named
    shown = range(0, len(names), step)
    texts = [
        f"{name[:LONGEST_NAME]}…" if len(name) > LONGEST_NAME else name for name in names[::step]
    ]
    figure.update_xaxes(
        tickvals=[*shown],
        ticktext=texts,
        ticks="",
        showgrid=False,
        ticklabeloverflow="allow",  # the last name stays on a narrow screen
    )
    figure.update_yaxes(showticklabels=False, autorange="reversed", showgrid=False, ticks="")
    return figure


def levels(observed: pd.Series, imputed: np.ndarray, names: Sequence[str]) -> Figure:
    """Fractions of the levels among the observed and among the imputed values.

    Args:
        observed: codes of the levels.
        imputed: the same.
        names: of the levels.
    """
    figure = empty("", "fraction")
    for label, codes, colour in (
        ("observed", observed, GREY),
        ("imputed", imputed, accent()),
    ):
        fraction = np.bincount(np.asarray(codes, int), minlength=len(names)) / max(len(codes), 1)
        figure.add_bar(x=list(names), y=fraction, name=label, marker_color=colour)
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(type="category")
    return figure


def sensitivity(
    points: Sequence[Point], parameter: int, chosen: float, value: float, x: str, y: str
) -> Figure:
    """A pooled estimate with its 95 % interval over δ, or over the strength of a mechanism.

    It is dotted where its weights are too uneven.

    Args:
        points: in the order of δ.
        parameter: position of the estimate.
        chosen: δ that is marked.
        value: with which the interval is compared.
        x, y: names of the axes.
    """
    figure = empty(x, y, height=280)
    shifts = [point.value for point in points]
    estimate = [float(np.atleast_1d(point.pooled.estimate)[parameter]) for point in points]
    low, high = (
        [float(np.atleast_1d(point.pooled.interval()[end])[parameter]) for point in points]
        for end in (0, 1)
    )
    figure.add_scatter(x=shifts, y=high, mode="lines", line={"width": 0}, hoverinfo="skip")
    figure.add_scatter(
        x=shifts,
        y=low,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=FAINT,
        hoverinfo="skip",
    )
    solid = [value if p.reliable else None for value, p in zip(estimate, points, strict=True)]
    for y, line in ((estimate, {"width": 1.5, "dash": "dot"}), (solid, {"width": 2.5})):
        line = {"color": accent(), **line}
        figure.add_scatter(x=shifts, y=y, mode="lines", line=line, hoverinfo="skip")
    at = [float(np.interp(chosen, shifts, curve)) for curve in (estimate, low, high)]
    figure.add_scatter(
        x=[chosen],
        y=at[:1],
        mode="markers",
        marker={"size": 9, "color": accent()},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [at[2] - at[0]],
            "arrayminus": [at[0] - at[1]],
            "color": accent(),
        },
    )
    figure.add_hline(y=value, line={"color": GREY, "width": 1.5, "dash": "dash"})
    figure.update_layout(showlegend=False)
    return figure
