"""The note on the reparameterisation trick: two gradients, one far quieter than the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.studies.theory import gradient_estimators
from dgm_core.studies.theory.gradient_estimators import pathwise, score_function
from ui import figures
from ui.frame import kept
from ui.links import Read, between, one_of
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A VAE is trained by the gradient of an expectation whose law depends on what is trained:
$\\partial_\\mu\\, \\mathbb{E} f(z)$ with $z \\sim \\mathcal N(\\mu, \\sigma^2)$. The
**reparameterisation trick** writes $z = \\mu + \\sigma\\varepsilon$. Now the noise
$\\varepsilon$ has a law of its own, and the derivative goes under the mean and through $f$.

The **score function** (REINFORCE) needs no slope of $f$, only its values: draws that scored well
are made more probable. It is as unbiased, and mostly far noisier; a **baseline** $b$ subtracted
from $f$ takes part of the noise away without a bias, since $\\mathbb{E}\\,\\varepsilon = 0$.

**Look first** at the two histograms: both centre on the true gradient, one is wider. **Then**
make $\\sigma$ small: one estimator grows quiet, the other loud. **Last** choose the step, nearly
flat wherever a draw lands: there the trick loses, and at a true step it is wrong: always 0.
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
DRAWS = (1, 3, 10, 30, 100, 300, 1000)
LOW, HIGH, STEP = 0.1, 2.0, 0.05
SEED = 1
MEAN = {"square": 1.0, "sine": 1.0, "step": 0.5}


class Reparameterisation:
    """Text, formula, code and figure."""

    name = "Reparameterisation"
    fields: ClassVar[dict[str, Read]] = {
        "gradient of": one_of(*TITLES),
        "gradient sd": between(LOW, HIGH, STEP),
        "gradient draws": one_of(*DRAWS),
        "gradient baseline": lambda text: one_of("no", "yes")(text) == "yes",
    }

    def show(self) -> None:
        """Draw."""
        with note.layout(TEXT, FORMULAS, [pathwise, score_function], REFERENCES):
            config = _asked()
            found = gradient_estimators.run(config)
            figures.show(
                "gradient estimates",
                _histograms(found),
                f"2,000 estimates of the gradient, {config.draws:,} draws each",
            )
            _numbers(found)
            figures.show("gradient variances", _over_sd(config), "Variance of one draw")


def _asked() -> gradient_estimators.Config:
    row = st.columns(3)
    kept("gradient of", "square")
    with row[0]:
        name = st.selectbox("f(z)", list(TITLES), format_func=TITLES.get, key="keep.gradient of")
    kept("gradient sd", 1.0)
    sd = row[1].slider("σ", LOW, HIGH, step=STEP, key="keep.gradient sd")
    kept("gradient draws", 10)
    draws = row[2].select_slider("Draws an estimate", DRAWS, key="keep.gradient draws")
    kept("gradient baseline", False)
    baseline = st.toggle("Subtract the best baseline b*", key="keep.gradient baseline")
    return gradient_estimators.Config(
        name, MEAN[name], float(sd), int(draws), baseline=bool(baseline), seed=SEED
    )


def _histograms(found: gradient_estimators.Result) -> Figure:
    """Both kinds of estimate in the same bins, and the truth."""
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
    """Means with their errors, and the ratio of variances."""
    path, score = found.variances
    columns = st.columns(3)
    for column, name, values in (
        (columns[0], "Mean, reparameterised", found.pathwise),
        (columns[1], "Mean, score function", found.score_function),
    ):
        error = float(values.std()) / math.sqrt(len(values))
        column.metric(name, f"{_signed(float(values.mean()))} ± {error:.3f}")
    columns[2].metric("Variances, score : path", f"{score / path:,.3g}")


def _over_sd(config: gradient_estimators.Config) -> Figure:
    """Exact variances for all σ, the present one marked."""
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
    """Of the score function, of that with its baseline, and of the path."""
    plain = [gradient_estimators.variances(integrand, mean, sd) for sd in sds]
    based = [gradient_estimators.variances(integrand, mean, sd, with_baseline=True) for sd in sds]
    return [[score for _, score in plain], [score for _, score in based], [p for p, _ in plain]]


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
