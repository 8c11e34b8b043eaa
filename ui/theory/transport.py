"""The note on optimal transport: the mean and the median as projections."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from dgm_core.distances.transport import wasserstein_on_a_line
from dgm_core.studies.theory import projections
from ui import figures
from ui.components.number_line import MOST, number_line, parse
from ui.links import InLink, Setting
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
$W_p(P, Q)$ is the smallest cost of moving one distribution onto another, where moving mass by a
distance $d$ costs $d^p$; the $p$-th root of the total is taken. In one dimension there is nothing
to search: for every convex cost the best plan is **monotone**. It moves the smallest value to the
smallest, and so on.

There is only one plan that moves a sample to a single point. The nearest point therefore
minimises $\\sum_i |x_i - c|^p$: a **point estimate is a projection** onto the Dirac masses.
**Look first** at the curve. Its minimum is at the median for $p = 1$, at the mean for $p = 2$,
and midway between the ends as $p \\to \\infty$. **Then** drag the rightmost point. An outlier
among $n$ points moves the mean by $1/n$ of its own shift and does not move the median.

**Last**, project onto the Gaussians. By $W_2$ this is a regression of the sorted values on
Gaussian quantiles. It keeps the mean, but only the part of the standard deviation that the
quantiles explain. $\\mathrm{KL}(P \\| \\cdot)$, that is maximum likelihood, keeps both moments.
The two projections differ unless the sample has Gaussian quantiles.
"""
FORMULAS = (
    r"W_p(P, Q)^p = \int_0^1 |F^{-1} - G^{-1}|^p\, du",
    r"W_p(P, \delta_c)^p = \frac1n \sum_i |x_i - c|^p",
    r"\sigma_{W_2} = \int_0^1 F^{-1}(u)\, \Phi^{-1}(u)\, du",
    r"W_2\big(P, \mathcal{N}(m, \sigma^2)\big)^2 = \mathrm{sd}^2 - \sigma^2",
)
REFERENCES = """
- Villani (2003), *Topics in optimal transportation*, theorem 2.18: monotone plans on the line.
- Peyré & Cuturi (2019), *Computational optimal transport*, chapter 2.
- del Barrio, Cuesta-Albertos, Matrán & Rodríguez-Rodríguez (1999), *Tests of goodness of fit based
  on the L2-Wasserstein distance*, Ann. Statist. 27: the nearest Gaussian.
- Bishop (2006), *Pattern recognition and machine learning*, §10.1: moments and KL(P‖Q).
"""
LOW, HIGH = -5.0, 10.0
PRESETS: dict[str, tuple[float, ...]] = {
    "One outlier": (-2.0, -1.3, -0.8, -0.4, 0.0, 0.3, 0.9, 1.4, 8.5),
    "Bell": (-2.0, -1.3, -0.8, -0.4, 0.0, 0.4, 0.8, 1.3, 2.0),
    "Skewed": (-1.0, -0.9, -0.7, -0.5, -0.2, 0.3, 1.1, 2.5, 5.0),
    "Two groups": (-3.0, -2.6, -2.2, -1.9, -1.5, 4.0, 4.5, 4.9, 5.4),
}
TARGETS = ("Nearest point", "Nearest Gaussian")
REVISION, LINE = "transport set", "transport line"


def read_points(text: str) -> str:
    """A sample in a link: numbers separated by commas."""
    values = [float(part) for part in text.split(",")]
    if not 1 <= len(values) <= MOST or not all(LOW <= value <= HIGH for value in values):
        raise ValueError(text)
    return written(values)


def written(values: list[float] | tuple[float, ...]) -> str:
    """A sample as text for a link."""
    return ",".join(f"{value:z.1f}".removesuffix(".0") for value in values)


PRESET = Setting("transport preset", next(iter(PRESETS)), options=tuple(PRESETS))
POWER = Setting("transport power", 2.0, low=1.0, high=8.0, step=0.5)
TARGET = Setting("transport target", TARGETS[0], options=TARGETS)
POINTS = Setting("transport points", None, read=read_points)
"""The sample as the visitor has changed it, as text."""


class Transport:
    """A sample to drag, the cost of moving it to a point, and the plan."""

    name = "Optimal transport"
    settings: ClassVar[tuple[InLink, ...]] = (PRESET, POWER, TARGET, POINTS)

    def show(self) -> None:
        """Draw."""
        code = (wasserstein_on_a_line, projections.to_a_point, projections.nearest_gaussian)
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            preset = PRESET.widget(st.pills, "Sample", required=True, on_change=_reset)
            x = torch.tensor(_sample(preset), dtype=torch.float64)
            left, right = st.columns(2, gap="medium")
            power = POWER.widget(left.slider, "Power p")
            target = TARGET.widget(right.segmented_control, "Project onto", required=True)
            targets, summary = _gaussian(x) if target == TARGETS[1] else _point(x, power)
            left, right = st.columns(2, gap="medium")
            with left:
                figures.show("transport costs", costs(x, power), "Wₚ from P to the point c")
            with right:
                title = f"The plan to the {target.replace('N', 'n', 1)}"
                figures.show("transport plan", plan(x, targets), title)
            st.caption(summary)


