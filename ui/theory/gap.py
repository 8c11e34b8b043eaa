"""The note on the gap between the ELBO of a VAE and log p(x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.bounds import importance_weighted
from dgm_core.studies.theory import elbo_gap
from ui import bound_curves, figures, glossary
from ui.links import InLink, Setting
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A VAE maximises a lower bound, the **ELBO**, because $\\log p(x)$ is an integral over all latents.
The gap between them is known exactly: it is the divergence from the proposal $q$ to the true
posterior, for every $q$.

Here the latent is one number, so every term is an integral that can be computed to many digits. A
nonlinear decoder gives most $x$ two explanations, which no Gaussian can match. This part of the
gap is the **approximation gap**. The rest is the **amortisation gap**: one encoder must serve all
$x$.

**Look first** at the encoder's $q$ and the posterior, and at the bar between ELBO and log p(x).
**Then** choose the best Gaussian, or set $q$ by hand. The bar shrinks or grows, but never
disappears. **Last**, look at IWAE. $K$ draws from the same $q$ close the gap: fast if $q$ covers
the posterior, very slowly if it misses an explanation.
"""
FORMULAS = (
    r"\log p(x) = \mathrm{ELBO}(q) + \mathrm{KL}\big(q \,\|\, p(z \mid x)\big)",
    r"\mathrm{ELBO}(q) = \mathbb{E}_q\big[\log p(x, z) - \log q(z)\big]",
    r"\mathrm{IWAE}_K = \mathbb{E} \log \frac1K \sum_{k=1}^K \frac{p(x, z_k)}{q(z_k)} \le"
    r" \log p(x)",
    r"x \mid z \sim \mathcal N\!\big(z + 0.6\,z^2,\; 0.5^2\big), \quad z \sim \mathcal N(0, 1)",
)
REFERENCES = """
- Kingma & Welling (2014), *Auto-encoding variational Bayes*, ICLR.
- Burda, Grosse & Salakhutdinov (2016), *Importance weighted autoencoders*, ICLR.
- Cremer, Li & Duvenaud (2018), *Inference suboptimality in variational autoencoders*, ICML.
- Mattei & Frellsen (2018), *Leveraging the exact likelihood of deep latent variable models*,
  NeurIPS.
"""
ENCODER, BEST, HAND = "Encoder", "Best Gaussian", "By hand"
X = Setting("gap x", 1.0, low=-1.5, high=4.0, step=0.1)
PROPOSAL = Setting("gap q", ENCODER, options=(ENCODER, BEST, HAND))
MEAN = Setting("gap mean", -0.5, low=-3.0, high=3.0, step=0.05)
SD = Setting("gap sd", 1.0, low=0.05, high=2.0, step=0.05)


class Gap:
    """Text, formula, code and figure."""

    name = "VAEs and the gap"
    settings: ClassVar[tuple[InLink, ...]] = (X, PROPOSAL, MEAN, SD)

    def show(self) -> None:
        """Draw."""
        code = [elbo_gap.elbo, elbo_gap.divergence, importance_weighted.iwae_bound]
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            found = st_gap(*_chosen())
            figures.show("gap posterior", _densities(found), "The latent for this x")
            figures.show("gap bounds", _bounds(found), "Bounds on log p(x), nats")
            glossary.caption(
                f"ELBO {_signed(found.elbo)} + KL {found.divergence:.4f} = "
                f"{_signed(found.elbo + found.divergence)}. log p(x) by quadrature, "
                f"independent of q: {_signed(found.log_p)}. Error bars of IWAE are two standard "
                "errors."
            )


def _chosen() -> tuple[float, float | None, float | None]:
    """x, and mean and standard deviation of q if they are not the encoder's."""
    left, right = st.columns([4, 5])
    x = round(X.widget(left.slider, "x"), 6)
    proposal = PROPOSAL.widget(right.segmented_control, "q(z)", required=True)
    if proposal == ENCODER:
        return x, None, None
    if proposal == BEST:
        return x, *elbo_gap.best_gaussian(x)
    left, right = st.columns(2)
    mean = MEAN.widget(left.slider, "Mean of q")
    sd = SD.widget(right.slider, "Standard deviation of q")
    return x, mean, sd


