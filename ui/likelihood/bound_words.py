"""Sentences and a table about bounds: their order, and whether the weights are reliable."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import streamlit as st

from dgm_core.studies.likelihood.bounds import Line, is_ordered
from ui import figures, glossary
from ui.likelihood import bound_charts
from ui.likelihood.bound_charts import UNRELIABLE_K


def verdict(lines: tuple[Line, ...]) -> str:
    """The bounds in order, and by how much the lower ones are too low."""
    steps = [_best(lines, method) for method in ("ELBO", "IWAE", "AIS")]
    exact, above = _best(lines, "quadrature"), [line for line in lines if line.kind == "above"]
    parts = [f"{line.method} {_number(line.mean)} ≤" for line in steps[:2] if line]
    parts.append(f"log p(x) = {_number(exact.mean)}" if exact else "log p(x)")
    # An upper bound with a Monte-Carlo error is named only if it is above the lower bounds.
    low = max((line.mean for line in lines if line.kind != "above"), default=-math.inf)
    if above := [line for line in above if line.mean >= low]:
        least = min(above, key=lambda line: line.mean)
        parts.append(f"≤ {least.method} {_number(least.mean)}")
    text = f"**{' '.join(parts)}.** "
    if any(line.error > 0 for line in lines):
        text += "Bounds from random draws hold on average. "
    if not is_ordered(lines):
        return text + (
            ":orange[The bounds are out of order by more than three standard errors.] If the "
            "effective sample size is small, so are the errors themselves. Try another seed or "
            "more temperatures."
        )
    known = exact or _best(lines, "AIS")
    if known is None or steps[0] is None or steps[1] is None:
        return text
    elbo, iwae = (max(known.mean - line.mean, 0.0) for line in steps[:2])
    reference = "" if exact else ", compared with AIS"
    return text + (
        f"The ELBO is {_number(elbo)} nats too low, and IWAE with {steps[1].effort:,} draws "
        f"{_number(iwae)}{reference}."
    )


def _best(lines: tuple[Line, ...], method: str) -> Line | None:
    """The line of a method with the largest effort."""
    return max(
        (line for line in lines if line.method == method),
        key=lambda line: line.effort,
        default=None,
    )


def _number(value: float, digits: int = 2) -> str:
    return f"{value:,.{digits}f}".replace("-", "−")


UNITS = {
    "ELBO": "draw",
    "IWAE": "draws",
    "AIS": "temperatures",
    "quadrature": "grid points",
    "AIS backwards": "temperatures",
    "best mixture": "component(s)",
    "empirical": "distinct image(s)",
}
"""Method → unit of its effort, in the order of the bounds."""


def table(lines: tuple[Line, ...]) -> None:
    """A table of the best value of each method."""
    shown = [_best(lines, method) for method in UNITS]
    st.dataframe(
        [
            {
                "log p(x)": bound_charts.SIGNS[line.kind],
                "nats": line.mean,
                "± SE": line.error,
                "by": line.method,
                "with": f"{line.effort:,} {UNITS[line.method]}",
            }
            for line in shown
            if line is not None
        ],
        hide_index=True,
        height="content",
        column_config={
            "log p(x)": st.column_config.TextColumn(
                help="≥: a lower bound, ≤: an upper bound; on average, if it is from random draws."
            ),
            "nats": st.column_config.NumberColumn(format="%.3f", help=glossary.explain("nats")),
            "± SE": st.column_config.NumberColumn(
                format="%.3f", help="Monte-Carlo standard error of the mean, in nats."
            ),
        },
    )


def as_csv(lines: tuple[Line, ...], row: int | None) -> str:
    """One row per line; for a set (`row` None) also one per image, where these are known."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["image", "method", "log p(x) is", "effort", "nats", "standard error"])
    image = "all" if row is None else row + 1
    for line in lines:
        sign = {"below": "at least", "exact": "equal to", "above": "at most"}[line.kind]
        about = [line.method, sign, line.effort]
        rows.writerow([image, *about, line.mean, line.error])
        if row is None and line.each is not None:
            both = zip(line.each.tolist(), line.each_error.tolist(), strict=True)
            rows.writerows([i, *about, *values] for i, values in enumerate(both, 1))
    return file.getvalue()


def weights(lines: tuple[Line, ...], ess: np.ndarray, pareto_k: np.ndarray, drawn: int) -> None:
    """The effective sample size of the weights (B,), and where IWAE is too low."""
    unreliable = int((pareto_k > UNRELIABLE_K).sum())
    if len(ess) == 1:
        text = (
            f"**The weights.** The effective sample size (ESS) of {drawn:,} draws is "
            f"{ess[0]:,.0f}. Pareto k is {_number(pareto_k[0])}"
        )
        if unreliable:
            text += f", above {UNRELIABLE_K}: IWAE's error bar is too small."
        else:
            text += ": no warning, but mass that is never proposed does not show."
        st.markdown(text, help=glossary.hover(text))
        return
    reference, best = _best(lines, "quadrature") or _best(lines, "AIS"), _best(lines, "IWAE")
    if reference is not None and best is not None:
        shortfall = (reference.each - best.each).numpy()
        name = "log p(x)" if reference.method == "quadrature" else "AIS"
        title = f"Nats by which IWAE is below {name}, for each image"
        figures.show("bounds weights", bound_charts.shortfalls(pareto_k, shortfall), title)
    text = (
        f"The effective sample size (ESS) of {drawn:,} draws is {ess.mean():,.0f} on average and "
        f"{ess.min():,.0f} at worst. "
    )
    if unreliable:
        text += (
            f"Pareto k is above {UNRELIABLE_K} for {unreliable} of {len(ess)} images; there "
            "IWAE's error bars are too small."
        )
    else:
        text += (
            f"Pareto k is below {UNRELIABLE_K} for all {len(ess)} images: no warning, but mass "
            "that is never proposed does not show."
        )
    glossary.caption(text)


def formulas(lines: tuple[Line, ...]) -> None:
    """Formulas: why these are bounds."""
    st.latex(
        r"\mathbb{E}\log w \;\le\; \mathbb{E}\log\tfrac1K\textstyle\sum_k w_k \;\le\; \log p(x),"
        r"\qquad w_k = \frac{p(x, z_k)}{q(z_k\mid x)},\; z_k \sim q(z\mid x)"
    )
    st.markdown(
        "**AIS** moves draws from q to the posterior. The expectation of its weights is p(x), so "
        "the log of their mean is, on average, a bound from below. It also runs backwards from "
        "the latent that an image was drawn from, which gives, on average, a bound from above. "
        "**Quadrature** sums p(x|z) p(z) over a grid in the plane of two latents."
    )
    if any(line.method == "best mixture" for line in lines):
        st.latex(
            r"\sum_n \log p_\theta(x_n) \;\le\; \max_G \sum_n \log \int"
            r"\mathcal N(x_n;\mu,\operatorname{diag} v)\,\mathrm dG(\mu, v),\qquad v_d \ge \xi"
        )
        st.markdown(
            "The decoder's distributions are Gaussians, so the model is a mixture of Gaussians. "
            "No such mixture exceeds the likelihood of the best one. This bound holds for the "
            "**set of images shown**, and for no other images."
        )
    elif any(line.method == "empirical" for line in lines):
        st.latex(r"\textstyle\frac1N\sum_n \log p_\theta(x_n) \;\le\; -\log N")
        st.markdown(
            "Pixels are 0 or 1, so no distribution gives N distinct images a probability of more "
            "than 1/N on geometric average. This bound holds for the **set of images shown**. It "
            "is far from tight; for Gaussian decoders there is a tighter one."
        )
