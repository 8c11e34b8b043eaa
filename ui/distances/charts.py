"""Figures of the lab: estimates in the accent colour, true values dashed in grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui import figures
from ui.colours import GOLD, WARM, accent

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.studies.distances.bilinear import Result
    from dgm_core.studies.distances.critics import Frame, Scene
    from dgm_core.studies.distances.sweeps import Sweep
    from dgm_core.studies.distances.toy_gan import Frame as Game

TALL = 330
MAP = [[0, accent.light], [0.5, "rgba(138, 143, 163, 0.12)"], [1, GOLD]]
"""Colours of the critic: low, middle, high."""
ARROWS, STROKE, LONGEST = 128, 0.4, 0.8
"""Points whose gradient is drawn, length of a stroke for a gradient of 1, and greatest length."""


def sweep(found: Sweep, index: int) -> Figure:
    """Estimates over θ at one index of `found.steps`; every third one is faint behind."""
    figure = figures.empty("θ", "", height=TALL)
    finite = np.isfinite(found.truth)
    for other in range(0, len(found.steps), 3):
        figure.add_scatter(
            x=found.thetas,
            y=found.estimates[other],
            mode="lines",
            hoverinfo="skip",
            line={"color": figures.FAINT, "width": 1},
            showlegend=False,
        )
    figure.add_scatter(
        x=found.thetas[finite],
        y=found.truth[finite],
        mode="lines+markers",
        name="true value",
        line={"color": figures.GREY, "dash": "dash", "width": 1.5},
        marker={"size": 5},
    )
    figure.add_scatter(
        x=found.thetas,
        y=found.estimates[index],
        mode="lines+markers",
        name="estimate of the critic",
        line={"color": figures.accent(), "width": 2.5},
        marker={"size": 6},
    )
    top = max(float(np.max(found.truth[finite], initial=0)), float(np.max(found.estimates[-1])))
    figure.update_yaxes(range=[-0.05 * top, 1.08 * top])
    return figure


def plane(scene: Scene, frame: Frame, pair: int = 0) -> Figure:
    """The critic as a heat map, samples of P and Q, and the optimal transport plan."""
    figure = figures.empty(height=TALL + 40)
    values = np.asarray(frame.critic[pair])
    spread = float(np.abs(values - np.median(values)).max())
    _critic(figure, np.asarray(scene.across), np.asarray(scene.up), values, spread)
    x, y = np.asarray(scene.x[pair]), np.asarray(scene.y[pair])
    gap = np.full(len(x), np.nan)
    figure.add_scatter(
        x=np.stack([x[:, 0], y[:, 0], gap], 1).ravel(),
        y=np.stack([x[:, 1], y[:, 1], gap], 1).ravel(),
        mode="lines",
        line={"color": figures.GREY, "width": 1},
        name="optimal transport plan",
        hoverinfo="skip",
    )
    for name, points, colour in (("P", x, figures.accent()), ("Q", y, WARM)):
        figure.add_scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            name=name,
            marker={"size": 6, "color": colour},
            hoverinfo="skip",
        )
    figure.update_yaxes(scaleanchor="x", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def history(steps: list[int], estimates: list[float], true_value: float) -> Figure:
    """The estimate over the training steps, and the true value."""
    figure = figures.empty("step", "estimate")
    figure.add_scatter(
        x=steps,
        y=estimates,
        mode="lines+markers",
        name="estimate of the critic",
        line={"color": figures.accent(), "width": 2.5},
        marker={"size": 5},
    )
    if np.isfinite(true_value):
        figure.add_hline(true_value, line={"color": figures.GREY, "dash": "dash", "width": 1.5})
    return figure


def slopes(values: np.ndarray) -> Figure:
    """Histogram of the gradient norms of the critic between P and Q; a line marks 1."""
    figure = figures.empty("‖∇f‖", "fraction")
    most = max(1.6, float(np.quantile(values, 0.99)) * 1.1)
    figure.add_histogram(
        x=np.minimum(values, most),
        xbins={"start": 0, "size": most / 40},
        histnorm="probability",
        marker={"color": figures.accent()},
        hoverinfo="skip",
    )
    figure.add_vline(1, line={"color": figures.GREY, "dash": "dash", "width": 1.5})
    figure.update_xaxes(range=[0, most])
    return figure


def game(frame: Game, axis: np.ndarray, target: np.ndarray) -> Figure:
    """Critic, target and generated points, with the direction in which each point is moved."""
    figure = figures.empty(height=TALL + 40)
    values = np.asarray(frame.critic)
    spread = float(np.quantile(np.abs(values - np.median(values)), 0.98)) or 1.0
    _critic(figure, axis, axis, values, spread)
    figure.add_scatter(
        x=target[:, 0],
        y=target[:, 1],
        mode="markers",
        name="target",
        hoverinfo="skip",
        marker={"size": 4, "color": figures.GREY, "opacity": 0.5},
    )
    points = np.asarray(frame.points)
    x, y = _arrows(points[:ARROWS], np.asarray(frame.pull)[:ARROWS])
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name="negative gradient",
        hoverinfo="skip",
        line={"color": WARM, "width": 1.2},
    )
    figure.add_scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name="generated",
        hoverinfo="skip",
        marker={"size": 5, "color": WARM},
    )
    reach = float(axis[-1])
    figure.update_yaxes(scaleanchor="x", range=[-reach, reach], showgrid=False)
    figure.update_xaxes(range=[-reach, reach], showgrid=False)
    return figure


def _critic(
    figure: Figure, across: np.ndarray, up: np.ndarray, values: np.ndarray, spread: float
) -> None:
    """Add a heat map of the critic (rows up, columns across), its median in the middle colour."""
    middle = float(np.median(values))
    figure.add_heatmap(
        x=across,
        y=up,
        z=values,
        colorscale=MAP,
        zmin=middle - spread,
        zmax=middle + spread,
        showscale=False,
        hoverinfo="skip",
        zsmooth="best",
    )


def _arrows(points: np.ndarray, pull: np.ndarray) -> tuple[list, list]:
    """Strokes from points (N, 2) along `pull` (N, 2), no longer than `LONGEST`."""
    length = np.linalg.norm(pull, axis=1, keepdims=True)
    shown = STROKE * pull * np.minimum(1, LONGEST / np.maximum(STROKE * length, 1e-9))
    ends = np.stack([points, points + shown, np.full_like(points, np.nan)], 1).reshape(-1, 2)
    x, y = (np.where(np.isnan(axis), None, axis).tolist() for axis in ends.T)
    return x, y


def over_time(frames: dict[str, list[Game]], field: str, name: str) -> Figure:
    """One field of the frames of both games over iterations."""
    figure = figures.empty("iteration", name)
    for (title, each), colour in zip(frames.items(), (figures.accent(), WARM), strict=False):
        figure.add_scatter(
            x=[frame.iteration for frame in each],
            y=[getattr(frame, field) for frame in each],
            mode="lines",
            name=title,
            line={"color": colour, "width": 2},
        )
    return figure


def spiral(found: Result, *, reach: float) -> Figure:
    """The path of the game, from its start; the cross marks the solution."""
    figure = figures.empty(height=210)
    path = np.clip(found.path, -3 * reach, 3 * reach)
    figure.add_scatter(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines+markers",
        line={"color": figures.accent(), "width": 1.5},
        marker={"size": 3},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[0],
        y=[0],
        mode="markers",
        hoverinfo="skip",
        marker={"size": 8, "color": figures.GREY, "symbol": "x"},
    )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(range=[-reach, reach])
    figure.update_yaxes(range=[-reach, reach], scaleanchor="x")
    return figure


def eigenvalues(found: dict[str, Result]) -> Figure:
    """Eigenvalues of all methods, and the unit circle."""
    figure = figures.empty("real part", "imaginary part", height=TALL)
    angles = np.linspace(0, 2 * np.pi, 200)
    figure.add_scatter(
        x=np.cos(angles),
        y=np.sin(angles),
        mode="lines",
        hoverinfo="skip",
        name="|λ| = 1",
        line={"color": figures.GREY, "dash": "dash", "width": 1.5},
    )
    shapes = ("circle", "diamond", "square", "triangle-up")
    colours = (WARM, figures.GREY, figures.accent(), GOLD)
    for (name, each), shape, colour in zip(found.items(), shapes, colours, strict=True):
        figure.add_scatter(
            x=each.eigenvalues.real,
            y=each.eigenvalues.imag,
            mode="markers",
            name=name,
            marker={"size": 10, "symbol": shape, "color": colour},
        )
    figure.update_yaxes(scaleanchor="x")
    return figure
