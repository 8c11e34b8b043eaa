"""The view All methods: many methods compared on one image and one mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import DEFINITIONS
from ui import formulas, jobs
from ui.components.method_grid import grid_message, method_grid
from ui.download_button import download_button
from ui.inpainting import (
    comparison_downloads,
    comparison_run,
    inputs,
    player_data,
    shipped,
)
from ui.inpainting.comparison_run import Progress
from ui.links import InLink
from ui.run_panel import RunPanel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.studies.inpainting.comparison import Config


WORKER = "comparison"
"""Name of the worker of the session; also of the progress in the session state."""


class ComparisonPanel(RunPanel):
    """The run of a comparison; the session state holds its progress.

    Args:
        config: the comparison; None if there is nothing to run.
        known: a progress with the outcomes known so far.
        options: as of `RunPanel`.
    """

    def __init__(self, config: Config | None, known: Progress | None, **options: Any) -> None:
        self._known = self._progress = known
        worker = jobs.worker(WORKER)
        if WORKER not in st.session_state:  # without its progress a run cannot be shown
            worker.close()
            worker.run = None
        super().__init__(WORKER, config, lambda _: self._progress.work(), **options)

    def start(self) -> None:
        """Start the methods without an outcome; if all have one, start all again."""
        st.session_state[WORKER] = self._progress = self._known.restarted()
        super().start()


class AllMethods:
    """The grid of methods, their settings and their run.

    Args:
        problem: the image and its hidden pixels; None if there is nothing to fill in.
        settings: not used; the choice of methods is above their cards.
    """

    name = "All methods"
    picture = True
    about = (
        "**Look first** at the means: where do the methods differ? **Then** look at the draws and "
        "the uncertainty: is a method uncertain where the methods differ? **Last**, if the "
        "original is known, look at the error maps and the table: bold scores are the best, or "
        "tie with the best."
    )
    settings: ClassVar[tuple[InLink, ...]] = ()

    def __init__(self, problem: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.origin = None if problem is None else problem.picture.origin
        self.config = inputs.comparison_config(problem)
        self.progress = self._progress()

    def _progress(self) -> Progress | None:
        """The progress of the current run; else a new one with the outcomes known so far."""
        if self.config is None:
            return None
        before = st.session_state.get("comparison")
        if before is not None and before.config == self.config:
            return before
        sources = [source for source in (shipped.st_comparison(), before) if source is not None]
        return comparison_run.resumed(self.config, *sources)

    @property
    def available(self) -> bool:
        """Whether the result can be shown without a run."""
        return self.progress is not None and self.progress.complete

    def load(self) -> None:
        """Nothing: each method loads its own model."""

    def panel(self, **options: Any) -> RunPanel:
        """The run with the settings on screen."""
        panel = ComparisonPanel(self.config, self.progress, **options)
        if panel.run is not None:
            self.progress = st.session_state.comparison
        return panel

    def run_progress(self, run: jobs.Run) -> None:
        """None: the cards show the progress of each method."""

    def show(self) -> None:
        """Show the outcomes that are known without a run."""
        if self.progress.started:
            self._grid("shown", "finished" if self.available else "stopped")
        if self.available and "comparison" not in st.session_state:
            st.caption(
                "Shipped result; its times were measured on another machine. Press Run to compute "
                "it here."
            )

    def follow(self, run: jobs.Run) -> None:
        """Show the progress of the methods, and stop those that the visitor stops."""
        state = "stopped" if run.state == "timed out" else run.state
        self._grid(run.name, state)

    def _grid(self, run: str, state: str) -> None:
        message = grid_message(
            run=run,
            config=self.config,
            outcomes=self.progress.outcomes(),
            state=state,
            definitions=DEFINITIONS,
            original_title=self.origin.title,
            original_note=self.origin.note,
            scored=self.origin.scored,
        )
        request = method_grid("grid", message)
        if request is not None:
            self.progress.control.stop(request.method)

    def below(self, panel: RunPanel) -> None:
        """Show downloads and calibration of the outcomes, and the formulas."""
        if self.progress is not None and not panel.live and self.progress.started:
            self._downloads()
            if self.origin.scored:
                self._calibration()
            self._bound()
        with st.expander("Formulas"):
            formulas.all_methods()

    def _downloads(self) -> None:
        config, scored = self.config, self.origin.scored
        outcomes = self.progress.outcomes()
        reached = tuple((each.method, each.state, each.seconds) for each in outcomes)
        once = (config, scored, reached)
        if not scored:
            outcomes = [each._replace(scores={}) for each in outcomes]
        with st.container(horizontal=True):
            download_button(
                "Table (.csv)",
                lambda: comparison_downloads.as_csv(outcomes, DEFINITIONS),
                "comparison.csv",
                "text/csv",
                once=once,
            )
            download_button(
                "Images and arrays (.zip)",
                lambda: comparison_downloads.as_zip(config, outcomes, scored=scored),
                "comparison.zip",
                "application/zip",
                once=once,
            )

    def _calibration(self) -> None:
        # Plotly takes megabytes in the browser, so the chart is made only when it is opened.
        with st.expander("Calibration", on_change="rerun", key="calibration") as panel:
            if not panel.open:
                return
            known = [each for each in self.progress.outcomes() if each.calibration is not None]
            if not known:
                st.caption("None of these methods states its uncertainty.")
                return
            st.markdown(player_data.CALIBRATION[known[0].calibration.kind])
            _chart("calibration_chart", player_data.calibration(known, dark=_dark()))

    def _bound(self) -> None:
        known = [each for each in self.progress.outcomes() if each.curves]
        if not known:
            return
        with st.expander(
            "Bound of MIWAE by number of samples", on_change="rerun", key="bound"
        ) as panel:
            if not panel.open:
                return
            st.markdown(
                "The average bound on log p(x_obs) from K importance samples. **It rises to log "
                "p(x_obs)** as K grows. If it still rises at the end, more samples would also "
                "change the image."
            )
            _chart("bound_chart", player_data.curves(known, dark=_dark()))


def _dark() -> bool:
    return st.context.theme.type == "dark"


def _chart(key: str, figure: Figure) -> None:
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})
