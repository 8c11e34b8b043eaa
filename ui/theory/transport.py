"""The note on optimal transport: why the mean and the median are projections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from dgm_core.distances.transport import wasserstein_on_a_line
from dgm_core.studies.theory import projections
from ui import figures
from ui.components.number_line import MOST, number_line, parse
from ui.frame import kept, last_value, remember
from ui.links import between, one_of
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
$W_p(P, Q)$ is the least that it costs to move one law onto another when a way of length $d$ costs
$d^p$. On the line nothing is to be searched: the best plan is **monotone**, the smallest value
goes to the smallest, and so on, for every convex cost.

Onto a single point there is only one plan at all, so the point nearest to a sample is what
minimises $\\sum_i |x_i - c|^p$: a **point estimate is a projection** onto the Dirac masses.
**Look first** at the curve: its lowest point is the median for $p = 1$, the mean for $p = 2$, and
half-way between the ends as $p \\to \\infty$. **Then** drag the rightmost point: an outlier among
$n$ takes the mean along by $1/n$ of its way, and leaves the median where it is.

**Last**, project onto the Gaussians. By $W_2$ that is a regression of the sorted values on
Gaussian quantiles: it keeps the mean, and of the standard deviation only what the quantiles
explain. $\\mathrm{KL}(P \\| \\cdot)$, that is maximum likelihood, keeps both moments. Which
projection one means matters.
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
POINTS, SET, LINE = "transport points", "transport set", "transport line"


def read_points(text: str) -> str:
    """A sample as an address has it: numbers with commas between."""
    values = [float(part) for part in text.split(",")]
    if not 1 <= len(values) <= MOST or not all(LOW <= value <= HIGH for value in values):
        raise ValueError(text)
    return written(values)


def written(values: list[float] | tuple[float, ...]) -> str:
    """Of a sample, as an address has it."""
    return ",".join(f"{value:z.1f}".removesuffix(".0") for value in values)


class Transport:
    """A sample to drag, what it costs to move it to a point, and the plan."""

    name = "Optimal transport"
    fields: ClassVar[dict[str, Callable[[str], Any]]] = {
        "transport preset": one_of(*PRESETS),
        "transport power": between(1.0, 8.0, 0.5),
        "transport target": one_of(*TARGETS),
        POINTS: read_points,
    }

    def show(self) -> None:
        """Draw."""
        code = (wasserstein_on_a_line, projections.to_a_point, projections.nearest_gaussian)
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            kept("transport preset", next(iter(PRESETS)))
            preset = st.pills(
                "Sample",
                list(PRESETS),
                required=True,
                key="keep.transport preset",
                on_change=_reset,
            )
            x = torch.tensor(_sample(preset), dtype=torch.float64)
            left, right = st.columns(2, gap="medium")
            with left:
                kept("transport power", 2.0)
                power = float(st.slider("Power p", 1.0, 8.0, step=0.5, key="keep.transport power"))
            with right:
                kept("transport target", TARGETS[0])
                target = st.segmented_control(
                    "Project onto", TARGETS, required=True, key="keep.transport target"
                )
            goals, said = _gaussian(x) if target == TARGETS[1] else _point(x, power)
            left, right = st.columns(2, gap="medium")
            with left:
                figures.show("transport costs", costs(x, power), "Wₚ from P to the point c")
            with right:
                figures.show(
                    "transport plan",
                    plan(x, goals),
                    f"The plan to the {target.replace('N', 'n', 1)}",
                )
            st.caption(said)


def _reset() -> None:
    """Back to the preset as it is."""
    remember(POINTS, None)
    st.session_state[SET] = st.session_state.get(SET, 0) + 1


def _sample(preset: str) -> tuple[float, ...]:
    """The points as the visitor has them, on their line."""
    text = last_value(POINTS, None)
    values = PRESETS[preset] if text is None else tuple(map(float, text.split(",")))
    revision = f"{preset} {st.session_state.get(SET, 0)}"

    def take() -> None:
        sent = st.session_state[LINE].get("values")
        if (now := parse(sent, LOW, HIGH, revision)) is not None:
            remember(POINTS, written(now))

    number_line(
        LINE, values, low=LOW, high=HIGH, rev=revision, label="The sample P", on_change=take
    )
    return values


def _point(x: Tensor, power: float) -> tuple[Tensor, str]:
    """Where the plan leads, and what it costs."""
    nearest = projections.nearest_point(x, power)
    mean, median = (projections.nearest_point(x, p) for p in (2, 1))
    goals = torch.full_like(x, nearest)
    cost = wasserstein_on_a_line(x, goals, power)
    return goals, (
        f"p = {power:g}: the nearest point is {nearest:z.2f}, {cost:.2f} away. Mean {mean:z.2f}, "
        f"median {median:z.2f} of {len(x)} points."
    ).replace("-", "−")


def _gaussian(x: Tensor) -> tuple[Tensor, str]:
    found = projections.nearest_gaussian(x)
    goals = projections.gaussian_targets(x, found.mean, found.sd)
    return goals, (
        f"Nearest in W₂: N({found.mean:z.2f}, {found.sd:.2f}²), W₂ = {found.distance:.2f}. By "
        f"KL(P‖·): N({found.mean:z.2f}, {found.moment:.2f}²). Each point goes to a slice of mass "
        f"1/{len(x)}; the arrow ends at its mean."
    )


def costs(x: Tensor, power: float) -> Figure:
    """W_p over c for p = 1, 2 and the one chosen, with what is nearest."""
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


def plan(x: Tensor, goals: Tensor) -> Figure:
    """An arrow from each point, above, to where it goes, below."""
    figure = figures.empty("", "", height=figures.HEIGHT + 60)
    start, end = np.asarray(x), np.asarray(goals)
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
        ("goal", end, 0, "triangle-down"),
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
