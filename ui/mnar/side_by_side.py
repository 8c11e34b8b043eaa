"""The view in which MIWAE and not-MIWAE train side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import TABLE_DEFINITIONS
from dgm_core.studies.mnar import side_by_side
from ui import figures, formulas, jobs
from ui.frame import kept
from ui.mnar import charts, downloads, shipped
from ui.mnar.requested import Asked
from ui.mnar.run_results import Story, told
from ui.mnar.shown_columns import choose_column

STEPS = {"Short": 75, "Normal": 200, "Long": 800}


class Watch:
    """Both trainings, live.

    Args:
        asked: table and mechanism.
        settings: where the settings go.
    """

    name = "Watch"
    work = "mnar watch"
    about = (
        "**Look first** at the error: MIWAE takes what is missing for chance, and settles at the "
        "wrong values; not-MIWAE learns *why* they are missing. **Then** at the learned curve: "
        "does it find the dashed one? **Last** at the scatter: hidden values that are all drawn "
        "too low, or too high, are a bias that no uncertainty admits."
    )
    action = "Train"
    by_itself = False

    def __init__(self, asked: Asked, settings: DeltaGenerator) -> None:
        self.asked = asked
        self.worker = jobs.worker(self.work)
        with settings:
            self.config = self._config()

    def _config(self) -> side_by_side.Config:
        plan = self.asked.plan
        with st.expander("Models and training"):
            kept("assumed", next(iter(side_by_side.ASSUMPTIONS)))
            assumed = st.selectbox(
                "not-MIWAE takes it that missing depends on",
                list(side_by_side.ASSUMPTIONS),
                key="keep.assumed",
                help="Known direction is the easiest. Unknown direction may not be identifiable.",
            )
            direction = "high" if plan is None else plan.direction
            if plan is None:
                kept("assumed direction", "high")
                direction = st.segmented_control(
                    "Which values are taken to go",
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
                help="Importance samples of the bound in training.",
            )
            kept("training seed", 0)
            seed = right.number_input("Seed of training", 0, 9999, key="keep.training seed")
        return side_by_side.Config(
            self.asked.table.name,
            plan,
            assumed,
            direction,
            decoder,
            STEPS[length],
            draws=draws,
            seed=int(seed),
        )

    @property
    def at_hand(self) -> bool:
        """Can it be shown without a run?"""
        return self.config == shipped.st_story().config

    def start(self) -> None:
        """Train in the background, in place of what runs."""
        config, known, columns = self.config, self.asked.table.known, self.asked.table.columns
        self.worker.start(config, lambda: side_by_side.run(config, known, columns))

    def show(self) -> None:
        """What goes missing; and the shipped run, if that is what is asked."""
        self._figures(shipped.st_story().story if self.at_hand else Story())
        if self.at_hand:
            st.caption("Trained beforehand with these settings. Train computes it here.")
        else:
            st.caption("Press Train: both models learn side by side, and are scored as they go.")

    def follow(self, run: jobs.Run) -> None:
        """Where the trainings stand."""
        story = told(list(run.items))
        # Always there, so that the figures keep their places when the bar goes.
        with st.container():
            if run.live:
                st.progress(min(story.done, 1.0), _doing(story))
        self._figures(story)

    def _removed(self) -> None:
        """What goes missing: figures that stay as they are while models train."""
        asked, entry = self.asked, self.entry
        observed = asked.problem.masked.observed
        left, right = st.columns(2)
        with left:
            known = asked.table.known.observed
            figure = charts.holes(observed.numpy(), known.numpy(), asked.table.entries)
            figures.show("chart holes", figure, f"Missing: {asked.rate:.0%} of the cells")
        with right:
            values = asked.table.known.x[:, entry].numpy()
            seen = observed[:, entry].numpy()
            lost = asked.problem.hidden[:, entry].numpy()
            figure = charts.kept_and_lost(values[seen], values[lost])
            figures.show("chart split", figure, asked.table.entries[entry])

    def _figures(self, story: Story) -> None:
        """What is learned: figures that follow the training."""
        left, right = st.columns(2)
        with left:
            curves = story.tracks["not-MIWAE"].curves
            learned = None if curves is None else curves[self.asked.place(self.entry)]
            true, seen = self.asked.true_curve(self.entry), self.asked.seen(self.entry)
            figure = charts.missingness(true, learned, seen, "learned")
            figures.show("chart curve", figure, "Why: true and learned")
        if not story.steps:
            return
        with right:
            figures.show("chart errors", charts.errors(story), "Error on the hidden values")
        left, right = st.columns(2)
        with left:
            self._scatter(story)
        with right:
            figures.show("chart bounds", charts.bounds(story), "Bound, higher is better")
        if story.answers or story.baselines:
            _table(story)

    def _scatter(self, story: Story) -> None:
        rows = side_by_side.watched_rows(self.asked.problem)
        truth = self.asked.table.known.x[rows][self.asked.problem.hidden[rows]].numpy()
        guesses = {
            name: track.guess for name, track in story.tracks.items() if track.guess is not None
        }
        if not len(truth):
            return
        if st.session_state.get("keep.scatter") == "spread":
            figures.show("chart spread", charts.densities(truth, guesses), "Hidden values")
        else:
            figures.show("chart scatter", charts.against_truth(truth, guesses), "Hidden values")

    def above(self) -> None:
        """Which column the figures show, and how."""
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        with left:
            self.entry = self.asked.shown[choose_column("shown column", self.asked.names)]
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
            downloads.offer(self.asked, self.config, result, self.story)
        with st.expander("Formulas"):
            formulas.not_miwae()

    @property
    def story(self) -> Story:
        """Of the run on screen."""
        run = self.worker.run
        if run is not None and run.key == self.config:
            return told(list(run.items))
        return shipped.st_story().story if self.at_hand else Story()

    @property
    def result(self) -> side_by_side.Result | None:
        """The trained models and what they say, if the run has come to its end."""
        run = self.worker.run
        if run is not None and run.key == self.config and run.items:
            last = run.items[-1]
            return last if isinstance(last, side_by_side.Result) else None
        return None


def _doing(story: Story) -> str:
    if story.done >= 1:
        return "Imputing with many samples, and one more baseline …"
    if not story.steps:
        return "Simple methods first …"
    return f"Training, step {story.steps[-1]:,}"


def _table(story: Story) -> None:
    rows = [{"method": name, **numbers} for name, numbers in story.answers.items()]
    if not rows:
        rows = [
            {"method": name, "RMSE": track.rmse[-1]}
            for name, track in story.tracks.items()
            if track.rmse
        ]
    rows += [
        {"method": name, "RMSE": value, "±": error}
        for name, (value, error) in story.baselines.items()
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
            "bound": number(format="%.2f", help="L_K in nats a row, with many samples."),
            "ESS": number(format="%.0f", help="Effective importance samples, median over rows."),
        },
    )
