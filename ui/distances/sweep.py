"""The view "Sweep": distances over θ, estimated by critics after more and more training steps."""

from __future__ import annotations

from typing import ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.checkout import ASSETS
from dgm_core.distances.divergences import DIVERGENCES as FORMULAS
from dgm_core.studies.distances import critics, sweeps
from dgm_core.studies.distances.sweeps import Sweep
from ui import figures, jobs
from ui.distances import charts
from ui.distribution_choice import DIVERGENCES, choose, pair
from ui.links import InLink, Setting
from ui.run_panel import RunPanel

FILE = ASSETS / "distances.npz"

STEP_OPTIONS = (100, 200, 500, 1000)
"""Training steps of a critic."""
PAIR = pair("sweep")
DISTANCES = Setting(
    "sweep distances", ["wasserstein", "hellinger"], options=DIVERGENCES, several=3
)
STEPS = Setting("sweep steps", 500, options=STEP_OPTIONS)
PENALTY = Setting("sweep penalty", 50.0, options=(1.0, 5.0, 10.0, 50.0, 200.0))
SEED = Setting("sweep seed", 0, low=0, high=9999)


@st.cache_resource(show_spinner=False)
def st_shipped() -> dict[tuple[str, str], Sweep]:
    """The shipped sweeps, by pair and divergence."""
    return sweeps.load(FILE)


class Sweeps:
    """Up to three distances over θ, side by side.

    Args:
        controls: container for the choice of distributions and distances.
    """

    name = "Sweep"
    about = (
        "The distance between two distributions while one of them moves away by θ. **First** "
        "look at the true value. On the segments, Wasserstein grows in proportion to θ, so a "
        "generator can follow its slope. Hellinger jumps and is flat, so its slope does not show "
        "the direction. **Then** reduce the training steps: how do the estimates of critics with "
        "little training differ? **Last** choose other pairs, which overlap."
    )
    settings: ClassVar[tuple[InLink, ...]] = (PAIR, DISTANCES, STEPS, PENALTY, SEED)

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls, st.container(border=True):
            distributions = choose("sweep", PAIR)
            distances = DISTANCES.widget(st.multiselect, "Distances", max_selections=3)
            with st.expander("Training"):
                steps = STEPS.widget(st.select_slider, "Steps")
                penalty = PENALTY.widget(
                    st.select_slider,
                    "Penalty λ",
                    help="Weight of the penalty on slopes above 1, for Wasserstein. On the "
                    "segments the slope converges to 1 + θ / 2λ.",
                )
                seed = SEED.widget(st.number_input, "Seed")
            self.configs = ()
            if distributions is not None:
                self.configs = tuple(
                    critics.Config(
                        distributions.pair,
                        name,
                        drawn=distributions.drawn,
                        steps=steps,
                        penalty=penalty,
                        seed=seed,
                    )
                    for name in distances
                )
            self.shipped = self._shipped()
            self.panel = RunPanel(
                "distance sweeps",
                self.configs or None,
                sweeps.run,
                action="Train",
                automatic=self.shipped is None,
            )
            self.panel.buttons()

    def _shipped(self) -> list[Sweep] | None:
        """The shipped sweeps with these settings, if all of them are shipped."""
        found = []
        for config in self.configs:
            sweep = st_shipped().get((config.pair, config.divergence))
            if sweep is None or sweep.config != sweeps.fingerprint(config):
                return None
            found.append(sweep)
        return found

    def show(self) -> None:
        """Draw the curves."""
        if not self.configs:
            st.info("Choose two distributions and at least one distance.")
            return
        self.panel.show(_trained, without=self._show_shipped)

    def _show_shipped(self) -> None:
        if self.shipped is not None:
            _curves(self.shipped, "Shipped with the app; computed with these settings.")


def _trained(run: jobs.Run) -> None:
    found = [item for item in run.items if isinstance(item, Sweep)]
    if run.live:
        st.caption("One critic per value of θ, 21 per distance, trained at the same time.")
    elif found:
        _curves(found)


def _curves(found: list[Sweep], caption: str = "") -> None:
    @st.fragment
    def curves() -> None:
        steps = [int(each) for each in found[0].steps]
        index = st.select_slider(
            "Training steps",
            range(len(steps)),
            len(steps) - 1,
            format_func=lambda i: f"{steps[i]:,}",
            key=f"sweep at {steps[-1]}",
        )
        if caption:
            st.caption(caption)
        for sweep, column in zip(found, st.columns(len(found), gap="large"), strict=True):
            with column:
                title = DIVERGENCES[sweep.divergence]
                figures.show(f"sweep {sweep.divergence}", charts.sweep(sweep, index), title)
                st.latex(FORMULAS[sweep.divergence].formula)

    curves()
