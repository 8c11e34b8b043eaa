"""What is said of bounds: their order in numbers, a table, and whether the weights are trusted."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import streamlit as st

from dgm_core.studies.likelihood.bounds import Line, is_ordered
from ui import figures
from ui.likelihood import bound_charts

MISTRUST = 0.7
"""Pareto k above which a mean of the weights has no error bar worth the name."""


def verdict(lines: tuple[Line, ...]) -> str:
    """The order in numbers, and what is lacking."""
    steps = [_best(lines, method) for method in ("ELBO", "IWAE", "AIS")]
    truth, above = _best(lines, "quadrature"), [line for line in lines if line.kind == "above"]
    parts = [f"{line.method} {_number(line.mean)} ≤" for line in steps[:2] if line]
    parts.append(f"log p(x) = {_number(truth.mean)}" if truth else "log p(x)")
    # What is known to within an error is named if it is above what is below.
    low = max((line.mean for line in lines if line.kind != "above"), default=-math.inf)
    if above := [line for line in above if line.mean >= low]:
        least = min(above, key=lambda line: line.mean)
        parts.append(f"≤ {least.method} {_number(least.mean)}")
    said = f"**{' '.join(parts)}.** "
    if not is_ordered(lines):
        return said + (
            ":orange[Out of order by more than three standard errors:] with few effective draws "
            "these errors are themselves too small. Take another seed, or more temperatures."
        )
    known = truth or _best(lines, "AIS")
    if known is None or steps[0] is None or steps[1] is None:
        return said
    lacking = [known.mean - line.mean for line in steps[:2]]
    what = "log p(x)" if truth else "annealing"
    return said + (
        f"Of {what} the ELBO lacks {_number(lacking[0], 2)} nats, and IWAE with "
        f"{steps[1].effort:,} draws {_number(max(lacking[1], 0.0), 2)}."
    )


def _best(lines: tuple[Line, ...], method: str) -> Line | None:
    """The line of a method, of the greatest effort."""
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
"""Of each method's effort, in the order of the bounds."""


def table(lines: tuple[Line, ...]) -> None:
    """The best of each method."""
    shown = [_best(lines, method) for method in UNITS]
    st.dataframe(
        [
            {
                "log p(x)": bound_charts.SIGNS[line.kind],
                "nats": line.mean,
                "± s.e.": line.error,
                "by": line.method,
                "with": f"{line.effort:,} {UNITS[line.method]}",
            }
            for line in shown
            if line is not None
        ],
        hide_index=True,
        height="content",
        column_config={
            "nats": st.column_config.NumberColumn(format="%.3f"),
            "± s.e.": st.column_config.NumberColumn(format="%.3f"),
        },
    )


def as_csv(lines: tuple[Line, ...], row: int | None) -> str:
    """One row a line; of a set (no `row`) one for each image as well, where that is known."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["image", "method", "log p(x) is", "effort", "nats", "standard error"])
    whose = "all" if row is None else row + 1
    for line in lines:
        sign = {"below": "at least", "exact": "equal to", "above": "at most"}[line.kind]
        about = [line.method, sign, line.effort]
        rows.writerow([whose, *about, line.mean, line.error])
        if row is None and line.each is not None:
            both = zip(line.each.tolist(), line.each_error.tolist(), strict=True)
            rows.writerows([i, *about, *values] for i, values in enumerate(both, 1))
    return file.getvalue()


def weights(lines: tuple[Line, ...], ess: np.ndarray, pareto_k: np.ndarray, drawn: int) -> None:
    """What importance weights (B,) were worth, and what IWAE lacks where they were not."""
    bad = int((pareto_k > MISTRUST).sum())
    if len(ess) == 1:
        trust = "above 0.7: IWAE's error bar says too little" if bad else "its error bar holds"
        st.markdown(
            f"**The weights.** {drawn:,} draws are worth {ess[0]:,.0f}; Pareto k is "
            f"{_number(pareto_k[0])}, {trust}."
        )
        return
    reference, best = _best(lines, "quadrature") or _best(lines, "AIS"), _best(lines, "IWAE")
    if reference is not None and best is not None:
        lacking = (reference.each - best.each).numpy()
        of = "log p(x)" if reference.method == "quadrature" else "AIS"
        title = f"Nats that IWAE is below {of}, image by image"
        figures.show("bounds weights", bound_charts.shortfalls(pareto_k, lacking), title)
    st.caption(
        f"{drawn:,} draws are worth {ess.mean():,.0f} on average, {ess.min():,.0f} at worst. "
        f"Pareto k is above {MISTRUST} for {bad} of {len(ess)} images: there the error bars of "
        "IWAE say too little."
    )


def formulas(lines: tuple[Line, ...]) -> None:
    """Why they are bounds."""
    st.latex(
        r"\mathbb{E}\log w \;\le\; \mathbb{E}\log\tfrac1K\textstyle\sum_k w_k \;\le\; \log p(x),"
        r"\qquad w_k = \frac{p(x, z_k)}{q(z_k\mid x)},\; z_k \sim q(z\mid x)"
    )
    st.markdown(
        "**AIS** anneals from q to the posterior: the mean of its weights is p(x), so their log "
        "is a bound from below. From an image's own latent it runs backwards, and bounds from "
        "above. **Quadrature** sums p(x|z) p(z) over a grid in the plane of two latents."
    )
    if any(line.method == "best mixture" for line in lines):
        st.latex(
            r"\sum_n \log p_\theta(x_n) \;\le\; \max_G \sum_n \log \int"
            r"\mathcal N(x_n;\mu,\operatorname{diag} v)\,\mathrm dG(\mu, v),\qquad v_d \ge \xi"
        )
        st.markdown(
            "The decoder makes Gaussians, so the model is a mixture of them, and no mixture is "
            "likelier than the best. This bound is of the **set shown**, whatever set that is, "
            "and says nothing of other images."
        )
    elif any(line.method == "empirical" for line in lines):
        st.latex(r"\textstyle\frac1N\sum_n \log p_\theta(x_n) \;\le\; -\log N")
        st.markdown(
            "Pixels are 0 or 1, and no law gives N distinct images more than 1/N each. This bound "
            "is of the **set shown**. It is far off: a Gaussian decoder has a better one."
        )
