"""The view in which an assumed mechanism is moved, and the imputations follow by re-weighting."""

from __future__ import annotations

import math

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import TABLE_DEFINITIONS
from dgm_core.studies.mnar import sensitivity
from dgm_core.studies.mnar.side_by_side import GRID
from ui import figures
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.mnar import available_models, charts
from ui.mnar.requested import Asked
from ui.mnar.shown_columns import choose_column

SLIDERS = (
    LiveSlider(
        "strength",
        "Assumed strength",
        -8.0,
        8.0,
        0.25,
        "nats an SD",
        help="Above 0 high values go missing, below 0 low ones; 0 is chance.",
    ),
    LiveSlider(
        "threshold",
        "Assumed threshold",
        -2.0,
        2.0,
        0.1,
        "SD",
        1,
        help="At this value half are missing.",
    ),
)
FIRST = {"strength": 2.0, "threshold": 0.0}
TOO_MANY = 0.5
"""Share of weak rows beyond which the weights have degenerated."""


class Assume:
    """Sensitivity to what cannot be learned.

    Args:
        asked: table and mechanism.
        settings: where the settings go: there are none.
    """

    name = "Assume"
    work = None
    about = (
        "MIWAE's draws stay as they are; only their **weights** follow the mechanism you assume, "
        "so nothing is trained again. **Look first** at how far the imputed values move: so much "
        "of the answer is owed to the assumption. **Then** at the effective samples: where few "
        "draws carry all the weight, the answer is theirs alone."
    )

    def __init__(self, asked: Asked, settings: DeltaGenerator) -> None:
        self.asked = asked

    def show(self) -> None:
        """Sliders and figures, if there are models."""
        models = available_models.models(self.asked)
        if models is None:
            available_models.invite()
            return
        basis = _basis(self.asked, models)
        place = choose_column("assumed column", self.asked.names)
        self._panel(basis, self.asked.shown[place])

    @st.fragment
    def _panel(self, basis: sensitivity.Basis, entry: int) -> None:
        values = live_sliders("assumed", SLIDERS, FIRST, rev=0, label="The assumed mechanism")
        features = self.asked.table.known.x.shape[1]
        process = sensitivity.assumed_process(
            features, self.asked.shown, values["strength"], values["threshold"]
        )
        found = sensitivity.assume(basis, process)
        _numbers(found, entry)
        left, middle, right = st.columns(3)
        with left:
            curve = process.curve(entry, GRID).numpy()
            seen = self.asked.seen(entry)
            figure = charts.missingness(self.asked.true_curve(entry), curve, seen, "assumed")
            figures.show("assume curve", figure, "Why: true and assumed")
        with middle:
            figures.show("assume spread", charts.reweighted(basis, found, entry), "Imputed values")
        with right:
            figures.show("assume ess", charts.effective(found.ess), "Effective samples of 500")


def _numbers(found: sensitivity.Assumed, entry: int) -> None:
    first, second, third, fourth = st.columns(4)
    rmse, error = (each.item() for each in found.rmse)
    if math.isnan(rmse):
        first.metric("RMSE", "not known", help="Nothing was removed whose value is known.")
    else:
        first.metric(f"RMSE, ± {error:.2f} SD", f"{rmse:.2f}", help=TABLE_DEFINITIONS["RMSE"])
    shift = found.shift[entry].item()
    moved = "not known" if math.isnan(shift) else f"{shift:+z.2f} SD"
    second.metric("Mean moves by", moved, help="Of this column's imputed values.")
    third.metric("Effective samples", f"{found.ess.median().item():.0f}", help="Median over rows.")
    fourth.metric(f"Rows with under {sensitivity.FEW}", f"{found.weak_share:.0%}")
    if found.weak_share > TOO_MANY:
        st.warning(
            "The weights have degenerated: for most rows a handful of draws decides. So strong an "
            "assumption needs a model that is trained under it, as not-MIWAE is.",
            icon=":material/warning:",
        )


def _basis(asked: Asked, models: available_models.Models) -> sensitivity.Basis:
    """MIWAE's weighted draws for some rows, made once for each training."""
    held = st.session_state.get("assume basis")
    if held is None or held[0] is not models["MIWAE"]:
        held = (models["MIWAE"], sensitivity.prepare(models["MIWAE"], asked.problem))
        st.session_state["assume basis"] = held
    return held[1]
