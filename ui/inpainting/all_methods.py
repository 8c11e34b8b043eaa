"""The view that compares many methods on one picture and one mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import DEFINITIONS
from ui import formulas, jobs
from ui.components.method_grid import grid_message, method_grid
from ui.inpainting import (
    comparison_downloads,
    comparison_run,
    inputs,
    methods,
    player_data,
    shipped,
)
from ui.inpainting.comparison_run import Progress
from ui.links import Read

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


class AllMethods:
    """The grid of methods, their settings and their run.

    Args:
        asked: what is to be filled in; None for nothing.
        settings: where the settings would go that stand beside the picture: there are none, as
            the choice of methods stands above their cards.
    """

    work = "comparison"
    picture = True
    run_label = "Run"
    about = (
        "**Look first** at the means and the error maps: which method has understood the picture? "
        "**Then** at the draws and the deviations: does it know what it does not know? **Last** "
        "at the table: a difference smaller than its ± is none."
    )
    fields: ClassVar[dict[str, Read]] = {}

    def __init__(self, asked: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.worker = jobs.worker(self.work)
        if "comparison" not in st.session_state:  # a run whose progress is lost shows nothing
            self.worker.stop()
            self.worker.run = None
        self.config = inputs.comparing(asked)
        self.progress = self._progress()

    def _progress(self) -> Progress | None:
        """That of the run on screen; else a new one with what is known from before."""
        if self.config is None:
            return None
        before = st.session_state.get("comparison")
        if before is not None and before.config == self.config:
            return before
        sources = [source for source in (shipped.st_comparison(), before) if source is not None]
        return comparison_run.resumed(self.config, *sources)

    @property
    def at_hand(self) -> bool:
        """Can it be shown without a run?"""
        return self.progress is not None and self.progress.complete

    def start(self) -> None:
        """Run what is missing in the background; everything anew if nothing is."""
        ended = self.progress.ended_for(self.config)
        progress = Progress(self.config, ended)
        if progress.complete:
            progress = Progress(self.config, {})
        st.session_state.comparison = self.progress = progress
        self.worker.start(self.config, progress.work)

    def show(self) -> None:
        """What is at hand without a run, be it only a part."""
        if self.progress.begun:
            self._grid("shown", "finished" if self.at_hand else "stopped")
        if self.at_hand and "comparison" not in st.session_state:
            st.caption(
                "Computed beforehand; its seconds are of another machine. Run computes it here."
            )

    def follow(self, run: jobs.Run) -> None:
        """Show where the methods stand, and stop those that the visitor stops."""
        state = "stopped" if run.state == "timed out" else run.state
        self._grid(run.name, state)

    def _grid(self, run: str, state: str) -> None:
        message = grid_message(
            run=run,
            config=self.config,
            outcomes=self.progress.outcomes(),
            state=state,
            titles=methods.TITLES,
            definitions=DEFINITIONS,
        )
        request = method_grid("grid", message)
        if request is not None:
            self.progress.control.stop(request.method)

    def below(self, *, live: bool) -> None:
        """Calibration and downloads of what has ended; and the formulas."""
        if self.progress is not None and not live and self.progress.begun:
            self._downloads()
            self._calibration()
            self._bound()
        with st.expander("Formulas"):
            formulas.all_methods()

    def _downloads(self) -> None:
        config, outcomes = self.config, self.progress.outcomes()
        with st.container(horizontal=True):
            st.download_button(
                "Table (.csv)",
                lambda: comparison_downloads.as_csv(outcomes, DEFINITIONS),
                "comparison.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
            st.download_button(
                "Pictures and arrays (.zip)",
                lambda: comparison_downloads.as_zip(config, outcomes),
                "comparison.zip",
                "application/zip",
                icon=":material/download:",
                on_click="ignore",
            )

    def _calibration(self) -> None:
        # Plotly is megabytes for the browser: only for those who look.
        with st.expander("Calibration", on_change="rerun", key="calibration") as panel:
            if not panel.open:
                return
            known = [each for each in self.progress.outcomes() if each.calibration is not None]
            if not known:
                st.caption("None of these methods says how sure it is.")
                return
            st.markdown(player_data.CALIBRATION[known[0].calibration.kind])
            _chart(
                "calibration_chart", player_data.calibration(known, methods.TITLES, dark=_dark())
            )

    def _bound(self) -> None:
        known = [each for each in self.progress.outcomes() if each.curves]
        if not known:
            return
        with st.expander("MIWAE's bound, by samples", on_change="rerun", key="bound") as panel:
            if not panel.open:
                return
            st.markdown(
                "The bound on log p(x_obs) that K importance samples give, on average: **it rises "
                "to log p(x_obs)** as K grows. Where it still climbs at the end, more samples "
                "would change the picture too."
            )
            _chart("bound_chart", player_data.curves(known, dark=_dark()))


def _dark() -> bool:
    return st.context.theme.type == "dark"


def _chart(key: str, figure: Figure) -> None:
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})
