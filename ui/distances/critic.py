"""The view "Critic": one critic during its training between two distributions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.distances import critics
from ui import figures
from ui.distances import charts, shipped
from ui.distances.sweep import STEP_OPTIONS
from ui.distribution_choice import DIVERGENCES, choose, pair
from ui.links import InLink, Setting
from ui.run_panel import RunPanel

PAIR = pair("critic")
DISTANCE = Setting("critic distance", "wasserstein", options=DIVERGENCES)
THETA = Setting("critic theta", 1.0, low=0.0, high=2.0, step=0.1)
STEPS = Setting("critic steps", 500, options=STEP_OPTIONS)
PENALTY = Setting("critic penalty", 50.0, options=(0.1, 1.0, 10.0, 50.0, 200.0))
SEED = Setting("critic seed", 0, low=0, high=9999)


class Critic:
    """The values of the critic in the plane, its slopes and its estimate, live.

    Args:
        controls: container for the settings.
    """

    name = "Critic"
    about = (
        "One critic learns to distinguish P from Q. **First** look at its map: does it rise "
        "evenly all the way from Q to P, or is there a steep edge between them? Compare "
        "Wasserstein with Hellinger. **Then** look at the slopes: the penalty pulls those of "
        "Wasserstein to 1; the other critics have no penalty. **Last** look at the grey rays, the "
        "optimal transport plan: a perfect Wasserstein critic has slope 1 along them."
    )
    settings: ClassVar[tuple[InLink, ...]] = (PAIR, DISTANCE, THETA, STEPS, PENALTY, SEED)

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls, st.container(border=True):
            distributions = choose("critic", PAIR)
            divergence = DISTANCE.widget(st.selectbox, "Distance")
            theta = THETA.widget(st.slider, "θ")
            with st.expander("Training"):
                steps = STEPS.widget(st.select_slider, "Steps")
                penalty = PENALTY.widget(st.select_slider, "Penalty λ")
                seed = SEED.widget(st.number_input, "Seed")
            self.config = None
            if distributions is not None:
                self.config = critics.Config(
                    distributions.pair,
                    divergence,
                    (theta,),
                    drawn=distributions.drawn,
                    steps=steps,
                    penalty=penalty,
                    seed=seed,
                )
            self.panel = RunPanel(
                "distance critic",
                self.config,
                critics.run,
                action="Train",
                automatic=self.config != shipped.first_critic(),
            )
            self.panel.buttons()

    def show(self) -> None:
        """Draw the training of the critic."""
        if self.config is None:
            st.info("Draw both clouds. Then a critic is trained between them.")
            return
        self.panel.show(
            lambda run: _critic(list(run.items), live=run.live),
            without=lambda: _critic(shipped.st_critic(), live=False),
            seconds=0.5,
        )


def _critic(items: list[critics.Scene | critics.Frame], *, live: bool) -> None:
    frames = [item for item in items if isinstance(item, critics.Frame)]
    scenes = [item for item in items if isinstance(item, critics.Scene)]
    if not frames:
        return
    index = len(frames) - 1
    if not live and len(frames) > 1:
        index = st.select_slider(
            "Training steps",
            range(len(frames)),
            index,
            key=f"critic at {len(frames)}",
            format_func=lambda i: f"{frames[i].step:,}",
        )
    scene, frame = scenes[0], frames[index]
    true_value = float(scene.truth[0])
    left, right = st.columns([3, 2], gap="large")
    with left:
        title = "Critic: high values gold, low values blue"
        figures.show("critic plane", charts.plane(scene, frame), title)
    with right:
        first, second = st.columns(2)
        first.metric(
            "Estimate",
            f"{float(frame.estimate[0]):.3f}",
            help=f"Computed on new samples. The Monte-Carlo error is {float(frame.error[0]):.4f}.",
        )
        second.metric("True value", f"{true_value:.3f}" if np.isfinite(true_value) else "∞")
        steps = [each.step for each in frames[: index + 1]]
        estimates = [float(each.estimate[0]) for each in frames[: index + 1]]
        figures.show("critic history", charts.history(steps, estimates, true_value), "Estimate")
        slopes = charts.slopes(np.asarray(frame.slope[0]))
        figures.show("critic slopes", slopes, "Slopes between P and Q")
