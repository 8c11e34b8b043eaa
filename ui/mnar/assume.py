"""The view in which an assumed mechanism is moved, and the imputations follow by re-weighting."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies import sensitivity
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.frame import kept
from ui.mnar import charts, trained
from ui.mnar.asked import Asked

SLIDERS = (
    LiveSlider("strength", "Assumed strength", -8.0, 8.0, 0.25, "nats an SD",
               help="Above 0 high values go missing, below 0 low ones; 0 is chance."),
    LiveSlider("threshold", "Assumed threshold", -2.0, 2.0, 0.1, "SD",
               help="At this value half are missing."),
)  # fmt: skip
FIRST = {"strength": 2.0, "threshold": 0.0}
WEAK = 10
"""Effective samples below which a row's answer is not to be trusted."""


class Assume:
    """Sensitivity to what cannot be learned.

    Args:
        asked: table and mechanism.
        settings: where the settings go: there are none.
    """

    name = "Assume"
    work = None
    about = (
        "MIWAE's draws stay as they are; only their **weights** change with the mechanism that "
        "you assume, so nothing is trained again. **Look first** at how far the imputed values "
        "move: that is how much the answer owes to the assumption. **Then** at the effective "
        "sample size: when few draws carry all the weight, the answer is theirs alone."
    )

    def __init__(self, asked: Asked, settings: DeltaGenerator) -> None:
        self.asked = asked

    def show(self) -> None:
        """Sliders and figures, if there are models."""
        models = trained.models(self.asked)
        if models is None:
            trained.invite()
            return
        basis = _basis(self.asked, models)
        names = [self.asked.table.entries[d] for d in self.asked.problem.losing]
        kept("assumed column", names[0])
        if st.session_state["keep.assumed column"] not in names:
            st.session_state["keep.assumed column"] = names[0]
        column = st.selectbox("Column shown", names, key="keep.assumed column")
        place = names.index(column)
        self._panel(basis, place)

    @st.fragment
    def _panel(self, basis: sensitivity.Basis, place: int) -> None:
        values = live_sliders(
            "assumed", SLIDERS, st.session_state.get("assumed values", FIRST), rev=0,
            label="The assumed mechanism",
        )  # fmt: skip
        st.session_state["assumed values"] = values
        losing = self.asked.problem.losing
        features = self.asked.table.known.x.shape[1]
        process = sensitivity.assumed_process(
            features, losing, values["strength"], values["threshold"]
        )
        found = sensitivity.assume(basis, process)
        entry = losing[place]
        left, middle, right = st.columns(3)
        with left:
            true = self.asked.true_curve(entry)
            figure = charts.missingness(true, process.curve(entry, charts.GRID).numpy(),
                                        _seen(self.asked, entry))  # fmt: skip
            charts.show("assume curve", figure, "Why: true and assumed")
        with middle:
            charts.show("assume spread", charts.reweighted(basis, found, entry), "Imputed values")
        with right:
            charts.show("assume ess", charts.effective(found.ess, basis), "Effective samples")
        _words(found)


def _words(found: sensitivity.Assumed) -> None:
    left, middle, right = st.columns(3)
    rmse, error = found.rmse.mean.item(), found.rmse.standard_error.item()
    if not np.isnan(rmse):
        left.metric("RMSE on the hidden values, SD", f"{rmse:.3f} ± {error:.3f}")
    middle.metric("Effective samples, median", f"{found.ess.median().item():.0f}")
    right.metric(f"Rows with fewer than {WEAK}", f"{found.weak_share:.0%}")
    if found.weak_share > 0.5:
        st.warning(
            "The weights have degenerated: for most rows a handful of draws decides. So strong an "
            "assumption needs a model trained under it, as not-MIWAE is."
        )


def _seen(asked: Asked, entry: int) -> np.ndarray:
    observed = asked.problem.masked.observed[:, entry]
    return asked.table.known.x[observed, entry].numpy()


def _basis(asked: Asked, models: trained.Models) -> sensitivity.Basis:
    """MIWAE's weighted draws for some rows, made once for each training."""
    held = st.session_state.get("assume basis")
    if held is None or held[0] is not models["MIWAE"]:
        basis = sensitivity.prepare(models["MIWAE"], asked.problem)
        held = st.session_state["assume basis"] = (models["MIWAE"], basis)
    return held[1]
