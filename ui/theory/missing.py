"""The note on missing data: ignorable mechanisms, on a scatter plot with points to hide."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st
import torch

from dgm_core.studies.theory import probit_masking
from dgm_core.studies.theory.probit_masking import MECHANISMS, Config, Estimate
from ui.components.bits import pack, unpack
from ui.components.toggled_points import Line, parse, toggled_points
from ui.links import InLink, Setting
from ui.theory import note

TEXT = """
Every row has two numbers. $x_1$ is always observed; $x_2$ is missing where $s = 0$. The
likelihood of the observed data involves $p(s \\mid x)$, unless the mechanism is **ignorable**: if
$p(s \\mid x_{\\mathrm{obs}}, x_{\\mathrm{mis}}) = p(s \\mid x_{\\mathrm{obs}})$, it is a factor
outside the integral. If it shares no parameters with $p(x)$, maximum likelihood may ignore it.

**Look first** at the complete-case mean, the mean of the observed $x_2$. It is unbiased if values
are missing completely at random (**MCAR**), and biased in the two other cases. **Then** look at
the regression line, which gives the imputed values. Under **MAR**, where $x_1$ decides, it is the
line of all rows, because selection by $x_1$ does not change $p(x_2 \\mid x_1)$. **Last**, choose
**MNAR**, where $x_2$ itself decides. Now the line is biased too, and more rows only make the
standard error of a wrong estimate smaller.

The observed data cannot distinguish the last two. Every MNAR distribution has a MAR twin with the
same distribution of observed data and, in general, another mean. Without an assumption about $p(s
\\mid x)$ the mean cannot be recovered. Click points, or drag over them, to choose yourself which
values are missing.
"""
FORMULAS = (
    r"p(x_{\mathrm{obs}}, s) = \int p(x)\, p(s \mid x)\, dx_{\mathrm{mis}}",
    r"\text{MAR:}\quad = p(s \mid x_{\mathrm{obs}})\, p(x_{\mathrm{obs}})",
    r"p(s{=}1 \mid x) = \Phi(-w^{\top} x)",
    r"w = (0, 0),\; (a, 0)\; \text{or}\; (0, a)",
    r"\mathbb{E}[x \mid s{=}1] = -\sqrt{\tfrac{2}{\pi}}\, \frac{\Sigma w}"
    r"{\sqrt{1 + w^{\top} \Sigma w}}",
)
REFERENCES = """
- Rubin (1976), *Inference and missing data*, Biometrika 63.
- Anderson (1957), *Maximum likelihood estimates for a multivariate normal distribution when some
  observations are missing*, JASA 52: the regression estimate.
- Little & Rubin (2019), *Statistical analysis with missing data*, 3rd ed., chapters 6, 7 and 15.
- Molenberghs, Beunckens, Sotto & Kenward (2008), *Every missingness not at random model has a
  missingness at random counterpart with equal fit*, JRSS B 70.
"""
TITLES = {
    "MCAR": "MCAR: chance decides",
    "MAR": "MAR: x₁ decides",
    "MNAR": "MNAR: x₂ itself decides",
}
ROWS, REACH = 200, 3.4
CLEARED, SCATTER = "missing cleared", "missing scatter"


def read_flips(text: str) -> str:
    """Flips in a link: packed bits in base64."""
    unpack(text, ROWS)
    return text


MECHANISM = Setting(
    "missing mechanism", "MAR", options={name: TITLES[name] for name in MECHANISMS}
)
STRENGTH = Setting("missing strength", 2.0, low=0.0, high=5.0, step=0.25)
FLIPS = Setting("missing flips", None, read=read_flips)
"""Points that the visitor has hidden or shown, as packed bits."""


class Missing:
    """A Gaussian sample, a mechanism, and points that the visitor hides."""

    name = "Missing data"
    settings: ClassVar[tuple[InLink, ...]] = (MECHANISM, STRENGTH, FLIPS)

    def show(self) -> None:
        """Draw."""
        code = (probit_masking.draw, probit_masking.by_regression, probit_masking.selected)
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            config = _controls()
            x, observed = probit_masking.draw(config)
            flips = current_flips()
            shown = observed ^ torch.from_numpy(flips)
            _scatter(config, x, observed, flips, shown)
            _estimates(config, x, shown, by_hand=int(flips.sum()))


def current_flips() -> np.ndarray:
    """Points that the visitor has hidden or shown, (ROWS,) bool."""
    text = FLIPS.value
    return np.zeros(ROWS, bool) if text is None else unpack(text, ROWS)


def _controls() -> Config:
    left, right = st.columns(2, gap="medium")
    mechanism = MECHANISM.widget(left.selectbox, "Why values go missing", on_change=_clear)
    strength = STRENGTH.widget(
        right.slider, "Strength a", on_change=_clear, disabled=mechanism == "MCAR"
    )
    return Config(mechanism, strength, rows=ROWS)


def _clear() -> None:
    """Undo the visitor's changes."""
    FLIPS.remember(None)
    st.session_state[CLEARED] = st.session_state.get(CLEARED, 0) + 1


