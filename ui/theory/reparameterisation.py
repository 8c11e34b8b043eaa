"""The note on the reparameterisation trick: two gradient estimators and their variances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.studies.theory import gradient_estimators
from dgm_core.studies.theory.gradient_estimators import pathwise, score_function
from ui import figures
from ui.links import InLink, Setting
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A VAE is trained by the gradient of an expectation whose distribution depends on the parameters:
$\\partial_\\mu\\, \\mathbb{E} f(z)$ with $z \\sim \\mathcal N(\\mu, \\sigma^2)$. The
**reparameterisation trick** writes $z = \\mu + \\sigma\\varepsilon$. The distribution of the
noise $\\varepsilon$ does not depend on $\\mu$, so the derivative can be taken inside the
expectation and through $f$.

The **score function** (REINFORCE) needs only values of $f$, not its slope: it makes draws with
high values more probable. It is unbiased too, but usually has a much larger variance. Subtracting
a **baseline** $b$ from $f$ reduces the variance without bias, since $\\mathbb{E}\\,\\varepsilon =
0$.

**Look first** at the two histograms: both are centred on the true gradient, one is wider.
**Then** make $\\sigma$ small: the variance of one estimator falls, that of the other rises.
**Last**, choose the step, which is nearly flat for most draws. There the trick has the larger
variance; for a true step it is biased, because its estimate is always 0.
"""
FORMULAS = (
    r"\frac{\partial}{\partial\mu}\, \mathbb{E} f(z) = \mathbb{E}\, f'(\mu + \sigma\varepsilon)",
    r"\frac{\partial}{\partial\mu}\, \mathbb{E} f(z) = \mathbb{E}\,\big(f(z) - b\big)\,"
    r"\frac{z - \mu}{\sigma^2}",
    r"b^\star = \mathbb{E}\, f(z)\, \varepsilon^2",
)
REFERENCES = """
- Williams (1992), *Simple statistical gradient-following algorithms for connectionist
  reinforcement learning*, Machine Learning 8.
- Kingma & Welling (2014), *Auto-encoding variational Bayes*, ICLR.
- Rezende, Mohamed & Wierstra (2014), *Stochastic backpropagation and approximate inference in
  deep generative models*, ICML.
- Mohamed, Rosca, Figurnov & Mnih (2020), *Monte Carlo gradient estimation in machine learning*,
  JMLR 21.
"""
TITLES = {"square": "z²", "sine": "sin 3z", "step": "a step, Φ(20 z)"}
LOW, HIGH, STEP = 0.1, 2.0, 0.05
SEED = 1
MEAN = {"square": 1.0, "sine": 1.0, "step": 0.5}
INTEGRAND = Setting("gradient of", "square", options=TITLES)
SD = Setting("gradient sd", 1.0, low=LOW, high=HIGH, step=STEP)
DRAWS = Setting("gradient draws", 10, options=(1, 3, 10, 30, 100, 300, 1000))
BASELINE = Setting("gradient baseline", False)


class Reparameterisation:
    """Text, formula, code and figure."""

    name = "Reparameterisation"
    settings: ClassVar[tuple[InLink, ...]] = (INTEGRAND, SD, DRAWS, BASELINE)

    def show(self) -> None:
        """Draw."""
        with note.layout(TEXT, FORMULAS, [pathwise, score_function], REFERENCES):
            config = _chosen()
            found = gradient_estimators.run(config)
            figures.show(
                "gradient estimates",
                _histograms(found),
                f"{config.repeats:,} estimates of the gradient, {config.draws:,} draws each",
            )
            _numbers(found)
            figures.show("gradient variances", _over_sd(config), "Variance of one draw")


def _chosen() -> gradient_estimators.Config:
    left, middle, right = st.columns(3)
    name = INTEGRAND.widget(left.selectbox, "f(z)")
    sd = SD.widget(middle.slider, "σ")
    draws = DRAWS.widget(right.select_slider, "Draws per estimate")
    baseline = BASELINE.widget(st.toggle, "Subtract the best baseline b*")
    return gradient_estimators.Config(name, MEAN[name], sd, draws, baseline=baseline, seed=SEED)


def _histograms(found: gradient_estimators.Result) -> Figure:
    """Histograms of both estimators in the same bins, and the true gradient."""
    figure = figures.empty("estimate", "density")
    both = np.concatenate([found.pathwise, found.score_function])
    low, high = np.quantile(both, [0.004, 0.996])
    low, high = min(low, found.gradient - 0.1), max(high, found.gradient + 0.1)
    edges = np.linspace(low, high, 81)
    for name, values, colour in (
        ("score function", found.score_function, figures.GREY),
        ("reparameterised", found.pathwise, figures.accent()),
    ):
        count, _ = np.histogram(values, edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=count / len(values) / (edges[1] - edges[0]),
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            opacity=0.65,
            hoverinfo="skip",
        )
    figure.update_layout(barmode="overlay", bargap=0)
    top = max(float(max(bars.y)) for bars in figure.data)
    figure.update_yaxes(range=[0, 1.2 * top])
    figure.add_vline(
        found.gradient,
        line={"color": figures.GREY, "dash": "dash", "width": 1.5},
        annotation_text=f"true gradient {_signed(found.gradient)}",
        annotation_position="top right",
        annotation_font={"size": 11, "color": figures.GREY},
    )
    return figure


def _numbers(found: gradient_estimators.Result) -> None:
    """Means with their standard errors, and the ratio of variances."""
    path, score = found.variances
    columns = st.columns(3)
    for column, name, values in (
        (columns[0], "Mean, reparameterised", found.pathwise),
        (columns[1], "Mean, score function", found.score_function),
    ):
        error = float(values.std()) / math.sqrt(len(values))
        column.metric(name, f"{_signed(float(values.mean()))} ± {error:.3f}")
    columns[2].metric(
        "Ratio of variances",
        f"{score / path:,.3g}",
        help="Variance of the score "
        "function, divided by the variance of the reparameterised estimator.",
    )


def _over_sd(config: gradient_estimators.Config) -> Figure:
    """Exact variances for all σ; the chosen σ is marked."""
    figure = figures.empty("σ", "variance")
    sds = np.geomspace(LOW, HIGH, 40)
    lines = _curves(config.integrand, config.mean, tuple(sds.tolist()))
    for (name, colour, dash), values in zip(
        (
            ("score function", figures.GREY, "dot"),
            ("with baseline", figures.GREY, "solid"),
            ("reparameterised", figures.accent(), "solid"),
        ),
        lines,
        strict=True,
    ):
        figure.add_scatter(
            x=sds,
            y=values,
            mode="lines",
            name=name,
            hoverinfo="skip",
            line={"color": colour, "dash": dash, "width": 2},
        )
    figure.add_vline(config.sd, line={"color": figures.FAINT, "width": 1.5})
    figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    figure.update_xaxes(range=[0, HIGH])
    return figure


@st.cache_data(show_spinner=False, max_entries=10)
def _curves(integrand: str, mean: float, sds: tuple[float, ...]) -> list[list[float]]:
    """Variances of the score function, of that with a baseline, and of reparameterisation."""
    variances = gradient_estimators.variances
    without = [variances(integrand, mean, sd) for sd in sds]
    baseline = [variances(integrand, mean, sd, with_baseline=True) for sd in sds]
    return [[s for _, s in without], [s for _, s in baseline], [p for p, _ in without]]


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
