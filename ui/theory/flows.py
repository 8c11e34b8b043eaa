"""The note on normalising flows: a grid is bent, coupling by coupling, into two moons."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.models.flow import Coupling, Flow
from dgm_core.studies.theory import moons_flow
from ui import figures, jobs
from ui.assets import ASSETS
from ui.colours import DIVERGING
from ui.frame import kept
from ui.links import Read, whole
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A **normalising flow** is a GAN's generator that can be run backwards. Points of a Gaussian go
through invertible maps; a density is divided by the volume that a map makes of a small cell, so
$\\log p(x)$ is known exactly: no bound, no quadrature.

An **affine coupling** keeps one coordinate and moves the other by a scale and a shift that depend
on the first, through any network. Its Jacobian is triangular, its log-determinant one number $s$,
its inverse as cheap as itself. Two couplings in turn move both coordinates.

**Look first** at the slider: at 0 the grid is straight and the density a Gaussian; every coupling
shears one coordinate. **Then** at the colours: where the plane was squeezed, the density is higher
than where the points came from. **Last** at the bridge between the moons. A
continuous map cannot tear the plane, so a thread of probability always joins them.
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
  continuously indexed normalising flows*, ICML: why one flow leaves a bridge.
- Papamakarios et al. (2021), *Normalizing flows for probabilistic modeling and inference*,
  JMLR 22.
"""
SHIPPED = ASSETS / "moons_flow.npz"
CONFIG = moons_flow.Config()
LEAST, MOST = -4.5, 0.5
SQUARE = 330


class Flows:
    """Text, formula, code and figure."""

    name = "Flows"
    fields: ClassVar[dict[str, Read]] = {"flow couplings": whole(0, CONFIG.couplings)}

    def show(self) -> None:
        """Draw; follows a training under way, so nothing comes after it."""
        worker = jobs.worker("flow")
        run = worker.run
        live = run is not None and run.live
        with note.layout(TEXT, FORMULAS, [Coupling.forward, Flow.log_prob], REFERENCES):
            left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
            kept("flow couplings", CONFIG.couplings)
            count = left.slider(
                "Couplings applied", 0, CONFIG.couplings, key="keep.flow couplings"
            )
            with right:
                _buttons(worker, live=live)
            jobs.follow(run, lambda: _drawn(run, int(count)), 0.7, live=live)


def _buttons(worker: jobs.Worker, *, live: bool) -> None:
    row = st.container(horizontal=True)
    if live:
        row.button("Stop", icon=":material/stop:", type="primary", on_click=worker.stop)
        return
    row.button(
        "Train one here",
        icon=":material/play_arrow:",
        type="primary",
        on_click=lambda: worker.start(CONFIG, lambda: moons_flow.run(CONFIG)),
    )
    if worker.run is not None:
        row.button("Trained one", icon=":material/undo:", on_click=_forget, args=(worker,))


def _forget(worker: jobs.Worker) -> None:
    worker.run = None


def _drawn(run: jobs.Run | None, count: int) -> None:
    """The flow as it is now: of the run, or the shipped one."""
    flow, said = st_flow(), "Trained beforehand on two moons."
    if run is not None:
        if run.state == "failed":
            st.error("This training broke off on the server. Start it again.")
        elif run.live:
            at = run.items[-1] if run.items else None
            told = jobs.beginning() if at is None else f"Step {at.step:,} of {at.steps:,}"
            st.progress(0.0 if at is None else at.done, told)
        if run.items:
            last = run.items[-1]
            flow, ended = last.flow, "" if run.live else f" in {last.seconds:.0f} s"
            said = f"Yours after {last.step:,} steps{ended}: "
            said += f"log p(x) {last.log_p:.3f} nats a point.".replace("-", "−")
    found = moons_flow.portrait(flow.first(count))
    left, right = st.columns(2, gap="medium")
    with left:
        figures.show("flow grid", _grid(found), f"The grid after {count} of {len(flow)} couplings")
    with right:
        figures.show("flow density", _density(found), "The density p(x) there")
    st.caption(
        f"{said} Left: 1,500 draws of z on their way, coloured by log |det J| so far, from "
        "−4.5 (blue, squeezed) to 0.5 (amber, a little stretched)."
    )


@st.cache_resource(show_spinner=False)
def st_flow() -> Flow:
    """`moons_flow.load` of the shipped weights; shared, read-only."""
    return moons_flow.load(SHIPPED)


def _grid(found: moons_flow.Portrait) -> Figure:
    """Grid lines, and draws coloured by how the plane was stretched there."""
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
    """p(x) from the page's background to its accent."""
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