def _scatter(
    config: Config, x: torch.Tensor, observed: torch.Tensor, flips: np.ndarray, shown: torch.Tensor
) -> None:
    revision = f"{config.mechanism} {config.strength:g} {st.session_state.get(CLEARED, 0)}"

    def take() -> None:
        sent = st.session_state[SCATTER].get("flips")
        if (now := parse(sent, ROWS, revision)) is not None:
            FLIPS.remember(pack(now) if now.any() else None)

    toggled_points(
        SCATTER,
        x.numpy(),
        ~observed.numpy(),
        flips,
        rev=revision,
        on_change=take,
        label=f"{ROWS} rows",
        axes=("x₁", "x₂"),
        reach=REACH,
        lines=_lines(config, x, shown),
    )


def _lines(config: Config, x: torch.Tensor, observed: torch.Tensor) -> list[Line]:
    rho = config.correlation
    lines = [Line("true regression", -rho * REACH, rho * REACH, "dashed")]
    if int(observed.sum()) < probit_masking.FEWEST:
        return lines
    fit = probit_masking.by_regression(x, observed)
    ends = [fit.intercept + fit.slope * at for at in (-REACH, REACH)]
    mean = probit_masking.complete_case(x, observed).mean
    return [
        *lines,
        Line("regression of observed rows", *ends, strong=True),
        Line("complete-case mean", mean, mean, "dotted"),
    ]


def _estimates(config: Config, x: torch.Tensor, observed: torch.Tensor, *, by_hand: int) -> None:
    """Both estimates with standard errors, their error, and their limit for many rows."""
    if int(observed.sum()) < probit_masking.FEWEST:
        st.info(f"Leave at least {probit_masking.FEWEST} points observed.")
        return
    limits = probit_masking.limits(config)
    rows = [
        ("Complete-case mean", probit_masking.complete_case(x, observed), limits.complete_case),
        (
            "Regression imputation",
            probit_masking.by_regression(x, observed).filled,
            limits.regression,
        ),
    ]
    table = [
        "| Estimate of E x₂ = 0 | value | error | n → ∞ |",
        "|---|--:|--:|--:|",
    ]
    table += [
        f"| {name} | {_cells(each, None if by_hand else limit)} |" for name, each, limit in rows
    ]
    st.markdown("\n".join(table))
    hidden = ROWS - int(observed.sum())
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.caption(
        f"{hidden} of {ROWS} hidden, {by_hand} changed by hand. Values ± standard error (SE); the "
        "error is the difference from the true mean 0, in standard errors."
    )
    if by_hand:
        right.button("Undo my changes", on_click=_clear, width="stretch")


def _cells(each: Estimate, limit: float | None) -> str:
    in_the_limit = "unknown" if limit is None else f"{limit:z.2f}"
    error = (each.mean - probit_masking.TRUTH) / each.error
    return (
        f"{each.mean:z.2f}\u00a0±\u00a0{each.error:.2f} | {error:z.1f}\u00a0SE | {in_the_limit}"
    ).replace("-", "−")
