"""The note on GANs: distances between distributions that are apart, and a game of two players."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import streamlit as st
import torch

from dgm_core.distances.divergences import DIVERGENCES, Divergence
from dgm_core.studies.distances import bilinear, shifted_gaussian
from ui import figures
from ui.links import InLink, Setting
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A GAN's **critic** $V$ is trained to distinguish data from $P$ and images from $Q_\\theta$. The
largest value of its objective is a distance between the two distributions; $a$ and $b$ decide
which one. The generator then changes $\\theta$ so that this distance falls.

**Look first** at two Gaussians of width $\\sigma$, one shifted by $\\theta$. Where they hardly
overlap, Jensen–Shannon, Hellinger and total variation are at their maximum. Their slope is then
0, and the generator gets no gradient. Wasserstein-1 is $\\theta$ itself, with slope 1 everywhere.
**Then** make the distributions narrower: the flat part begins earlier.

**Last**, look at the game. Near a solution, generator and critic play $\\min_x \\max_y\\, xy$.
Each step is linear, so the eigenvalues of its matrix decide. Simultaneous steps diverge for any
step size. Alternating steps circle around the solution. Of these three, only look-ahead
converges, if $\\alpha < 1$.
"""
FORMULAS = (
    r"\max_V\; \mathbb{E}_P\, a(V(x)) + \mathbb{E}_{Q_\theta}\, b(V(x))",
    r"W_1 = \max_{\|V\|_L \le 1} \mathbb{E}_P V - \mathbb{E}_{Q_\theta} V",
    r"s_{k+1} = A\, s_k, \qquad s = (x, y)",
    r"|\lambda| = \begin{cases} \sqrt{1 + \alpha^2} & \text{simultaneous} \\ "
    r"1 & \text{alternating} \\ \sqrt{1 - \alpha^2 + \alpha^4} & \text{look-ahead} \end{cases}",
)
REFERENCES = """
- Goodfellow et al. (2014), *Generative adversarial nets*, NeurIPS.
- Nowozin, Cseke & Tomioka (2016), *f-GAN*, NeurIPS: the form with $a$ and $b$.
- Arjovsky, Chintala & Bottou (2017), *Wasserstein generative adversarial networks*, ICML.
- Mescheder, Geiger & Nowozin (2018), *Which training methods for GANs do actually converge?*,
  ICML.
- Korpelevich (1976), *The extragradient method for finding saddle points*, Matekon 12.
"""
THETAS = torch.linspace(0, 2, 81)
SHOWN = ("jensen-shannon", "hellinger", "total variation")
STEPS = 60
METHODS = {
    "simultaneous": ("simultaneous", "dot"),
    "alternating": ("alternating", "dash"),
    "extragradient": ("look-ahead", "solid"),
}
"""Name in the study → name in the figures, and line style."""
WIDTH = Setting("gan width", 0.25, low=0.05, high=1.0, step=0.05)
ALPHA = Setting("gan alpha", 0.2, low=0.05, high=1.0, step=0.05)


class Games:
    """Distances as functions of a shift, and paths of the bilinear game."""

    name = "GANs"
    settings: ClassVar[tuple[InLink, ...]] = (WIDTH, ALPHA)

    def show(self) -> None:
        """Draw."""
        code = (Divergence.gain, bilinear.simultaneous, bilinear.alternating)
        with note.layout(TEXT, FORMULAS, (*code, bilinear.extragradient), REFERENCES):
            width = WIDTH.widget(st.slider, "Width of both distributions σ")
            left, right = st.columns(2, gap="medium")
            with left:
                title = "Distance, as a fraction of its maximum"
                figures.show("gan distances", distances(width), title)
            with right:
                title = "Slope of the distance: the generator's gradient"
                figures.show("gan slopes", slopes(width), title)
            alpha = ALPHA.widget(st.slider, "Step size of the game α")
            found = {name: bilinear.run(bilinear.Config(name, alpha, STEPS)) for name in METHODS}
            left, right = st.columns(2, gap="medium")
            with left:
                figures.show("gan paths", paths(found), "Paths of the game from (1, 0)")
            with right:
                figures.show(
                    "gan methods", distances_from_solution(found), "Distance to the solution"
                )
            moduli = ", ".join(
                f"{METHODS[name][0]} {each.modulus:.3f}" for name, each in found.items()
            )
            st.caption(f"|λ|: {moduli}.")
            st.page_link(
                "pages/6_GAN_distances.py",
                label="Train critics and small GANs in the lab of distances",
                icon=":material/arrow_forward:",
            )


def distances(width: float) -> Figure:
    """Distances divided by their maximum, and W₁, which has none."""
    figure = figures.empty("θ", "")
    for name, dash in zip(SHOWN, ("dash", "dot", "dashdot"), strict=True):
        fraction = shifted_gaussian.sweep(name, THETAS, width).distance / DIVERGENCES[name].most
        _line(figure, THETAS, fraction, DIVERGENCES[name].name, dash)
    wasserstein = shifted_gaussian.sweep("wasserstein", THETAS, width).distance
    _line(figure, THETAS, wasserstein, "W₁, not divided")
    figure.update_yaxes(range=[-0.06, 2.06])
    return figure


def slopes(width: float) -> Figure:
    """Derivatives with respect to θ of the curves of `distances`."""
    figure = figures.empty("θ", "")
    for name, dash in zip(SHOWN, ("dash", "dot", "dashdot"), strict=True):
        slope = shifted_gaussian.sweep(name, THETAS[1:], width).slope / DIVERGENCES[name].most
        _line(figure, THETAS[1:], slope, DIVERGENCES[name].name, dash)
    _line(figure, THETAS, shifted_gaussian.sweep("wasserstein", THETAS, width).slope, "W₁")
    figure.update_layout(showlegend=False)
    figure.update_yaxes(rangemode="tozero")
    return figure


def paths(found: dict[str, bilinear.Result]) -> Figure:
    """Paths of all methods in the plane of x and y."""
    figure = figures.empty("x", "y", height=figures.HEIGHT + 40)
    for name, each in found.items():
        title, dash = METHODS[name]
        path = np.clip(each.path, -9, 9)
        _line(figure, path[:, 0], path[:, 1], title, None if dash == "solid" else dash)
    figure.add_scatter(
        x=[0],
        y=[0],
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        marker={"size": 8, "color": figures.GREY, "symbol": "x"},
    )
    figure.update_xaxes(range=[-2, 2])
    figure.update_yaxes(range=[-2, 2], scaleanchor="x")
    return figure


def distances_from_solution(found: dict[str, bilinear.Result]) -> Figure:
    """Distance of each method from (0, 0) after every step."""
    figure = figures.empty("step", "", height=figures.HEIGHT + 40)
    for name, each in found.items():
        title, dash = METHODS[name]
        distance = np.linalg.norm(each.path, axis=1)
        steps = np.arange(len(distance))
        _line(figure, steps, distance, title, None if dash == "solid" else dash)
    figure.update_layout(showlegend=False)
    figure.update_yaxes(type="log", range=[-2.2, 2.2], dtick=1)
    return figure


def _line(figure: Figure, x: Any, y: Any, name: str, dash: str | None = None) -> None:
    """Add a line: in grey if dashed, else in the accent colour."""
    figure.add_scatter(
        x=np.asarray(x),
        y=np.asarray(y),
        mode="lines",
        name=name,
        line={
            "color": figures.GREY if dash else figures.accent(),
            "dash": dash or "solid",
            "width": 1.8 if dash else 2.6,
        },
    )
