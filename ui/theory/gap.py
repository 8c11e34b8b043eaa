"""The note on VAEs and their gap: how far an ELBO is from log p(x), and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.bounds import importance_weighted
from dgm_core.studies.theory import elbo_gap
from ui import figures
from ui.frame import kept
from ui.links import Read, between, one_of
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
A VAE maximises a lower bound, the **ELBO**, because $\\log p(x)$ is an integral over all latents.
What the bound leaves out is no mystery: it is the divergence from the proposal $q$ to the true
posterior, exactly, for any $q$ whatever.

Here the latent is one number, so every term is an integral done to many digits. A bent decoder
gives most $x$ two explanations, which no Gaussian can match: that part is the **approximation
gap**. What the encoder loses besides, because one formula must answer for all $x$, is the
**amortisation gap**.

**Look first** at the encoder's $q$ over the posterior, and at the bar between ELBO and log p(x).
**Then** take the best Gaussian, or set $q$ by hand, and watch the bar shrink and grow: it never
closes. **Last** at IWAE: $K$ draws of the same $q$ close the gap, fast where $q$ covers the
posterior, hardly where it misses an explanation.
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


class Gap:
    """Text, formula, code and figure."""

    name = "VAEs and the gap"
    fields: ClassVar[dict[str, Read]] = {
        "gap x": between(-1.5, 4.0, 0.1),
        "gap q": one_of(ENCODER, BEST, HAND),
        "gap mean": between(-3.0, 3.0, 0.05),
        "gap sd": between(0.05, 2.0, 0.05),
    }

    def show(self) -> None:
        """Draw."""
        code = [elbo_gap.elbo, elbo_gap.divergence, importance_weighted.iwae_bound]
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            found = st_gap(*_asked())
            figures.show("gap posterior", _densities(found), "The latent of this x")
            figures.show("gap bounds", _bounds(found), "Bounds on log p(x), nats")
            st.caption(
                f"ELBO {_signed(found.elbo)} + KL {found.divergence:.4f} = "
                f"{_signed(found.elbo + found.divergence)}; log p(x) by quadrature, without any "
                f"q: {_signed(found.log_p)}. Bars of IWAE are two standard errors."
            )


def _asked() -> tuple[float, float | None, float | None]:
    """x, and mean and standard deviation of q if they are not the encoder's."""
    left, right = st.columns([4, 5])
    kept("gap x", 1.0)
    x = round(float(left.slider("x", -1.5, 4.0, step=0.1, key="keep.gap x")), 6)
    kept("gap q", ENCODER)
    chosen = right.segmented_control(
        "q(z)", [ENCODER, BEST, HAND], required=True, key="keep.gap q"
    )
    if chosen == ENCODER:
        return x, None, None
    if chosen == BEST:
        return x, *elbo_gap.best_gaussian(x)
    left, right = st.columns(2)
    kept("gap mean", -0.5)
    mean = left.slider("Mean of q", -3.0, 3.0, step=0.05, key="keep.gap mean")
    kept("gap sd", 1.0)
    sd = right.slider("Standard deviation of q", 0.05, 2.0, step=0.05, key="keep.gap sd")
    return x, float(mean), float(sd)


@st.cache_data(show_spinner=False, max_entries=200)
def st_gap(x: float, mean: float | None, sd: float | None) -> elbo_gap.Result:
    """`gap.run`."""
    return elbo_gap.run(elbo_gap.Config(x, mean, sd))


def _densities(found: elbo_gap.Result) -> Figure:
    """The posterior, q, and the best Gaussian behind."""
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
    """The gap in its two parts, and IWAE beside it on the same axis."""
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
    figure.add_scatter(
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
    room = 0.14 * found.divergence + 0.02
    axis = {"fixedrange": True, "zeroline": False}
    figure.update_yaxes(range=[found.elbo - room, found.log_p + 1.5 * room], **axis)
    figure.update_xaxes(**axis)
    figure.update_xaxes(
        title={"text": "K", "standoff": 8}, type="log", tickvals=[1, 10, 100, 1000], row=1, col=2
    )
    figure.update_layout(barmode="overlay")
    return figure


def _signed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
