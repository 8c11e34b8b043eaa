"""The note on GANs: what a distance says of laws that are apart, and how two players meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import streamlit as st
import torch

from dgm_core.distances.divergences import DIVERGENCES, Divergence
from dgm_core.studies.distances import bilinear, shifted_gaussian
from ui import figures
from ui.frame import kept
from ui.links import between
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A GAN's **critic** $V$ is trained to tell data from $P$ and pictures from $Q_\\theta$ apart. What
it reaches at its best is a distance between the two laws; which one depends on $a$ and $b$. The
generator then moves $\\theta$ down that distance.

**Look first** at two Gaussians of width $\\sigma$, one moved by $\\theta$. Where they hardly
overlap, Jensen–Shannon, Hellinger and total variation are as large as they can be: their slope,
all that moves a generator, is 0. Wasserstein-1 is $\\theta$ itself and pulls with slope 1
from anywhere. **Then** make the laws narrower: the flat part begins earlier.

**Last**, the game. Near a solution, generator and critic play $\\min_x \\max_y\\, xy$. Each step
is linear, so the eigenvalues of its matrix decide: steps at the same time lead outwards whatever
their size, steps in turn circle for ever, and only looking ahead comes home, if $\\alpha < 1$.
"""
FORMULAS = (
    r"\max_V\; \mathbb{E}_P\, a(V(x)) + \mathbb{E}_{Q_\theta}\, b(V(x))",
    r"W_1 = \max_{\|V\|_L \le 1} \mathbb{E}_P V - \mathbb{E}_{Q_\theta} V",
    r"s_{k+1} = A\, s_k, \qquad s = (x, y)",
    r"|\lambda| = \begin{cases} \sqrt{1 + \alpha^2} & \text{at once} \\ 1 & \text{in turn} \\ "
    r"\sqrt{1 - \alpha^2 + \alpha^4} & \text{looking ahead} \end{cases}",
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
    "simultaneous": ("at once", "dot"),
    "alternating": ("in turn", "dash"),
    "extragradient": ("looking ahead", "solid"),
}


class Games:
    """Distances over a shift, and paths of the bilinear game."""

    name = "GANs"
    fields: ClassVar[dict[str, Callable[[str], Any]]] = {
        "gan width": between(0.05, 1.0, 0.05),
        "gan alpha": between(0.05, 1.0, 0.05),
    }

    def show(self) -> None:
        """Draw."""
        code = (Divergence.gain, bilinear.simultaneous, bilinear.alternating)
        with note.layout(TEXT, FORMULAS, (*code, bilinear.extragradient), REFERENCES):
            kept("gan width", 0.25)
            width = float(
                st.slider("Width of both laws σ", 0.05, 1.0, step=0.05, key="keep.gan width")
            )
            left, right = st.columns(2, gap="medium")
            with left:
                figures.show("gan distances", distances(width), "Distance, as a share of its most")
            with right:
                figures.show("gan slopes", slopes(width), "Its slope: the pull on a generator")
            kept("gan alpha", 0.2)
            alpha = float(
                st.slider("Step size of the game α", 0.05, 1.0, step=0.05, key="keep.gan alpha")
            )
            found = {name: bilinear.run(bilinear.Config(name, alpha, STEPS)) for name in METHODS}
            left, right = st.columns(2, gap="medium")
            with left:
                figures.show("gan paths", paths(found), "The game from (1, 0)")
            with right:
                figures.show("gan ways", ways(found), "Distance from the solution")
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
    """Each divided by its largest value; W1 as it is."""
    figure = figures.empty("θ", "")
    for name, dash in zip(SHOWN, ("dash", "dot", "dashdot"), strict=True):
        share = shifted_gaussian.sweep(name, THETAS, width).distance / DIVERGENCES[name].most
        _line(figure, THETAS, share, DIVERGENCES[name].name, dash)
    _line(
        figure,
        THETAS,
        shifted_gaussian.sweep("wasserstein", THETAS, width).distance,
        "W₁, as it is",
    )
    figure.update_yaxes(range=[-0.06, 2.06])
    return figure


def slopes(width: float) -> Figure:
    """Derivatives in θ of what `distances` draws."""
    figure = figures.empty("θ", "")
    for name, dash in zip(SHOWN, ("dash", "dot", "dashdot"), strict=True):
        slope = shifted_gaussian.sweep(name, THETAS[1:], width).slope / DIVERGENCES[name].most
        _line(figure, THETAS[1:], slope, DIVERGENCES[name].name, dash)
    _line(figure, THETAS, shifted_gaussian.sweep("wasserstein", THETAS, width).slope, "W₁")
    figure.update_layout(showlegend=False)
    figure.update_yaxes(rangemode="tozero")
    return figure


def paths(found: dict[str, bilinear.Result]) -> Figure:
    """Of all methods in the plane of x and y."""
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


def ways(found: dict[str, bilinear.Result]) -> Figure:
    """How far each is from (0, 0) after every step."""
    figure = figures.empty("step", "", height=figures.HEIGHT + 40)
    for name, each in found.items():
        title, dash = METHODS[name]
        far = np.linalg.norm(each.path, axis=1)
        _line(figure, np.arange(len(far)), far, title, None if dash == "solid" else dash)
    figure.update_layout(showlegend=False)
    figure.update_yaxes(type="log", range=[-2.2, 2.2], dtick=1)
    return figure


def _line(figure: Figure, x: Any, y: Any, name: str, dash: str | None = None) -> None:
    """In grey if dashed, else in the accent colour."""
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
