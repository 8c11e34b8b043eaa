"""Figures and sheets of images of a VAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ui import bound_curves, colours, figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GAP = 2
"""Grey pixels between images."""
MARK = 96
"""Grey level of these pixels."""


def sheet(pictures: Tensor, columns: int, *, enlarged: int = 3, gap: int = GAP) -> np.ndarray:
    """Images (N, 1, H, W) in [0, 1], row by row → (height, width) uint8."""
    levels = (pictures[:, 0].clamp(0, 1) * 255).round().byte().cpu().numpy()
    count, height, width = levels.shape
    rows = -(-count // columns)
    page = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), MARK, np.uint8)
    for i, picture in enumerate(levels):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        page[top : top + height, left : left + width] = picture
    return np.kron(page, np.ones((enlarged, enlarged), np.uint8))


def units(divergence: Sequence[float], active: Sequence[bool]) -> Figure:
    """KL of each unit in decreasing order; collapsed units are grey."""
    order = np.argsort(divergence, kind="stable")[::-1]
    shades = [figures.accent() if active[u] else figures.FAINT for u in order]
    figure = figures.empty("unit, in decreasing order of KL", "nats", height=200)
    figure.add_bar(
        x=np.arange(1, len(order) + 1),
        y=np.asarray(divergence)[order],
        marker={"color": shades, "line": {"width": 0}},
        hovertemplate="%{y:.3f} nats<extra></extra>",
        showlegend=False,
    )
    few = len(order) <= 12
    figure.update_layout(bargap=0.15 if len(order) > 3 else 0.7)
    figure.update_xaxes(range=[0.4, len(order) + 0.6], dtick=1 if few else None)
    return figure


def terms(values: Mapping[str, float], published: Mapping[str, float]) -> Figure:
    """Bars of log p(x), the ELBO and its terms; published numbers as ticks."""
    names = list(values)[::-1]
    figure = figures.empty("nats per image", "", height=46 * len(names) + 60)
    bound_curves.mark(figure, bound_curves.X)
    figure.add_bar(
        x=[values[name] for name in names],
        y=names,
        orientation="h",
        marker={
            "color": [figures.accent() if name in published else figures.GREY for name in names]
        },
        text=[f"{values[name]:.2f}".replace("-", "−") for name in names],
        textposition="inside",
        insidetextanchor="end",
        name="this model",
        showlegend=False,
        hoverinfo="skip",
    )
    shown = [name for name in names if name in published]
    if shown:
        figure.add_scatter(
            x=[published[name] for name in shown],
            y=shown,
            mode="markers",
            marker={
                "symbol": "line-ns",
                "size": 26,
                "line": {"width": 3, "color": colours.GOLD},
            },
            name="published",
            hovertemplate="published %{x}<extra></extra>",
        )
    figure.update_layout(bargap=0.35)
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def history(
    epochs: Sequence[float], curves: Mapping[str, Sequence[float]], accent: str, end: int
) -> Figure:
    """The ELBO and its terms over epochs, up to the last; one of them in the accent colour."""
    figure = figures.empty("epoch", "nats", height=210)
    dashes = ["solid", "dash", "dot"]
    for (name, values), dash in zip(curves.items(), dashes, strict=False):
        colour = figures.accent() if name == accent else figures.GREY
        bound_curves.add(
            figure,
            bound_curves.X,
            x=epochs,
            y=values,
            mode="lines",
            name=name,
            line={"color": colour, "width": 2.25 if name == accent else 1.5, "dash": dash},
        )
    figure.update_xaxes(range=[0, end])
    return figure
