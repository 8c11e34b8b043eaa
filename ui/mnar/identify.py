"""The view of several trainings that do not know which way values go missing."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.mnar import identify
from ui import figures, jobs
from ui.frame import kept
from ui.mnar import charts, shipped
from ui.mnar.requested import Asked
from ui.mnar.restart_results import Restarted, restarted
from ui.mnar.shown_columns import choose_column

STEPS = {"Short": 300, "Normal": 800}


class Identify:
    """Five restarts of self-masking with unknown signs.

    Args:
        asked: table and mechanism.
        settings: where the settings go.
    """

    name = "Identify"
    work = "mnar identify"
    action = "Train"
    by_itself = False
    about = (
        "Five trainings of not-MIWAE on the same rows, none of which is told whether high or low "
        "values go: each starts from a guess of its own. **Look first** whether their curves "
        "agree. **Then** at the bounds: may the highest be believed? **Last** at the errors: a "
        "mechanism that fits is not yet the true one, and only here, where you removed the "
        "values, can you check."
    )

    def __init__(self, asked: Asked, settings: DeltaGenerator) -> None:
        self.asked = asked
        self.worker = jobs.worker(self.work)
        with settings, st.expander("Training"):
            kept("restarts length", "Normal")
            length = st.segmented_control(
                "Length",
                list(STEPS),
                required=True,
                key="keep.restarts length",
                help=", ".join(f"{name}: {steps} steps" for name, steps in STEPS.items()),
            )
            kept("restarts seed", 0)
            seed = st.number_input("Seed", 0, 9999, key="keep.restarts seed")
        self.config = identify.Config(
            asked.table.name, asked.plan, steps=STEPS[length], seed=int(seed)
        )

    def start(self) -> None:
        """Train, in place of what runs."""
        config, known, columns = self.config, self.asked.table.known, self.asked.table.columns
        self.worker.start(config, lambda: identify.run(config, known, columns))

    def above(self) -> None:
        """Which column the figures show."""
        self.entry = self.asked.shown[choose_column("restarts column", self.asked.names)]

    def show(self) -> None:
        """The shipped run, if that is what is asked."""
        found = shipped.st_restarts()
        if found.config == self.config:
            self._figures(found.story)
            st.caption("Trained beforehand with these settings.")
        else:
            st.caption("Press Train: five trainings at once take about half a minute.")

    def follow(self, run: jobs.Run) -> None:
        """Where the trainings stand."""
        story = restarted(list(run.items))
        if run.live:
            st.progress(min(story.done, 1.0), f"Training five times, step {story.step:,}")
        if story.curves is not None:
            self._figures(story)

    def _figures(self, story: Restarted) -> None:
        if story.verdict is not None:
            names = [self.asked.table.entries[d] for d in self.asked.problem.losing]
            said = identify.sentence(story.verdict, names)
            box = st.success if story.verdict.agree else st.warning
            box(said, icon=":material/balance:")
        true = self.asked.true_curve(self.entry)
        at = self.asked.place(self.entry)
        best = max(range(len(story.bounds)), key=lambda r: story.bounds[r])
        for number, place in enumerate(st.columns(len(story.bounds))):
            with place:
                figure = charts.restart(true, story.curves[number, at], number == best)
                title = f"Start {number + 1}" + (", best bound" if number == best else "")
                figures.show(f"restart {number}", figure, title)
                error = f" ± {story.errors[number]:.2f}" if story.errors is not None else ""
                st.caption(
                    f"bound {story.bounds[number]:.2f}{error} nats  \n"
                    f"RMSE {story.rmse[number]:.2f} SD"
                )

    def below(self, *, live: bool) -> None:
        """What to make of it."""
        with st.expander("Why data with holes may not tell"):
            st.markdown(
                "The bound asks how well a model explains *what is seen and where the holes are*. "
                "A column whose high values are gone looks like the left half of a bell; so does "
                "a narrower bell that lost its low values further up. The other columns may tell "
                "them apart, through what they say of the missing ones, or they may not. Then "
                "only knowledge of how the data came to be can choose: which way a sensor fails, "
                "who leaves a question unanswered."
            )
