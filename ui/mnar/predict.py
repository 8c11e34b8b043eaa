"""The view of prediction: supervised forms against impute-then-predict."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.mnar import prediction
from ui import figures, jobs
from ui.frame import kept
from ui.mnar import charts, shipped
from ui.mnar.requested import Asked


class Predict:
    """Accuracy, AUC and RMSE with error bars, and the oracle.

    Args:
        asked: table and mechanism.
        settings: where the settings go.
    """

    name = "Predict"
    work = "mnar predict"
    action = "Compare"
    by_itself = False
    about = (
        "Seven ways to predict a target from rows with holes, all with the same linear predictor. "
        "**Look first** at the oracle, which sees the complete table: nothing linear can do "
        "better. **Then** whether learning to impute and to predict *together* gains anything "
        "over imputing first. **Last** at the bars: two standard errors over runs, which the "
        "table compares one by one."
    )

    def __init__(self, asked: Asked, settings: DeltaGenerator) -> None:
        self.asked = asked
        self.worker = jobs.worker(self.work)
        with settings, st.expander("Runs"):
            kept("prediction runs", 5)
            runs = st.select_slider("Splits", [2, 3, 5, 10], key="keep.prediction runs")
            kept("prediction seed", 0)
            seed = st.number_input("Seed", 0, 9999, key="keep.prediction seed")
        target = asked.table.target
        numeric = target is not None and pd.api.types.is_numeric_dtype(target)
        self.config = prediction.Config(
            asked.table.name,
            asked.plan,
            task="regression" if numeric else "classification",
            direction="high" if asked.plan is None else asked.plan.direction,
            runs=int(runs),
            seed=int(seed),
        )

    def start(self) -> None:
        """Compare, in place of what runs."""
        config, table = self.config, self.asked.table
        if table.target is not None:
            self.worker.start(config, lambda: prediction.run(config, table.frame, table.target))

    def above(self) -> None:
        """What is predicted."""
        target = self.asked.table.target
        if target is None:
            st.info("Choose a column to predict, under the uploaded table.")
        else:
            what = "a number" if self.config.task == "regression" else "a class"
            st.caption(f"Target: {target.name}, {what}. A quarter of the rows is held out.")

    def show(self) -> None:
        """The shipped comparison, if that is what is asked."""
        found = shipped.st_prediction()
        if found.config == self.config:
            self._figures(found.result)
            st.caption("Computed beforehand with these settings.")
        elif self.asked.table.target is not None:
            st.caption("Press Compare: four models are trained on every split.")

    def follow(self, run: jobs.Run) -> None:
        """What has been compared so far."""
        items = list(run.items)
        if items and isinstance(items[-1], prediction.Result):
            self._figures(items[-1])
            return
        if run.live:
            last = items[-1] if items else None
            doing = "Begins …" if last is None else f"Split {last.run + 1}, {last.method}"
            st.progress(0.0 if last is None else last.done, doing)
        so_far = _so_far(items)
        if len(so_far) > 1:
            self._figures(prediction.result(self.config.task, so_far), so_far=True)

    def _figures(self, found: prediction.Result, *, so_far: bool = False) -> None:
        names = list(prediction.SCORES[found.task])
        for name, place in zip(names, st.columns(len(names)), strict=True):
            with place:
                figures.show(f"prediction {name}", charts.predictions(found, name), name)
        if not so_far:
            st.markdown(prediction.sentence(found))
        first = names[0]
        frame = pd.DataFrame(
            {
                "method": row.method,
                **{
                    text: value
                    for name in names
                    for text, value in ((name, row.mean[name]), (f"± {name}", row.error[name]))
                },
                "behind sup-not": row.behind,
                "± behind": row.behind_error,
            }
            for row in found.rows
        )
        number = st.column_config.NumberColumn
        helps = prediction.SCORES[found.task]
        st.dataframe(
            frame,
            hide_index=True,
            placeholder="",
            column_config={
                name: number(
                    name.split()[0] if name.startswith("±") else name,
                    format="%.3f",
                    help=helps.get(name, "Standard error over runs."),
                )
                for name in frame.columns[1:]
            }
            | {
                "behind sup-not": number(
                    format="%.3f",
                    help=f"How much better sup-not-MIWAE's {first} is, paired over runs.",
                ),
                "± behind": number("±", format="%.3f", help="Its standard error."),
            },
        )

    def below(self, *, live: bool) -> None:
        """The two ways in symbols."""
        with st.expander("Formulas"):
            left, right = st.columns(2, gap="large")
            with left:
                st.markdown("**Impute, then predict**: one guess.")
                st.latex(r"p(y \mid \hat x), \quad \hat x = \mathrm{E}[x \mid x_{\mathrm{obs}}]")
            with right:
                st.markdown("**sup-not-MIWAE**: the holes are integrated out.")
                st.latex(
                    r"p(y \mid x_{\mathrm{obs}}, s) \approx "
                    r"\sum_k \alpha_k\, p(y \mid x_{\mathrm{obs}}, x_{\mathrm{mis},k})"
                )
            st.caption(
                "The weights α leave y out in predicting; in training, log p(y | ·) is one more "
                "term of the bound. Ipsen, Mattei & Frellsen 2022."
            )


def _so_far(items: Iterable[object]) -> dict[str, list]:
    """Scores of whole runs, by method."""
    frames = [item for item in items if isinstance(item, prediction.Frame)]
    runs: dict[int, dict[str, object]] = {}
    for frame in frames:
        runs.setdefault(frame.run, {})[frame.method] = frame.scores
    whole = [run for run in runs.values() if prediction.SUP_NOT in run]
    if len(whole) < 2:
        return {}
    return {method: [run[method] for run in whole] for method in whole[0]}
