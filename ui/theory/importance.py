"""The note on importance sampling: why weights degenerate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st
import torch

from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.studies.theory import importance_weights
from dgm_core.studies.theory.importance_weights import DIMENSIONS, Config, Result
from ui import figures, glossary
from ui.links import InLink, Setting
from ui.percent import percent
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
Importance sampling integrates under $p$ with draws from $q$, weighted by $w = p/q$. The estimate
is unbiased if $q$ covers $p$, but a few draws may decide it. Here $p = \\mathcal{N}(0, I_D)$ and
$q = \\mathcal{N}(0, s^2 I_D)$, so everything is known in closed form.

**Look first** at the log-weights. They are sums of $D$ terms, so their spread grows like
$\\sqrt{D}$, and the weights spread like the exponential of that. **Then** look at the effective
fraction of the draws, $1/\\mathbb{E}[w^2]$. It is a straight line over $D$ on a logarithmic axis:
each dimension multiplies the number of draws needed. If the proposal is too wide, weights are at
most $s^D$. If it is **too narrow** ($s^2 \\le \\tfrac12$), the variance of the weights is
infinite. A measured fraction above the line is misleading: the rare draws that would lower it are
missing.

**Last**, look at the estimates of $\\mathbb{E}[w] = 1$. If the weights degenerate, most runs are
too low and agree with one another, until one draw with a large weight causes a jump. The shape
$\\hat k$ of the largest weights gives a warning: from $0.7$ on, neither the estimate nor its
error is reliable. For bounded weights the limit of $\\hat k$ gives no warning, in any dimension;
the $\\hat k$ of a finite number of draws does.
"""
FORMULAS = (
    r"\mathbb{E}_p f = \mathbb{E}_q[w f], \qquad w = \frac{p}{q}",
    r"\log w = D \log s - \tfrac12 (s^2 - 1)\, \chi^2_D",
    r"\mathbb{E}_q[w^2] = \Big(\frac{s^2}{\sqrt{2 s^2 - 1}}\Big)^{D}",
    r"\mathrm{ESS} = \frac{(\sum_k w_k)^2}{\sum_k w_k^2}",
    r"k = 1 - s^2 \;\; (s < 1), \qquad -\tfrac{2}{D} \;\; (s > 1)",
)
REFERENCES = """
- Owen (2013), *Monte Carlo theory, methods and examples*, chapter 9.
- Kong (1992), *A note on importance sampling using standardized weights*, Chicago TR 348.
- Chatterjee & Diaconis (2018), *The sample size required in importance sampling*, Ann. Appl.
  Probab. 28: about $e^{\\mathrm{KL}(p \\| q)}$ draws.
- Vehtari, Simpson, Gelman, Yao & Gabry (2024), *Pareto smoothed importance sampling*, JMLR 25.
"""
ALL_RUNS = 12
DIMENSION = Setting("importance dimensions", 50, options=DIMENSIONS)
SCALE = Setting("importance scale", 0.75, low=0.5, high=2.0, step=0.05)


class Importance:
    """Weights, the effective fraction of draws, and estimates over draws."""

    name = "Importance sampling"
    settings: ClassVar[tuple[InLink, ...]] = (DIMENSION, SCALE)

    def show(self) -> None:
        """Draw."""
        code = (importance_weights.log_weights, importance_weights.second_moment, importance_ess)
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            left, right = st.columns(2, gap="medium")
            dim = DIMENSION.widget(left.select_slider, "Dimensions D")
            scale = SCALE.widget(right.slider, "Width of the proposal s")
            config = Config(dim, round(scale, 2), runs=ALL_RUNS)
            found = st_weights(config)
            left, right = st.columns(2, gap="medium")
            with left:
                figure = weights(config, found)
                figures.show("importance weights", figure, "Log-weights of the first run")
            with right:
                figure = effective_fractions(config, found)
                figures.show("importance fractions", figure, "Effective fraction of draws")
            figures.show("importance runs", running(found), "Estimates of E w = 1, twelve runs")
            glossary.caption(_summary(config, found))


@st.cache_data(max_entries=32, show_spinner=False)
def st_weights(config: Config) -> Result:
    """`importance_weights.run`."""
    return importance_weights.run(config)


