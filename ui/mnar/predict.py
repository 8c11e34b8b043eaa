"""The view Predict: supervised MIWAE against impute-then-predict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.mnar import prediction, side_by_side
from ui import figures, jobs
from ui.links import InLink, Setting
from ui.mnar import charts, shipped, simple_methods
from ui.mnar.masked_table import MaskedTable
from ui.mnar.workers import PREDICT, WORKERS
from ui.percent import percent
from ui.run_panel import Progress, RunPanel

RUNS = Setting("prediction runs", 5, options=(2, 3, 5, 10))
SEED = Setting("prediction seed", 0, low=0, high=9999)
GAP = "gap to sup-not-MIWAE"
"""Column of the table of scores."""
ERROR = "Standard error over runs, corrected for the rows that their splits share."


class Predict:
    """Scores of several ways to predict, with error bars.

    Args:
        data: table and mechanism.
        settings: container of the settings.
    """

    name = "Predict"
    settings: ClassVar[tuple[InLink, ...]] = (RUNS, SEED)
    about = (
        "Seven ways to predict a target from rows with missing values, all with the same linear "
        "predictor. **Look first** at the oracle: what the same predictor reaches on the complete "
        "table. Other methods can beat it if missingness carries information about the target. "
        "**Then** compare learning to impute and to predict *together* with imputing first. "
        "**Last**, look at the error bars: two standard errors over runs. The table compares the "
        "methods run by run."
    )

    def __init__(self, data: MaskedTable, settings: DeltaGenerator) -> None:
        self.data = data
        target = data.table.target
        numeric = target is not None and pd.api.types.is_numeric_dtype(target)
        with settings:
            with st.expander("Runs"):
                runs = RUNS.widget(st.select_slider, "Splits")
                seed = SEED.widget(st.number_input, "Seed")
            self.config = prediction.Config(
                data.table.name,
                data.plan,
                task="regression" if numeric else "classification",
                assumed=side_by_side.UNKNOWN if data.plan is None else side_by_side.KNOWN,
                direction="high" if data.plan is None else data.plan.direction,
                runs=runs,
                seed=seed,
            )
            self.panel = RunPanel(
                PREDICT,
                None if target is None else self.config,
                self._run,
                action="Compare",
                stops=WORKERS,
            )
            self.panel.buttons()

    def _run(self, config: prediction.Config) -> Iterator[object]:
        table = self.data.table
        budget = simple_methods.budget(table)
        return prediction.steps(config, table.frame, table.target, budget)

    def show(self) -> None:
        """The target, the comparison, and formulas."""
        target = self.data.table.target
        if target is None:
            st.info("Choose a column to predict below the uploaded table.")
        else:
            kind = "a number" if self.config.task == "regression" else "a class"
            test = self.config.test_fraction
            st.caption(
                f"Target: {target.name}, {kind}. {percent(test)} of the rows are test rows."
            )
            if self.data.plan is None:
                st.caption(
                    "not-MIWAE and sup-not-MIWAE assume that a cell goes missing because of its "
                    "own value. They learn the direction. The data cannot verify this assumption."
                )
        comparison = st.container()
        _formulas()
        with comparison:
            self.panel.show(
                self._results, without=self._without_run, progress=_progress, seconds=1.2
            )

    def _without_run(self) -> None:
        """The shipped comparison if its settings are chosen."""
        found = shipped.st_prediction()
        if found.config == self.config:
            self._figures(found.result)
            st.caption("These results were computed beforehand with these settings.")
        elif self.data.table.target is not None:
            st.caption("Press Compare: four models are trained on every split.")

    def _results(self, run: jobs.Run) -> None:
        items = list(run.items)
        if isinstance(items[-1], prediction.Result):
            self._figures(items[-1])
        elif len(scores := _scores_of_complete_runs(items)) > 1:
            self._figures(prediction.result(self.config, scores), partial=True)
        missed = {
            each.name: each.reason for each in items if isinstance(each, prediction.NotComputed)
        }
        rows = int(self.data.table.target.notna().sum())
        simple_methods.explain(self.data.table, missed, rows)

    def _figures(self, found: prediction.Result, *, partial: bool = False) -> None:
        names = list(prediction.SCORES[found.task])
        for name, column in zip(names, st.columns(len(names)), strict=True):
            with column:
                figures.show(f"prediction {name}", charts.predictions(found, name), name)
        if not partial:
            st.markdown(prediction.sentence(found))
        _table(found, names)


def _progress(run: jobs.Run) -> Progress | None:
    frames = [item for item in run.items if isinstance(item, prediction.Frame)]
    if not frames:
        return None
    return Progress(frames[-1].done, f"Split {frames[-1].run + 1}, {frames[-1].method}")


def _formulas() -> None:
    """The two ways as formulas."""
    with st.expander("Formulas"):
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Impute, then predict**: a single imputation.")
            st.latex(r"p(y \mid \hat x), \quad \hat x = \mathrm{E}[x \mid x_{\mathrm{obs}}]")
        with right:
            st.markdown("**sup-not-MIWAE**: the missing values are integrated out.")
            st.latex(
                r"p(y \mid x_{\mathrm{obs}}, s) \approx "
                r"\sum_k \alpha_k\, p(y \mid x_{\mathrm{obs}}, x_{\mathrm{mis},k})"
            )
        st.caption(
            "In prediction the weights α do not use y. In training, log p(y | ·) is one more "
            "term of the bound. Ipsen, Mattei & Frellsen 2022."
        )


def _table(found: prediction.Result, names: list[str]) -> None:
    """All scores with their standard errors, and the gap to sup-not-MIWAE."""
    rows = []
    for row in found.rows:
        cells = {"method": row.method}
        for name in names:
            cells |= {name: row.mean[name], f"± {name}": row.error[name]}
        rows.append(cells | {GAP: row.behind, f"± {GAP}": row.behind_error})
    helps = prediction.SCORES[found.task] | {
        GAP: f"How much better the {names[0]} of sup-not-MIWAE is, paired by runs."
    }
    configs = {}
    for name in (*names, GAP):
        configs[name] = st.column_config.NumberColumn(format="%.3f", help=helps[name])
        configs[f"± {name}"] = st.column_config.NumberColumn("±", format="%.3f", help=ERROR)
    st.dataframe(rows, hide_index=True, placeholder="", column_config=configs)


def _scores_of_complete_runs(items: Iterable[object]) -> dict[str, list]:
    """Method → its scores in each complete run; empty before two runs are complete."""
    frames = [item for item in items if isinstance(item, prediction.Frame)]
    runs: dict[int, dict[str, object]] = {}
    for frame in frames:
        runs.setdefault(frame.run, {})[frame.method] = frame.scores
    complete = [run for run in runs.values() if prediction.SUP_NOT in run]
    if len(complete) < 2:
        return {}
    methods = [name for name in complete[0] if all(name in run for run in complete)]
    return {method: [run[method] for run in complete] for method in methods}
