"""The view Watch: MIWAE trains, and not-MIWAE beside it if a mechanism is assumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import TABLE_DEFINITIONS
from dgm_core.studies.mnar import side_by_side
from ui import bound_curves, figures, formulas, glossary, jobs
from ui.frame import kept, last_value
from ui.links import InLink, Setting
from ui.mnar import charts, downloads, mechanism, shipped, simple_methods
from ui.mnar.masked_table import MaskedTable
from ui.mnar.run_results import RunResults, compared, results_of, scores
from ui.mnar.shown_columns import choose_column
from ui.mnar.workers import WATCH, WORKERS
from ui.percent import percent
from ui.run_panel import Progress, RunPanel

NOTHING_ASSUMED = (
    "MIWAE completes this table. It assumes that whether a cell is missing depends only on "
    "observed values. If you know better, choose under **Models and training** what missingness "
    "depends on: not-MIWAE is then trained under your assumption."
)
UNSCORED = (
    "The true values of the missing cells are not known, so no imputation has an error here."
)
SCORE_IT = (
    " To score the models on this table, let the page remove more cells: change **What decides "
    "whether a value goes missing?**"
)
BOTH = "; MIWAE's includes the mask at constant missing rates"
STEPS = {"Short": 75, "Normal": 200, "Long": 800}
DECODER = Setting(
    "decoder",
    next(iter(side_by_side.DECODERS)),
    options={
        name: "linear and nonlinear" if name == "linear and bent" else name
        for name in side_by_side.DECODERS
    },
)
LENGTH = Setting("length", "Normal", options=tuple(STEPS))
DRAWS = Setting("draws", 10, options=(1, 5, 10, 20, 50), link="k")
SEED = Setting("training seed", 0, low=0, high=9999, link="training")


class Watch:
    """The trainings, drawn while they run.

    Args:
        data: table and mechanism.
        settings: container of the settings.
    """

    name = "Watch"
    settings: ClassVar[tuple[InLink, ...]] = (
        mechanism.ASSUMED,
        DECODER,
        LENGTH,
        DRAWS,
        SEED,
    )
    about = (
        "MIWAE assumes that whether a value is missing depends only on what is observed. If the "
        "value itself decides, its imputations are biased; not-MIWAE learns *why* values are "
        "missing."
    )

    def __init__(self, data: MaskedTable, settings: DeltaGenerator) -> None:
        self.data = data
        with settings:
            self.config = self._config()
            self.about = _about(data, assumed=self.config.assumed is not None)
            self.panel = RunPanel(WATCH, self.config, self._run, action="Train", stops=WORKERS)
            self.panel.buttons()
        self.shipped = self.config == shipped.st_run().config

    def _config(self) -> side_by_side.Config:
        plan = self.data.plan
        with st.expander("Models and training"):
            assumed, direction = mechanism.choose_assumption(self.data.table, plan)
            decoder = DECODER.widget(st.selectbox, "Decoder")
            lengths = ", ".join(f"{name}: {steps} steps" for name, steps in STEPS.items())
            length = LENGTH.widget(st.segmented_control, "Training", required=True, help=lengths)
            left, right = st.columns(2)
            draws = DRAWS.widget(
                left.select_slider,
                "Samples K",
                help="Importance samples per row for the bound during training.",
            )
            seed = SEED.widget(right.number_input, "Training seed")
        steps = STEPS[length]
        name = self.data.table.name
        return side_by_side.Config(
            name, plan, assumed, direction, decoder, steps, draws=draws, seed=seed
        )

    def _run(self, config: side_by_side.Config) -> Iterator[object]:
        table = self.data.table
        return side_by_side.steps(config, table.known, table.columns, simple_methods.budget(table))

    def show(self) -> None:
        """Choice of the column, what is missing, the trainings, downloads and formulas."""
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        with left:
            self.entry = self.data.shown_entries[choose_column("shown column", self.data.names)]
        if self.data.problem.hidden.any():
            right.segmented_control(
                "Hidden values as",
                ["scatter", "spread"],
                required=True,
                key=kept("scatter", "scatter"),
            )
        self._removed()
        trainings = st.container()
        self._below()
        with trainings:
            self.panel.show(
                self._results, without=self._without_run, progress=_progress, seconds=1.2
            )

    def _results(self, run: jobs.Run) -> None:
        self._figures(results_of(list(run.items)))

    def _without_run(self) -> None:
        """The shipped run if its settings are chosen, else the figures without a training."""
        self._figures(shipped.st_run().results if self.shipped else RunResults())
        if self.shipped:
            st.caption(
                "These models were trained beforehand with these settings. Press Train to repeat "
                "the training here."
            )
        elif self.config.assumed is None:
            st.caption("Press Train: MIWAE is trained and then completes the table.")
        else:
            st.caption("Press Train: both models train side by side and are scored on the way.")

    def _removed(self) -> None:
        """Which values are missing: figures that do not change during training."""
        data, entry = self.data, self.entry
        observed = data.problem.masked.observed
        left, right = st.columns(2)
        with left:
            known = data.table.known.observed
            figure = charts.missing_cells(observed.numpy(), known.numpy(), data.table.entries)
            figures.show(
                "chart missing", figure, f"Missing: {percent(data.missing_rate)} of the cells"
            )
        with right:
            values = data.table.known.x[:, entry].numpy()
            kept_rows = observed[:, entry].numpy()
            hidden_rows = data.problem.hidden[:, entry].numpy()
            figure = charts.observed_and_hidden(
                values[kept_rows], values[hidden_rows], data.table.units(entry)
            )
            figures.show("chart split", figure, data.table.entries[entry])

    def _figures(self, results: RunResults) -> None:
        """Learned curve, errors, hidden values and bounds: figures that follow the training."""
        left, right = st.columns(2)
        with left:
            if self.config.assumed is None:
                st.caption(NOTHING_ASSUMED)
            else:
                self._curve(results)
        if not results.steps:
            return
        if not results.scored:
            with right:
                self._bounds(results)
            st.caption(UNSCORED + (SCORE_IT if self.data.table.numeric else ""))
        else:
            with right:
                figures.show("chart errors", charts.errors(results), "Error on the hidden cells")
            left, right = st.columns(2)
            with left:
                self._scatter(results)
            with right:
                self._bounds(results)
        if rows := scores(results, self.data.constant_rates):
            _table(rows)
            simple_methods.explain(self.data.table, results.missed)

    def _bounds(self, results: RunResults) -> None:
        constant = self.data.constant_rates
        bounded, added = compared(results.trained, constant)
        title = f"Bound on {bounded}, higher is better"
        figures.show("chart bounds", charts.bounds(results, constant), title)
        if any(added.values()):
            glossary.caption(
                f"MIWAE bounds {bound_curves.X_OBS}. Here the log-probability of the mask s is "
                f"added, with one constant missing rate per column: −{abs(constant):.2f} nats per "
                "row. So both curves bound the same."
            )

    def _curve(self, results: RunResults) -> None:
        curves = results.histories["not-MIWAE"].curves
        learned = None if curves is None else curves[self.data.curve_index(self.entry)]
        true = self.data.true_curve(self.entry)
        observed = self.data.observed_values(self.entry)
        figure = charts.missingness(
            true, learned, observed, "learned", self.data.table.units(self.entry)
        )
        shown = charts.curves_shown(true, learned, "learned")
        figures.show("chart curve", figure, f"P(missing | value){shown}")

    def _scatter(self, results: RunResults) -> None:
        rows = side_by_side.watched_rows(self.data.problem)
        true_values = self.data.table.known.x[rows][self.data.problem.hidden[rows]].numpy()
        guesses = {
            name: history.guess
            for name, history in results.histories.items()
            if history.guess is not None
        }
        if not len(true_values):
            return
        if last_value("scatter", "scatter") == "spread":
            figures.show("chart spread", charts.densities(true_values, guesses), "Hidden values")
        else:
            figures.show(
                "chart scatter", charts.against_true_values(true_values, guesses), "Hidden values"
            )

    def _below(self) -> None:
        """Downloads of a complete run; formulas."""
        items = [] if self.panel.run is None else list(self.panel.run.items)
        if items and isinstance(items[-1], side_by_side.Result) and not self.panel.live:
            downloads.offer(
                self.data, self.config, items[-1], results_of(items), self.panel.run.name
            )
        with st.expander("Formulas"):
            formulas.not_miwae()


def _progress(run: jobs.Run) -> Progress:
    results = results_of(list(run.items))
    return Progress(results.done, _progress_text(results))


def _progress_text(results: RunResults) -> str:
    if results.done >= 1:
        return "Imputing with many samples, then one more simple method …"
    if not results.steps:
        return "Running simple methods first …"
    return f"Training, step {results.steps[-1]:,}"


def _about(data: MaskedTable, *, assumed: bool) -> str:
    """What to look at, in the figures that this table and these settings have."""
    parts = []
    if data.problem.hidden.any():
        parts.append("at the error, which is on the cells that you removed.")
    if assumed and data.problem.process is not None:
        parts.append("at the learned curve: is it close to the dashed one?")
    elif assumed:
        parts.append("at the learned curve. The true one is not known, so it cannot be checked.")
    if data.problem.hidden.any():
        parts.append(
            "at the scatter: hidden values that are all imputed too low, or too high, are a bias "
            "that the intervals miss."
        )
    starts = ("**Look first**", "**Then** look", "**Last**, look")
    return " ".join([Watch.about, *map(" ".join, zip(starts, parts, strict=False))])


def _table(rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows)
    names = frame["method"].tolist()
    bounded, added = compared(names, 1.0)
    if "90 % coverage" in frame:
        frame["90 % coverage"] *= 100
    if "RMSE" in frame:
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
            "90 % coverage": number(format="%.1f %%", help=TABLE_DEFINITIONS["90 % coverage"]),
            "bound": number(
                format="%.2f",
                help=f"L_K on {bounded} per row, with many samples"
                f"{BOTH if any(added.values()) else ''}. {glossary.explain('nats')}",
            ),
            "ESS": number(
                format="%.0f",
                help=f"Median over rows. {glossary.explain('ESS')}",
            ),
        },
    )
