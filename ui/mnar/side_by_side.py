"""The view Watch: MIWAE and not-MIWAE train side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import TABLE_DEFINITIONS
from dgm_core.studies.mnar import side_by_side
from ui import figures, formulas, jobs
from ui.frame import kept
from ui.mnar import charts, downloads, shipped
from ui.mnar.masked_table import MaskedTable
from ui.mnar.run_results import RunResults, results_of
from ui.mnar.shown_columns import choose_column

STEPS = {"Short": 75, "Normal": 200, "Long": 800}


class Watch:
    """Both trainings, drawn while they run.

    Args:
        data: table and mechanism.
        settings: container of the settings.
    """

    name = "Watch"
    work = "mnar watch"
    about = (
        "**Look first** at the error. MIWAE assumes that whether a value is missing depends only "
        "on what is observed. If the value itself decides, its imputations are biased; not-MIWAE "
        "learns *why* values are missing. **Then** look at the learned curve: is it close to the "
        "dashed one? **Last**, look at the scatter: hidden values that are all imputed too low, "
        "or too high, are a bias that the intervals miss."
    )
    action = "Train"
    automatic = False

    def __init__(self, data: MaskedTable, settings: DeltaGenerator) -> None:
        self.data = data
        self.worker = jobs.worker(self.work)
        with settings:
            self.config = self._config()

    def _config(self) -> side_by_side.Config:
        plan = self.data.plan
        with st.expander("Models and training"):
            kept("assumed", next(iter(side_by_side.ASSUMPTIONS)))
            assumed = st.selectbox(
                "not-MIWAE assumes that missingness depends on",
                list(side_by_side.ASSUMPTIONS),
                key="keep.assumed",
                help="A known direction is the easiest case. An unknown direction may not be "
                "identifiable.",
            )
            direction = "high" if plan is None else plan.direction
            if plan is None:
                kept("assumed direction", "high")
                direction = st.segmented_control(
                    "Which values are assumed to go missing",
                    ["high", "low"],
                    required=True,
                    key="keep.assumed direction",
                )
            kept("decoder", next(iter(side_by_side.DECODERS)))
            decoder = st.selectbox("Decoder", list(side_by_side.DECODERS), key="keep.decoder")
            kept("length", "Normal")
            length = st.segmented_control(
                "Training",
                list(STEPS),
                required=True,
                key="keep.length",
                help=", ".join(f"{name}: {steps} steps" for name, steps in STEPS.items()),
            )
            left, right = st.columns(2)
            kept("draws", 10)
            draws = left.select_slider(
                "Samples K",
                [1, 5, 10, 20, 50],
                key="keep.draws",
                help="Importance samples per row for the bound during training.",
            )
            kept("training seed", 0)
            seed = right.number_input("Training seed", 0, 9999, key="keep.training seed")
        return side_by_side.Config(
            self.data.table.name,
            plan,
            assumed,
            direction,
            decoder,
            STEPS[length],
            draws=draws,
            seed=int(seed),
        )

    @property
    def available(self) -> bool:
        """Do the chosen settings match the shipped run?"""
        return self.config == shipped.st_run().config

    def start(self) -> None:
        """Train in the background; replaces the current run."""
        config, known, columns = self.config, self.data.table.known, self.data.table.columns
        self.worker.start(config, lambda: side_by_side.run(config, known, columns))

    def show(self) -> None:
        """The shipped run if its settings are chosen, else the figures without a training."""
        self._figures(shipped.st_run().results if self.available else RunResults())
        if self.available:
            st.caption(
                "These models were trained beforehand with these settings. Press Train to repeat "
                "the training here."
            )
        else:
            st.caption("Press Train: both models train side by side and are scored on the way.")

    def follow(self, run: jobs.Run) -> None:
        """The results so far."""
        results = results_of(list(run.items))
        # The container is always there, so that the figures do not move when the bar disappears.
        with st.container():
            if run.live:
                st.progress(min(results.done, 1.0), _progress_text(results))
        self._figures(results)

    def _removed(self) -> None:
        """Which values are missing: figures that do not change during training."""
        data, entry = self.data, self.entry
        observed = data.problem.masked.observed
        left, right = st.columns(2)
        with left:
            known = data.table.known.observed
            figure = charts.missing_cells(observed.numpy(), known.numpy(), data.table.entries)
            figures.show("chart holes", figure, f"Missing: {data.missing_rate:.0%} of the cells")
        with right:
            values = data.table.known.x[:, entry].numpy()
            kept_rows = observed[:, entry].numpy()
            hidden_rows = data.problem.hidden[:, entry].numpy()
            figure = charts.observed_and_hidden(values[kept_rows], values[hidden_rows])
            figures.show("chart split", figure, data.table.entries[entry])

    def _figures(self, results: RunResults) -> None:
        """Learned curve, errors, hidden values and bounds: figures that follow the training."""
        left, right = st.columns(2)
        with left:
            curves = results.histories["not-MIWAE"].curves
            learned = None if curves is None else curves[self.data.curve_index(self.entry)]
            true = self.data.true_curve(self.entry)
            observed = self.data.observed_values(self.entry)
            figure = charts.missingness(true, learned, observed, "learned")
            figures.show("chart curve", figure, "P(missing | value): true and learned")
        if not results.steps:
            return
        with right:
            figures.show("chart errors", charts.errors(results), "Error on the hidden cells")
        left, right = st.columns(2)
        with left:
            self._scatter(results)
        with right:
            figures.show("chart bounds", charts.bounds(results), "Bound (higher is better)")
        if results.answers or results.baselines:
            _table(results)

    def _scatter(self, results: RunResults) -> None:
        rows = side_by_side.watched_rows(self.data.problem)
        truth = self.data.table.known.x[rows][self.data.problem.hidden[rows]].numpy()
        guesses = {
            name: history.guess
            for name, history in results.histories.items()
            if history.guess is not None
        }
        if not len(truth):
            return
        if st.session_state.get("keep.scatter") == "spread":
            figures.show("chart spread", charts.densities(truth, guesses), "Hidden values")
        else:
            figures.show("chart scatter", charts.against_truth(truth, guesses), "Hidden values")

    def above(self) -> None:
        """The choice of the column, and of the figure for hidden values."""
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        with left:
            self.entry = self.data.shown_entries[choose_column("shown column", self.data.names)]
        with right:
            kept("scatter", "scatter")
            st.segmented_control(
                "Hidden values as", ["scatter", "spread"], required=True, key="keep.scatter"
            )
        self._removed()

    def below(self, *, live: bool) -> None:
        """Downloads; formulas."""
        result = self.result
        if result is not None and not live:
            downloads.offer(self.data, self.config, result, self.results)
        with st.expander("Formulas"):
            formulas.not_miwae()

    @property
    def results(self) -> RunResults:
        """What the run on screen has yielded."""
        run = self.worker.run
        if run is not None and run.key == self.config:
            return results_of(list(run.items))
        return shipped.st_run().results if self.available else RunResults()

    @property
    def result(self) -> side_by_side.Result | None:
        """The trained models and their imputations once the run is complete, else None."""
        run = self.worker.run
        if run is not None and run.key == self.config and run.items:
            last = run.items[-1]
            return last if isinstance(last, side_by_side.Result) else None
        return None


def _progress_text(results: RunResults) -> str:
    if results.done >= 1:
        return "Imputing with many samples, then one more simple method …"
    if not results.steps:
        return "Running simple methods first …"
    return f"Training, step {results.steps[-1]:,}"


def _table(results: RunResults) -> None:
    rows = [{"method": name, **numbers} for name, numbers in results.answers.items()]
    if not rows:
        rows = [
            {"method": name, "RMSE": history.rmse[-1]}
            for name, history in results.histories.items()
            if history.rmse
        ]
    rows += [
        {"method": name, "RMSE": value, "±": error}
        for name, (value, error) in results.baselines.items()
    ]
    frame = pd.DataFrame(rows)
    if frame["RMSE"].notna().any():
        frame = frame.sort_values("RMSE", ignore_index=True)
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        column_config={
            "method": st.column_config.TextColumn("method", width="medium"),
            "RMSE": number(format="%.3f", help=TABLE_DEFINITIONS["RMSE"]),
            "±": number(format="%.3f", help="Standard error over rows."),
            "MAE": number(format="%.3f", help=TABLE_DEFINITIONS["MAE"]),
            "90 % coverage": number(format="percent", help=TABLE_DEFINITIONS["90 % coverage"]),
            "bound": number(format="%.2f", help="L_K in nats per row, with many samples."),
            "ESS": number(
                format="%.0f",
                help="Effective sample size of the importance samples, median over rows.",
            ),
        },
    )
