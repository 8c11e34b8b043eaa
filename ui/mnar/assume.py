"""The view Assume: imputations re-weighted for an assumed mechanism."""

from __future__ import annotations

import math
from typing import ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import TABLE_DEFINITIONS
from dgm_core.studies.mnar import sensitivity
from dgm_core.studies.mnar.side_by_side import GRID
from ui import figures, glossary
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.links import InLink
from ui.mnar import available_models, charts
from ui.mnar.masked_table import MaskedTable
from ui.mnar.shown_columns import choose_column
from ui.percent import percent

STRENGTH = LiveSlider(
    "strength",
    "Assumed strength",
    -8.0,
    8.0,
    0.25,
    "nats per SD",
    help="Above 0 high values go missing, below 0 low ones. At 0 values are missing at random.",
)
THRESHOLD = LiveSlider(
    "threshold",
    "Assumed threshold",
    -2.0,
    2.0,
    0.1,
    "SD",
    1,
    help="Half of the values at the threshold are missing.",
)
FIRST = {"strength": 2.0, "threshold": 0.0}
DEGENERATE = 0.5
"""Fraction of rows with few effective samples above which the weights have degenerated."""
ROWS, SAMPLES = 300, 500
MAX_VALUES = 6_000_000
"""Rows × samples × coded columns; a wide table has fewer rows."""


class Assume:
    """Sensitivity analysis: how imputations depend on an assumption that data cannot test.

    Args:
        data: table and mechanism.
        settings: container of the settings; there are none.
    """

    name = "Assume"
    settings: ClassVar[tuple[InLink, ...]] = ()
    about = (
        "MIWAE's draws stay as they are. Only their **weights** follow the mechanism that you "
        "assume, so nothing is trained again. **Look first** at how far the imputed values move: "
        "that much of the answer depends on your assumption. **Then** look at the effective "
        "sample size: where it is small, a few draws decide the answer."
    )

    def __init__(self, data: MaskedTable, settings: DeltaGenerator) -> None:
        self.data = data

    def show(self) -> None:
        """Sliders and figures, if there are models."""
        models = available_models.models(self.data)
        if models is None:
            available_models.invite()
            return
        basis = _basis(self.data, models)
        index = choose_column("assumed column", self.data.names)
        self._panel(basis, self.data.shown_entries[index])

    @st.fragment
    def _panel(self, basis: sensitivity.Basis, entry: int) -> None:
        values = live_sliders(
            "assumed", (STRENGTH, THRESHOLD), FIRST, rev=0, label="The assumed mechanism"
        )
        features = self.data.table.known.x.shape[1]
        process = sensitivity.assumed_process(
            features, self.data.shown_entries, values["strength"], values["threshold"]
        )
        found = sensitivity.assume(basis, process)
        _numbers(found, entry)
        left, middle, right = st.columns(3)
        with left:
            curve = process.curve(entry, GRID).numpy()
            observed = self.data.observed_values(entry)
            true = self.data.true_curve(entry)
            figure = charts.missingness(
                true, curve, observed, "assumed", self.data.table.units(entry)
            )
            shown = charts.curves_shown(true, curve, "assumed")
            figures.show("assume curve", figure, f"P(missing | value){shown}")
        with middle:
            figures.show("assume spread", charts.reweighted(basis, found, entry), "Imputed values")
        with right:
            title = f"ESS, out of {basis.values.shape[1]} draws"
            figures.show("assume ess", charts.effective(found.ess), title)


def _numbers(found: sensitivity.Assumed, entry: int) -> None:
    first, second, third, fourth = st.columns(4)
    rmse, error = (each.item() for each in found.rmse)
    if math.isnan(rmse):
        help_text = "No cell is hidden whose true value is known."
        first.metric("RMSE", "not known", help=help_text)
    else:
        first.metric(f"RMSE, ± {error:.2f} SD", f"{rmse:.2f}", help=TABLE_DEFINITIONS["RMSE"])
    shift = found.shift[entry].item()
    moved = "not known" if math.isnan(shift) else f"{shift:+z.2f} SD"
    second.metric("Mean moves by", moved, help="Mean of this column's imputed values.")
    third.metric(
        "ESS",
        f"{found.ess.median().item():.0f}",
        help=f"Median over rows. {glossary.explain('ESS')}",
    )
    fourth.metric(f"Rows with ESS below {sensitivity.FEW}", percent(found.weak_fraction))
    if found.weak_fraction > DEGENERATE:
        st.warning(
            "The weights have degenerated: for most rows a few draws decide the answer. An "
            "assumption this strong needs a model that was trained under it, such as not-MIWAE.",
            icon=":material/warning:",
        )


def _basis(data: MaskedTable, models: available_models.Models) -> sensitivity.Basis:
    """MIWAE's weighted draws for some rows, computed once per training."""
    cached = st.session_state.get("assume basis")
    if cached is None or cached[0] is not models["MIWAE"]:
        columns = data.table.known.x.shape[1]
        rows = max(10, min(ROWS, MAX_VALUES // (SAMPLES * columns)))
        basis = sensitivity.prepare(models["MIWAE"], data.problem, rows, SAMPLES)
        cached = (models["MIWAE"], basis)
        st.session_state["assume basis"] = cached
    return cached[1]