@st.cache_data(show_spinner=False, max_entries=200)
def st_gap(x: float, mean: float | None, sd: float | None) -> elbo_gap.Result:
    """`elbo_gap.run`."""
    return elbo_gap.run(elbo_gap.Config(x, mean, sd))


def _densities(found: elbo_gap.Result) -> Figure:
    """The posterior, q, and the best Gaussian."""
    figure = figures.empty("z", "density", height=220)
    shown = (elbo_gap.AXIS.abs() <= 3.5).numpy()
    z = elbo_gap.AXIS.numpy()[shown]
    figure.add_scatter(
        x=z,
        y=found.posterior.numpy()[shown],
        mode="lines",
        name="p(z | x)",
        fill="tozeroy",
        line={"color": figures.GREY, "width": 1.5},
        fillcolor=figures.FAINT,
        hoverinfo="skip",
    )
    mean, sd = found.best
    best = np.exp(-0.5 * ((z - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    figure.add_scatter(
        x=z,
        y=best,
        mode="lines",
        name="best Gaussian",
        hoverinfo="skip",
        line={"color": figures.GREY, "dash": "dash", "width": 1.5},
    )
    figure.add_scatter(
        x=z,
        y=found.density.numpy()[shown],
        mode="lines",
        name="q(z)",
        hoverinfo="skip",
        line={"color": figures.accent(), "width": 2.5},
    )
    return figure


def _bounds(found: elbo_gap.Result) -> Figure:
    """The two parts of the gap, and IWAE beside them on the same axis."""
    from plotly.subplots import make_subplots  # a second of start-up

    figure = make_subplots(
        1, 2, shared_yaxes=True, column_widths=[0.26, 0.74], horizontal_spacing=0.04
    )
    figure.update_layout(figures.empty(height=290).layout)
    parts = (
        ("amortisation gap", found.amortisation, found.elbo, figures.accent()),
        ("approximation gap", found.approximation, found.best_elbo, figures.FAINT),
    )
    for name, size, base, colour in parts:
        figure.add_bar(
            x=["the gap"],
            y=[size],
            base=[base],
            name=f"{name} {size:.3f}",
            width=0.6,
            marker={"color": colour, "line": {"width": 0}},
            hoverinfo="skip",
            row=1,
            col=1,
        )
    bound_curves.add(
        figure,
        bound_curves.X,
        x=elbo_gap.DRAWS,
        y=found.iwae.value.numpy(),
        mode="lines+markers",
        name="IWAE",
        row=1,
        col=2,
        error_y={"array": 2 * found.iwae.standard_error.numpy(), "thickness": 1, "width": 2},
        line={"color": figures.accent(), "width": 2},
        marker={"size": 5},
        hoverinfo="skip",
    )
    for value, name, dash in ((found.log_p, "log p(x)", "dash"), (found.elbo, "ELBO", "dot")):
        figure.add_hline(value, line={"color": figures.GREY, "dash": dash, "width": 1.5})
        figure.add_annotation(
            x=1,
            xref="x2 domain",
            y=value,
            yref="y2",
            text=name,
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"size": 11, "color": figures.GREY},
        )
    margin = 0.14 * found.divergence + 0.02
    axis = {"fixedrange": True, "zeroline": False}
    figure.update_yaxes(range=[found.elbo - margin, found.log_p + 1.5 * margin], **axis)
    figure.update_xaxes(**axis)
    figure.update_xaxes(
        title={"text": "K", "standoff": 8}, type="log", tickvals=[1, 10, 100, 1000], row=1, col=2
    )
    figure.update_layout(barmode="overlay")
    return figure


def _signed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
