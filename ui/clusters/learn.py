"""The view of the learning: clusters form round by round, here or before the visitor's eyes."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.course import Course
from ui import figures, jobs
from ui.assets import ASSETS
from ui.clusters import charts, training
from ui.clusters.compare import colourings
from ui.clusters.layouts import Layouts
from ui.clusters.runs import Story
from ui.components.linked_scatter import Categories, Panel, Ramp, linked_scatter

TABLE = ASSETS / "clusters.toml"
TICK = 1.2
"""Seconds between two moments of the player."""
AT, PLAYING, SHOWN_AT = "cluster moment", "cluster playing", "cluster moment shown at"


class Learn:
    """The course of a run, and a run of one's own.

    Args:
        story: whose course is shown while none is trained.
        controls: where a training is set up.
    """

    name = "Watch them learn"
    about = (
        "Round by round the mixture is fitted to the latents, and becomes what the VAE expects of "
        "them. **Look first** at the points while it plays: clusters tighten, few points change "
        "sides. **Then** at the bound, which rises for the control, too: only the distance "
        "between the curves is owed to the mixture. **Last** at what each choice is worth."
    )

    def __init__(self, story: Story, controls: DeltaGenerator) -> None:
        self.story = story
        self.worker = training.worker()
        with controls, st.container(border=True):
            st.markdown("**Train one here**")
            self.config = training.choose()
            self._button()

    @property
    def live(self) -> bool:
        """Is a training under way?"""
        return self.worker.run is not None and self.worker.run.live

    def _button(self) -> None:
        if self.live:
            st.button(
                "Stop",
                icon=":material/stop:",
                type="primary",
                on_click=self.worker.stop,
                width="stretch",
            )
        else:
            st.button(
                "Train",
                icon=":material/play_arrow:",
                type="primary",
                width="stretch",
                on_click=training.start,
                args=(self.config,),
            )

    def show(self) -> None:
        """The run under way, or the story."""
        run = self.worker.run
        if self.live:
            jobs.follow(run, lambda: _under_way(run), 0.7, live=True)
            return
        if run is not None:
            _ended(run)
        place = st.container()
        _worth()
        with place:
            Player(self.story).show()


class Player:
    """The moments of a story, one after the other, beside its curves.

    Args:
        story: whose.
    """

    def __init__(self, story: Story) -> None:
        self.story = story
        self.names = [name for name in story.moments if name != "Control"]
        self.moments = [story.moments[name] for name in self.names]
        laid = all(moment.xy is not None for moment in self.moments)
        self.layouts = Layouts(story, self.names, embeddings.Config("t-SNE" if laid else "PCA"))
        self.layouts.begin()

    def show(self) -> None:
        """Planes, slider, curves; the last statement of a page."""
        playing = st.session_state.get(PLAYING, False)
        st.fragment(self._shown, run_every=TICK if playing else None)()

    def _shown(self) -> None:
        state, last = st.session_state, len(self.moments) - 1
        at = min(state.get(AT, last), last)
        if state.get(PLAYING) and time.monotonic() - state.get(SHOWN_AT, 0) > 0.7 * TICK:
            at = min(at + 1, last)
            state[AT], state[SHOWN_AT] = at, time.monotonic()
            if at == last:
                state[PLAYING] = False
                st.rerun()
        moment = self.moments[at]
        left, right = st.columns([5, 4], gap="large")
        with left:
            self._steering(at)
            linked_scatter(
                "cluster player",
                [Panel(self.names[at], self.layouts.planes()[self.names[at]])],
                colourings(self.story, moment),
                label=f"Images after {moment.epoch} epochs",
                pictures=self.story.sheet,
                revision=self.story.revision,
            )
        with right:
            curves(self.story.course, at=moment.epoch)

    def _steering(self, at: int) -> None:
        last = len(self.moments) - 1
        row = st.container(horizontal=True, vertical_alignment="bottom")
        if st.session_state.get(PLAYING):
            pressed = row.button("Pause", icon=":material/pause:", key="cluster pause")
        else:
            pressed = row.button("Play", icon=":material/play_arrow:", key="cluster play")
        if pressed:
            state = st.session_state
            state[PLAYING] = not state.get(PLAYING, False)
            if state[PLAYING]:
                state[AT] = 0 if at == last else at
                state[SHOWN_AT] = time.monotonic()
            st.rerun()
        if not last:
            return
        chosen = row.select_slider(
            "Moment",
            range(last + 1),
            at,
            key=f"cluster moment {self.story.name} {at}",
            format_func=self._called,
        )
        if chosen != at:
            st.session_state[AT] = chosen
            st.rerun(scope="fragment")

    def _called(self, at: int) -> str:
        """A moment and its epoch."""
        name, epoch = self.names[at], f"epoch {self.moments[at].epoch}"
        return name if name.lower() == epoch else f"{name}, {epoch}"


def curves(course: Course, *, at: int | None = None) -> None:
    """Bound and accuracy of a run and its control by epochs."""
    both = {"with the mixture": course.whole_curve}
    if course.control_curve is not None:
        both["control"] = course.control_curve
    for what, title in (
        ("elbo", "Bound on log p(x), nats an image"),
        ("accuracy", "Accuracy against the labels"),
    ):
        figure = charts.over_epochs(both, what, at=at, legend=what == "elbo")
        figure.update_yaxes(range=_range(course, what))
        figures.show(what, figure, title)
    said = "The prior of a bound is the mixture of that moment."
    if course.control_curve is not None:
        said += " Control: the VAE alone, trained as long, its mixture fitted afterwards."
    st.caption(said)


def _range(course: Course, what: str) -> list[float]:
    """Room for the run and its control; the warm-up comes in from below."""
    shown = [curve for curve in (course.curve, course.control_curve) if curve is not None]
    values = np.concatenate([getattr(curve, what) for curve in shown])
    low, high = values.min(), values.max()
    span = max(high - low, 0.02)
    return [low - 0.5 * span, high + 0.15 * span]


def _under_way(run: jobs.Run) -> None:
    found = training.standing(run)
    if found.frame is None:
        st.progress(0.0, jobs.beginning())
        return
    frame = found.frame
    doing = f"The control: {frame.doing}" if found.control else _sentence(frame.doing)
    st.progress(frame.done, f"{doing}, {frame.seconds:.0f} s")
    if found.course is None:
        st.caption(
            f"Loss {frame.loss:.1f} nats an image. The VAE warms up under N(0, I); the first "
            "mixture is fitted after that."
            if np.isfinite(frame.loss)
            else "The VAE warms up under N(0, I); the first mixture is fitted after that."
        )
    left, right = st.columns(2, gap="large")
    with left:
        if frame.fitting is not None:
            trace(run.key.fit, frame.fitting.course.numpy(), frame.fitting.rhat)
        if found.course is not None:
            _plane(found.course)
    if found.course is not None:
        with right:
            if len(found.course.moments) > 1:
                curves(found.course)
            else:
                st.caption("Bound and accuracy are drawn from the second moment on.")


def trace(fit: str, course: np.ndarray, rhat: float | None) -> None:
    """How the last fit of the mixture went."""
    whose = {"Gibbs": "four chains", "EM": f"{len(course)} beginnings"}.get(fit, "one fit")
    figures.show("trace", charts.trace(course), f"The mixture by {fit}, {whose}")
    said = "Log-likelihood, nats a point."
    if rhat is not None and np.isfinite(rhat):
        met = "the chains have met" if rhat < 1.05 else "they have not met; the likeliest is taken"
        said += f" R-hat {rhat:.2f}: {met}."
    elif rhat is not None:
        said += " R-hat takes some more iterations."
    st.caption(said)


def _plane(course: Course) -> None:
    """Where the images lie now, in the plane of the largest variance."""
    moment = course.moments[-1]
    pca = embeddings.Config("PCA")
    *_, start = embeddings.run(pca, course.moments[0].mean)
    *_, found = embeddings.run(pca, moment.mean, start=start.xy)
    names = [str(k + 1) for k in range(course.config.clusters)]
    linked_scatter(
        "cluster live",
        [Panel(f"Plane of the largest variance, after {moment.epoch} epochs", found.xy)],
        [
            Categories("cluster", moment.assignment, names),
            Ramp("confidence", moment.confidence, "unsure", "sure"),
        ],
        label="Latents while they are learned",
        height=320,
    )


def _ended(run: jobs.Run) -> None:
    if run.state == "failed":
        st.error("This training broke off on the server. Start it again.")
    elif run.state in ("stopped", "timed out"):
        said = "was stopped" if run.state == "stopped" else "reached its time limit"
        if training.result(run) is None:
            st.info(f"Your training {said} before its end, and nothing of it is kept.")
        else:
            st.info(f"Your training {said}. The run is kept as Yours, without its control.")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _worth() -> None:
    """The measured effect of each choice."""
    rows = st_choices()
    if not rows:
        return
    st.subheader("What makes them learn from each other", anchor=False)
    st.markdown(
        "Each row but the first changes one thing; all are of the first 10,000 images of MNIST "
        "unless they say otherwise. The control is the same VAE trained as long under N(0, I), "
        "with the same mixture fitted to it in the end; lines are two standard errors of the "
        "difference, seed by seed."
    )
    st.markdown(_found(rows))
    figures.show("worth", charts.gains(rows), "Accuracy gained over the control")
    with st.expander("The numbers", icon=":material/table:"):
        st.dataframe(
            [
                {
                    "choice": row["choice"],
                    "seeds": row["seeds"],
                    "before": row["before"],
                    "after": row["after"],
                    "± s.e.": row["after_error"],
                    "control": row["control"],
                    "bound after": row["elbo_after"],
                    "control's bound": row["elbo_control"],
                    "what is different": row["about"],
                }
                for row in rows
            ],
            hide_index=True,
            height="content",
            column_config={
                **dict.fromkeys(
                    ("before", "after", "± s.e.", "control"),
                    st.column_config.NumberColumn(format="%.3f"),
                ),
                **dict.fromkeys(
                    ("bound after", "control's bound"),
                    st.column_config.NumberColumn(format="%.1f"),
                ),
            },
        )


def _found(rows: list[dict[str, Any]]) -> str:
    """What the table says of the first choice, and of the one that does most harm."""
    first = rows[0]
    harmful = [row for row in rows if row["gain"] < -2 * row["gain_error"]]
    bound = first["elbo_after"] - first["elbo_control"]
    said = (
        f"**{_sentence(first['choice'])}, the rounds are worth {first['gain']:+.3f} ± "
        f"{first['gain_error']:.3f}** of accuracy, and {bound:+.1f} nats of the bound."
    )
    if harmful:
        worst = min(harmful, key=lambda row: row["gain"])
        said += (
            f" **{_sentence(worst['choice'])}, they do harm:** {worst['gain']:+.3f} ± "
            f"{worst['gain_error']:.3f}. {worst['about']}"
        )
    return re.sub(r"-(?=\d)", "−", said)


@st.cache_data(show_spinner=False)
def st_choices() -> list[dict[str, Any]]:
    """Rows of the shipped table."""
    return _rows(TABLE)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return tomllib.loads(path.read_text(encoding="utf-8")).get("choices", [])