def _reset() -> None:
    """Discard the visitor's changes to a preset."""
    POINTS.remember(None)
    st.session_state[REVISION] = st.session_state.get(REVISION, 0) + 1


def _sample(preset: str) -> tuple[float, ...]:
    """Show the sample on its line; returns its points."""
    text = POINTS.value
    values = PRESETS[preset] if text is None else tuple(map(float, text.split(",")))
    revision = f"{preset} {st.session_state.get(REVISION, 0)}"

    def take() -> None:
        sent = st.session_state[LINE].get("values")
        if (now := parse(sent, LOW, HIGH, revision)) is not None:
            POINTS.remember(written(now))

    number_line(
        LINE, values, low=LOW, high=HIGH, rev=revision, label="The sample P", on_change=take
    )
    return values


def _point(x: Tensor, power: float) -> tuple[Tensor, str]:
    """Targets of the plan to the nearest point, and a summary."""
    nearest = projections.nearest_point(x, power)
    mean, median = (projections.nearest_point(x, p) for p in (2, 1))
    targets = torch.full_like(x, nearest)
    cost = wasserstein_on_a_line(x, targets, power)
    return targets, (
        f"p = {power:g}: the nearest point is {nearest:z.2f}, at distance Wₚ = {cost:.2f}. Mean "
        f"{mean:z.2f}, median {median:z.2f} of {len(x)} points."
    ).replace("-", "−")


def _gaussian(x: Tensor) -> tuple[Tensor, str]:
    """Targets of the plan to the nearest Gaussian, and a summary."""
    found = projections.nearest_gaussian(x)
    targets = projections.gaussian_targets(x, found.mean, found.sd)
    return targets, (
        f"Nearest in W₂: N({found.mean:z.2f}, {found.sd:.2f}²), W₂ = {found.distance:.2f}. "
        f"Nearest by KL(P‖·): N({found.mean:z.2f}, {found.moment:.2f}²). Each point moves to a "
        f"slice of mass 1/{len(x)}; the arrow ends at the mean of the slice."
    ).replace("-", "−")


def costs(x: Tensor, power: float) -> Figure:
    """W_p over c for p = 1, 2 and the chosen p, with their minima."""
    figure = figures.empty("c", height=figures.HEIGHT + 60)
    c = torch.linspace(LOW, HIGH, 301, dtype=torch.float64)
    curves = {1.0: ("p = 1", "dot"), 2.0: ("p = 2", "dash")}
    curves.pop(power, None)
    curves[power] = (f"p = {power:g}", "solid")
    for each, (name, dash) in curves.items():
        colour = figures.accent() if each == power else figures.GREY
        width = 2.6 if each == power else 1.6
        figure.add_scatter(
            x=c.numpy(),
            y=projections.to_a_point(x, c, each).numpy(),
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": width},
        )
        best = projections.nearest_point(x, each)
        least = projections.to_a_point(x, torch.tensor([best]), each)
        figure.add_scatter(
            x=[best],
            y=least.numpy(),
            mode="markers",
            showlegend=False,
            name=f"nearest, {name}",
            marker={"color": colour, "size": 10 if each == power else 7},
        )
    figure.update_xaxes(range=[LOW, HIGH])
    figure.update_yaxes(rangemode="tozero")
    return figure


def plan(x: Tensor, targets: Tensor) -> Figure:
    """An arrow from each point, at the top, to its target, at the bottom."""
    figure = figures.empty("", "", height=figures.HEIGHT + 60)
    start, end = np.asarray(x), np.asarray(targets)
    gap = np.full(len(start), None)
    figure.add_scatter(
        x=np.stack([start, end, gap], 1).ravel(),
        y=np.tile(np.array([1, 0, None], dtype=object), len(start)),
        mode="lines",
        line={"color": figures.GREY, "width": 1.3},
        hoverinfo="skip",
    )
    for name, values, height, symbol in (
        ("P", start, 1, "circle"),
        ("target", end, 0, "triangle-down"),
    ):
        figure.add_scatter(
            x=values,
            y=np.full(len(values), height),
            mode="markers",
            name=name,
            marker={"color": figures.accent(), "size": 9, "symbol": symbol},
        )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(range=[LOW, HIGH])
    figure.update_yaxes(range=[-0.12, 1.12], tickvals=[0, 1], ticktext=["Q", "P"], showgrid=False)
    return figure
