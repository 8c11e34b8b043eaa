"""The note on normalising flows: couplings deform a grid into two moons."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from dgm_core.models.flow import Coupling, Flow
from dgm_core.studies.theory import moons_flow
from ui import figures, glossary, jobs
from ui.colours import DIVERGING
from ui.links import InLink, Setting
from ui.run_panel import Progress, RunPanel
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A **normalising flow** is an invertible generator. Points of a Gaussian pass through invertible
maps. A map that changes the volume of a small cell divides the density by the same factor, so
$\\log p(x)$ is known exactly: no bound, no quadrature.

An **affine coupling** keeps one coordinate. It scales and shifts the other by amounts that a
network computes from the first. Its Jacobian is triangular, its log-determinant is one number
$s$, and its inverse costs as much as itself. Two couplings move both coordinates.

**Look first** at the slider. At 0 the grid is straight and the density is a Gaussian; each
coupling changes one coordinate. **Then** look at the colours: where the map compresses the plane,
the density rises. **Last**, look at the bridge between the moons. A continuous map cannot tear
the plane, so a thin band of probability always connects them.
"""
FORMULAS = (
    r"x = f_K \circ \dots \circ f_1(z), \qquad z \sim \mathcal N(0, I)",
    r"f(a, b) = \big(a,\; b\, e^{s(a)} + t(a)\big)",
    r"\log\left|\det J\right| = s(a)",
    r"\log p(x) = \log \mathcal N(z; 0, I) - \sum_{k=1}^K \log\left|\det J_k\right|",
)
REFERENCES = """
- Rezende & Mohamed (2015), *Variational inference with normalizing flows*, ICML.
- Dinh, Sohl-Dickstein & Bengio (2017), *Density estimation using Real NVP*, ICLR.
- Cornish, Caterini, Deligiannidis & Doucet (2020), *Relaxing bijectivity constraints with
  continuously indexed normalising flows*, ICML: why a single flow leaves a bridge.
- Papamakarios et al. (2021), *Normalizing flows for probabilistic modeling and inference*,
  JMLR 22.
"""
SHIPPED = ASSETS / "moons_flow.npz"
CONFIG = moons_flow.Config()
LEAST, MOST = -4.5, 0.5
SQUARE = 330
COUPLINGS = Setting("flow couplings", CONFIG.couplings, low=0, high=CONFIG.couplings)


class Flows:
    """Text, formula, code and figure."""

    name = "Flows"
    settings: ClassVar[tuple[InLink, ...]] = (COUPLINGS,)

    def show(self) -> None:
        """Draw; the figures follow a training, so they come last."""
        panel = RunPanel("flow", CONFIG, moons_flow.run, action="Train")
        with note.layout(TEXT, FORMULAS, [Coupling.forward, Flow.log_prob], REFERENCES):
            left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
            count = COUPLINGS.widget(left.slider, "Couplings applied")
            with right:
                panel.buttons("Train a new flow on this server.")
            if panel.run is not None and not panel.live:
                icon = ":material/undo:"
                st.button("Show the shipped flow", icon=icon, on_click=_forget, args=(panel,))
            panel.show(
                lambda run: _trained(run, count),
                without=lambda: _figures(st_flow(), count, "This flow was trained beforehand."),
                progress=_progress,
                seconds=0.7,
            )


def _forget(panel: RunPanel) -> None:
    panel.worker.run = None


def _progress(run: jobs.Run) -> Progress | None:
    if not run.items:
        return None
    last = run.items[-1]
    return Progress(last.done, f"Step {last.step:,} of {last.steps:,}")


def _trained(run: jobs.Run, count: int) -> None:
    """The flow of a training, at its latest frame."""
    last = run.items[-1]
    seconds = "" if run.live else f" in {last.seconds:.0f} s"
    log_p = f"{last.log_p:.3f}".replace("-", "−")
    result = f"Your flow after {last.step:,} steps{seconds}: log p(x) is {log_p} nats per point."
    _figures(last.flow, count, result)


def _figures(flow: Flow, count: int, result: str) -> None:
    """Grid and density after the first couplings, and a caption that begins with `result`."""
    found = moons_flow.portrait(flow.first(count))
    left, right = st.columns(2, gap="medium")
    with left:
        figures.show("flow grid", _grid(found), f"The grid after {count} of {len(flow)} couplings")
    with right:
        figures.show("flow density", _density(found), "The density p(x) after these couplings")
    glossary.caption(
        f"{result} Left: {len(found.points):,} draws of z after these couplings. Their colour is "
        "log |det J| so far, from −4.5 (blue, compressed) to 0.5 (amber, slightly stretched)."
    )


@st.cache_resource(show_spinner=False)
def st_flow() -> Flow:
    """`moons_flow.load` of the shipped weights; shared, read-only."""
    return moons_flow.load(SHIPPED)


def _grid(found: moons_flow.Portrait) -> Figure:
    """Grid lines, and draws coloured by log |det J|."""
    figure = _square()
    gap = np.full((len(found.lines), 1, 2), np.nan)
    path = np.concatenate([found.lines, gap], 1).reshape(-1, 2).round(3)
    figure.add_scatter(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines",
        hoverinfo="skip",
        line={"color": figures.FAINT, "width": 1},
    )
    figure.add_scatter(
        x=found.points[:, 0].round(3),
        y=found.points[:, 1].round(3),
        mode="markers",
        hoverinfo="skip",
        marker={
            "size": 4,
            "color": found.log_det.round(3),
            "colorscale": DIVERGING,  # log |det J| from low to high
            "cmin": LEAST,
            "cmax": MOST,
        },
    )
    return figure


def _density(found: moons_flow.Portrait) -> Figure:
    """p(x) as a heat map from the background to the accent colour."""
    figure = _square()
    axis = moons_flow.AXIS.numpy()
    figure.add_heatmap(
        x=axis,
        y=axis,
        z=np.sqrt(found.density).round(3),
        showscale=False,
        hoverinfo="skip",
        colorscale=[[0, figures.background()], [1, figures.accent()]],
        zmin=0,
        zsmooth="best",
    )
    return figure


def _square() -> Figure:
    figure = figures.empty(height=SQUARE)
    figure.update_layout(showlegend=False)
    reach = float(moons_flow.AXIS[-1])
    figure.update_xaxes(range=[-reach, reach], showgrid=False, constrain="domain")
    figure.update_yaxes(range=[-reach, reach], showgrid=False, scaleanchor="x")
    return figure