def weights(config: Config, found: Result) -> Figure:
    """Histogram of the first run, and the exact density of log w."""
    figure = figures.empty("log w")
    values = found.log_w[:, 0].numpy()
    if config.scale == 1:
        figure.add_annotation(
            text="The proposal is the target:<br>all weights are 1.",
            showarrow=False,
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.5,
            font={"size": 12},
        )
        figure.update_xaxes(range=[-1, 1])
        figure.update_yaxes(showticklabels=False)
        return figure
    figure.add_histogram(
        x=values,
        nbinsx=40,
        histnorm="probability density",
        name="drawn",
        marker={"color": figures.accent(), "opacity": 0.55},
        hoverinfo="skip",
    )
    low, high = values.min(), values.max()
    margin = 0.15 * (high - low)
    grid = torch.linspace(low - margin, high + margin, 401, dtype=torch.float64)
    density = importance_weights.log_weight_density(grid, config.dim, config.scale).numpy()
    top = 1.25 * np.histogram(values, 40, density=True)[0].max()
    figure.add_scatter(
        x=grid.numpy(),
        y=np.minimum(density, 2 * top),
        mode="lines",
        name="exact",
        hoverinfo="skip",
        line={"color": figures.GREY, "width": 1.8},
    )
    figure.update_yaxes(range=[0, top])
    return figure


def effective_fractions(config: Config, found: Result) -> Figure:
    """Effective fraction of draws in each number of dimensions, measured and in the limit."""
    figure = figures.empty("dimensions D", "")
    limit = 1 / importance_weights.second_moment(torch.tensor(DIMENSIONS), config.scale)
    if limit.min() > 0:
        figure.add_scatter(
            x=DIMENSIONS,
            y=100 * limit.numpy(),
            mode="lines",
            name="1 / E w²",
            line={"color": figures.GREY, "dash": "dash", "width": 1.8},
        )
    geometric_means = found.effective_fractions.log().mean(1).exp()
    figure.add_scatter(
        x=DIMENSIONS,
        y=100 * geometric_means.numpy(),
        mode="markers",
        name="measured",
        marker={
            "color": figures.accent(),
            "size": [11 if dim == config.dim else 6 for dim in DIMENSIONS],
        },
    )
    figure.add_hline(100 / config.draws, line={"color": figures.GREY, "dash": "dot", "width": 1.2})
    figure.add_annotation(
        text="one draw",
        x=100,
        y=math.log10(100 / config.draws),
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        font={"color": figures.GREY, "size": 11},
    )
    figure.update_yaxes(type="log", range=[-1.8, 2.15], dtick=1, ticksuffix=" %")
    return figure


def running(found: Result) -> Figure:
    """The mean of the first K weights over K, for all runs."""
    figure = figures.empty("draws K", "")
    count = len(found.running)
    at = np.unique(np.geomspace(1, count, 160).astype(int)) - 1
    means = found.running.numpy()[at]
    for run in range(means.shape[1]):
        figure.add_scatter(
            x=at + 1,
            y=means[:, run],
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            line={"color": figures.accent(), "width": 1.3},
            opacity=0.65,
        )
    figure.add_hline(1, line={"color": figures.GREY, "dash": "dash", "width": 1.8})
    figure.update_xaxes(type="log", dtick=1)
    figure.update_yaxes(range=[0, 3])
    return figure


def _summary(config: Config, found: Result) -> str:
    """The numbers of the first run, and their limits."""
    at = DIMENSIONS.index(config.dim)
    limit = 1 / importance_weights.second_moment(config.dim, config.scale).item()
    k, exact = found.k[0].item(), importance_weights.tail_shape(config.dim, config.scale)
    tail = "no tail" if math.isnan(exact) or math.isnan(k) else f"{k:z.2f} (limit {exact:z.2f})"
    low = int((found.running[-1] < 1).sum())
    return (
        f"First run of {config.draws:,} draws: estimate {found.running[-1, 0].item():.2f} ± "
        f"{found.error[0].item():.2f}, effective fraction "
        f"{percent(found.effective_fractions[at, 0].item(), 2)} (limit {percent(limit, 2)}), "
        f"Pareto k̂ {tail}. {low} of {ALL_RUNS} runs end below 1."
    ).replace("-", "−")
