"""The view of one critic, while it is trained between two laws."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.distances import critics
from ui import figures, jobs
from ui.distances import charts, shipped
from ui.distribution_choice import DIVERGENCES, choose
from ui.frame import kept


class Critic:
    """Its values on the plane, its slopes, its estimate; live.

    Args:
        controls: where all is set.
    """

    name = "Critic"
    about = (
        "One critic learns to tell P from Q. **Look first** at its map: a Wasserstein critic "
        "climbs evenly all the way from Q to P, a Hellinger critic is a cliff somewhere between. "
        "**Then** at its slopes: the penalty holds them near 1, and nothing holds the others. "
        "**Last** at the grey rays, the optimal plan: a perfect Wasserstein critic climbs along "
        "them."
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        self.worker = jobs.worker("distance critic")
        self.config = None
        with controls, st.container(border=True):
            laws = choose("critic")
            kept("critic distance", "wasserstein")
            divergence = st.selectbox(
                "Distance",
                list(DIVERGENCES),
                format_func=DIVERGENCES.get,
                key="keep.critic distance",
            )
            kept("critic theta", 1.0)
            theta = st.slider("θ", 0.0, 2.0, step=0.1, key="keep.critic theta")
            with st.expander("Training"):
                kept("critic steps", 500)
                steps = st.select_slider("Steps", [100, 200, 500, 1000], key="keep.critic steps")
                kept("critic penalty", 50.0)
                penalty = st.select_slider(
                    "Penalty λ", [0.1, 1.0, 10.0, 50.0, 200.0], key="keep.critic penalty"
                )
                kept("critic seed", 0)
                seed = st.number_input("Seed", 0, 9999, key="keep.critic seed")
            if laws is not None:
                self.config = critics.Config(
                    laws.pair,
                    divergence,
                    (float(theta),),
                    drawn=laws.drawn,
                    steps=int(steps),
                    penalty=float(penalty),
                    seed=int(seed),
                )
            self.run = self._current()
            self.live = self.run is not None and self.run.live
            self._buttons()

    def _current(self) -> jobs.Run | None:
        """The run of these settings; what is shipped needs none, all else begins by itself."""
        run = self.worker.run
        if run is not None and run.key == self.config:
            return run
        self.worker.stop()
        if self.config in (None, shipped.first_critic()):
            return None
        self._start()
        return self.worker.run

    def _buttons(self) -> None:
        left, right = st.columns(2)
        label = "Train" if self.run is None else "Again"
        left.button(
            label,
            icon=":material/play_arrow:",
            type="primary",
            width="stretch",
            disabled=self.config is None,
            on_click=self._start,
        )
        if self.live:
            right.button(
                "Stop", icon=":material/stop:", on_click=self.worker.stop, width="stretch"
            )

    def _start(self) -> None:
        config = self.config
        self.worker.start(config, lambda: critics.run(config))

    def show(self) -> None:
        """How far it is."""
        if self.config is None:
            st.info("Draw both clouds, and a critic is trained between them.")
            return
        jobs.follow(self.run, self._shown, 0.5, live=self.live)

    def _shown(self) -> None:
        run = self.run
        if run is None:
            _scene(shipped.st_critic(), live=False)
            return
        if run.state == "failed":
            st.error("This run broke off on the server. Start it again.")
        _scene(list(run.items), live=run.live)


def _scene(items: list[critics.Scene | critics.Frame], *, live: bool) -> None:
    frames = [item for item in items if isinstance(item, critics.Frame)]
    scenes = [item for item in items if isinstance(item, critics.Scene)]
    if not frames:
        if live:
            st.progress(0.0, jobs.beginning())
        else:
            st.caption("No step was taken. Press Again.")
        return
    at = len(frames) - 1
    if not live and len(frames) > 1:
        at = st.select_slider(
            "Training steps",
            range(len(frames)),
            at,
            key=f"critic at {len(frames)}",
            format_func=lambda i: f"{frames[i].step:,}",
        )
    scene, frame = scenes[0], frames[at]
    truth = float(scene.truth[0])
    if live:
        st.progress(frame.done)
    left, right = st.columns([3, 2], gap="large")
    with left:
        figures.show(
            "critic plane", charts.plane(scene, frame), "The critic: high is gold, low blue"
        )
    with right:
        first, second = st.columns(2)
        first.metric(
            "Estimate",
            f"{float(frame.estimate[0]):.3f}",
            help=f"On fresh samples; Monte-Carlo error {float(frame.error[0]):.4f}.",
        )
        second.metric("Truth", f"{truth:.3f}" if np.isfinite(truth) else "∞")
        steps = [each.step for each in frames[: at + 1]]
        estimates = [float(each.estimate[0]) for each in frames[: at + 1]]
        figures.show("critic course", charts.course(steps, estimates, truth), "Estimate")
        figures.show("critic slopes", charts.slopes(np.asarray(frame.slope[0])), "Slopes between")
