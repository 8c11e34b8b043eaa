"""The view Identify: several trainings that have to learn which values go missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.mnar import identify
from ui import figures, glossary, jobs
from ui.links import InLink, Setting
from ui.mnar import charts, shipped
from ui.mnar.masked_table import MaskedTable
from ui.mnar.restart_results import RestartResults, restart_results_of
from ui.mnar.shown_columns import choose_column
from ui.mnar.workers import IDENTIFY, WORKERS
from ui.run_panel import Progress, RunPanel

STEPS = {"Short": 300, "Normal": 800}
LENGTH = Setting("restarts length", "Normal", options=tuple(STEPS))
SEED = Setting("restarts seed", 0, low=0, high=9999)


class Identify:
    """Five trainings of self-masking with unknown signs.

    Args:
        data: table and mechanism.
        settings: container of the settings.
    """

    name = "Identify"
    settings: ClassVar[tuple[InLink, ...]] = (LENGTH, SEED)
    about = (
        "Five trainings of not-MIWAE on the same rows. They must learn whether high or low values "
        "go missing; each starts from a different guess. **Look first** at their curves: do they "
        "agree? **Then** look at the bounds: is one clearly the highest? A mechanism that fits "
        "well need not be the true one."
    )
    about_errors = (
        " **Last**, look at the errors: you can check the mechanism only here, where you removed "
        "the values yourself."
    )

    def __init__(self, data: MaskedTable, settings: DeltaGenerator) -> None:
        self.data = data
        if data.problem.hidden.any():
            self.about = Identify.about + self.about_errors
        with settings:
            with st.expander("Training"):
                lengths = ", ".join(f"{name}: {steps} steps" for name, steps in STEPS.items())
                length = LENGTH.widget(st.segmented_control, "Length", required=True, help=lengths)
                seed = SEED.widget(st.number_input, "Seed")
            self.config = identify.Config(
                data.table.name, data.plan, steps=STEPS[length], seed=seed
            )
            self.panel = RunPanel(IDENTIFY, self.config, self._run, action="Train", stops=WORKERS)
            self.panel.buttons()

    def _run(self, config: identify.Config) -> Iterator[object]:
        return identify.steps(config, self.data.table.known, self.data.table.columns)

    def show(self) -> None:
        """Choice of the column, the trainings, and an explanation."""
        self.entry = self.data.shown_entries[choose_column("restarts column", self.data.names)]
        trainings = st.container()
        _explanation()
        with trainings:
            self.panel.show(
                self._results, without=self._without_run, progress=_progress, seconds=1.2
            )

    def _without_run(self) -> None:
        """The shipped run if its settings are chosen."""
        found = shipped.st_restarts()
        if found.config == self.config:
            self._figures(found.results)
            st.caption("These models were trained beforehand with these settings.")
        else:
            st.caption("Press Train: the five trainings together take about half a minute.")

    def _results(self, run: jobs.Run) -> None:
        self._figures(restart_results_of(list(run.items)))

    def _figures(self, results: RestartResults) -> None:
        if results.verdict is not None:
            names = [self.data.table.entries[d] for d in self.data.problem.masked.losing]
            box = st.success if results.verdict.agree else st.warning
            box(identify.sentence(results.verdict, names), icon=":material/balance:")
        true = self.data.true_curve(self.entry)
        curves = results.curves[:, self.data.curve_index(self.entry)]
        best = max(range(len(results.bounds)), key=lambda r: results.bounds[r])
        for number, column in enumerate(st.columns(len(results.bounds))):
            with column:
                figure = charts.restart(true, curves[number], number == best)
                title = f"Training {number + 1}" + (", best bound" if number == best else "")
                figures.show(f"restart {number}", figure, title)
                error = f" ± {results.errors[number]:.2f}" if results.errors is not None else ""
                bound = f"{results.bounds[number]:.2f}".replace("-", "−")
                text = f"bound {bound}{error} nats"
                if math.isfinite(results.rmse[number]):
                    text += f"  \nRMSE {results.rmse[number]:.2f} SD"
                glossary.caption(text)


def _progress(run: jobs.Run) -> Progress:
    results = restart_results_of(list(run.items))
    return Progress(results.done, f"Five trainings, step {results.step:,}")


def _explanation() -> None:
    """Why the data may not decide."""
    with st.expander("Why incomplete data may not decide"):
        st.markdown(
            "The bound measures how well a model explains *the observed values and which "
            "cells are missing*. Take a normal column that lost its high values, by "
            "self-masking of strength W. There is an exact twin: a normal distribution of the "
            "same width σ, with its mean lower by W σ², that lost its low values. Both give "
            "the same observed values; the twin exists only at one missing rate. The other "
            "columns may distinguish the two, because they predict the missing values, or they "
            "may not. Then only knowledge about the data can decide: in which direction a "
            "sensor fails, or who leaves a question unanswered."
        )
