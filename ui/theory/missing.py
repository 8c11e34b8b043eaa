"""The note on missing data: which mechanisms can be ignored, on a scatter one hides points of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import streamlit as st
import torch

from dgm_core.studies.theory import probit_masking
from dgm_core.studies.theory.probit_masking import MECHANISMS, Config, Estimate
from ui.components.bits import pack, unpack
from ui.components.toggled_points import Line, parse, toggled_points
from ui.frame import kept, last_value, remember
from ui.links import between, one_of
from ui.theory import note

TEXT = """
Every row has two numbers; $x_1$ is always seen, $x_2$ is missing where $s = 0$. The likelihood of
what is seen involves $p(s \\mid x)$, unless the mechanism is **ignorable**:
$p(s \\mid x_{\\mathrm{obs}}, x_{\\mathrm{mis}}) = p(s \\mid x_{\\mathrm{obs}})$ leaves the
integral as a factor. If its parameters are not those of $p(x)$, maximum likelihood may forget it.

**Look first** at the complete-case mean, that of the seen $x_2$: right where values go missing
completely at random (**MCAR**), wrong in the two other cases. **Then** at the regression line, by
which missing values are filled in. Under **MAR**, where $x_1$ decides, it is still that of all
rows, as selecting by $x_1$ leaves $p(x_2 \\mid x_1)$ alone. **Last** at **MNAR**, where $x_2$
hides itself: the line is turned, and more rows only make one surer of a wrong number.

What is seen cannot tell the last two apart: every MNAR law has a MAR twin with the same law of
what is seen and, in general, another mean. Without an assumption about $p(s \\mid x)$ the mean
cannot be recovered. Click points, or sweep over them with the mouse held down, and you are the
mechanism.
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
  observations are missing*, JASA 52: the regression estimate and why.
- Little & Rubin (2019), *Statistical analysis with missing data*, 3rd ed., chapters 6, 7 and 15.
- Molenberghs, Beunckens, Sotto & Kenward (2008), *Every missingness not at random model has a
  missingness at random counterpart with equal fit*, JRSS B 70.
"""
TITLES = {
    "MCAR": "MCAR: by chance",
    "MAR": "MAR: x₁ hides x₂",
    "MNAR": "MNAR: x₂ hides itself",
}
ROWS, REACH = 200, 3.4
FLIPS, CLEARED, SCATTER = "missing flips", "missing cleared", "missing scatter"


def read_flips(text: str) -> str:
    """Flips as an address has them: packed bits in base64."""
    unpack(text, ROWS)
    return text


class Missing:
    """A Gaussian scatter, a mechanism, and the visitor's own hand."""

    name = "Missing data"
    fields: ClassVar[dict[str, Callable[[str], Any]]] = {
        "missing mechanism": one_of(*MECHANISMS),
        "missing strength": between(0.0, 5.0, 0.25),
        FLIPS: read_flips,
    }

    def show(self) -> None:
        """Draw."""
        code = (probit_masking.draw, probit_masking.by_regression, probit_masking.selected)
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            config = _controls()
            x, observed = probit_masking.draw(config)
            flips = held_flips()
            seen = observed ^ torch.from_numpy(flips)
            _scatter(config, x, observed, flips, seen)
            _estimates(config, x, seen, by_hand=int(flips.sum()))


def held_flips() -> np.ndarray:
    """What the visitor has flipped, (ROWS,) bool."""
    text = last_value(FLIPS, None)
    return np.zeros(ROWS, bool) if text is None else unpack(text, ROWS)


def _controls() -> Config:
    left, right = st.columns(2, gap="medium")
    with left:
        kept("missing mechanism", "MAR")
        mechanism = st.selectbox(
            "Why values go missing",
            list(MECHANISMS),
            format_func=TITLES.get,
            key="keep.missing mechanism",
            on_change=_clear,
        )
    with right:
        kept("missing strength", 2.0)
        strength = st.slider(
            "Strength a",
            0.0,
            5.0,
            step=0.25,
            key="keep.missing strength",
            on_change=_clear,
            disabled=mechanism == "MCAR",
        )
    return Config(mechanism, float(strength), rows=ROWS)


def _clear() -> None:
    """Forget what the visitor hid by hand."""
    remember(FLIPS, None)
    st.session_state[CLEARED] = st.session_state.get(CLEARED, 0) + 1


def _scatter(
    config: Config, x: torch.Tensor, observed: torch.Tensor, flips: np.ndarray, seen: torch.Tensor
) -> None:
    revision = f"{config.mechanism} {config.strength:g} {st.session_state.get(CLEARED, 0)}"

    def take() -> None:
        sent = st.session_state[SCATTER].get("flips")
        if (now := parse(sent, ROWS, revision)) is not None:
            remember(FLIPS, pack(now) if now.any() else None)

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
        lines=_lines(config, x, seen),
    )


def _lines(config: Config, x: torch.Tensor, seen: torch.Tensor) -> list[Line]:
    rho = config.correlation
    lines = [Line("true regression", -rho * REACH, rho * REACH, "dashed")]
    if int(seen.sum()) < probit_masking.FEWEST:
        return lines
    fit = probit_masking.by_regression(x, seen)
    ends = [fit.intercept + fit.slope * at for at in (-REACH, REACH)]
    mean = probit_masking.complete_case(x, seen).mean
    return [
        *lines,
        Line("regression where seen", *ends, strong=True),
        Line("complete-case mean", mean, mean, "dotted"),
    ]


def _estimates(config: Config, x: torch.Tensor, seen: torch.Tensor, *, by_hand: int) -> None:
    """Both estimates with errors, what they tend to, and how far off they are."""
    if int(seen.sum()) < probit_masking.FEWEST:
        st.info(f"Let {probit_masking.FEWEST} points be seen at least.")
        return
    limits = probit_masking.limits(config)
    rows = [
        ("Complete-case mean", probit_masking.complete_case(x, seen), limits.complete_case),
        ("Regression imputation", probit_masking.by_regression(x, seen).filled, limits.regression),
    ]
    table = [
        "| E x₂ = 0, estimated | value | off by | n → ∞ |",
        "|---|--:|--:|--:|",
    ]
    table += [
        f"| {name} | {_cells(each, None if by_hand else limit)} |" for name, each, limit in rows
    ]
    st.markdown("\n".join(table))
    hidden = ROWS - int(seen.sum())
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.caption(
        f"{hidden} of {ROWS} hidden, {by_hand} changed by hand. Values ± standard error (SE), and "
        "how far from the truth that is."
    )
    if by_hand:
        right.button("Undo mine", on_click=_clear, width="stretch")


def _cells(each: Estimate, limit: float | None) -> str:
    towards = "unknown" if limit is None else f"{limit:z.2f}"
    off = (each.mean - probit_masking.TRUTH) / each.error
    return (
        f"{each.mean:z.2f}\u00a0±\u00a0{each.error:.2f} | {off:z.1f}\u00a0SE | {towards}"
    ).replace("-", "−")
