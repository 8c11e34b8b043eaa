"""The view of one critic, while it is trained between two laws."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies import distances
from ui import jobs, plots
from ui.distances import charts
from ui.distances.asked import DIVERGENCES, choose
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
                "Distance", list(DIVERGENCES), format_func=DIVERGENCES.get,
                key="keep.critic distance",
            )  # fmt: skip
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
                self.config = distances.Config(
                    laws.pair, divergence, (float(theta),), drawn=laws.drawn, steps=int(steps),
                    penalty=float(penalty), seed=int(seed),
                )  # fmt: skip
            self._buttons()

    def _buttons(self) -> None:
        run = self.worker.run
        left, right = st.columns(2)
        left.button("Again", icon=":material/replay:", width="stretch",
                    disabled=self.config is None, on_click=self._start)  # fmt: skip
        if run is not None and run.live and run.key == self.config:
            right.button("Stop", icon=":material/stop:", on_click=self.worker.stop,
                         width="stretch")  # fmt: skip

    def _start(self) -> None:
        config = self.config
        self.worker.start(config, lambda: distances.run(config))

    def show(self) -> None:
        """Train whenever something has changed; show how far it is."""
        if self.config is None:
            st.info("Draw both clouds, and a critic is trained between them.")
            return
        run = self.worker.run
        if run is None or run.key != self.config:
            self._start()
            run = self.worker.run
        live = run.live

        @st.fragment(run_every=0.5 if live else None)
        def look() -> None:
            if live and not run.live:
                st.rerun()
            with st.container():
                if run.state == "failed":
                    st.error("This run broke off on the server. Start it again.")
                _shown(run, self.config)

        look()


def _shown(run: jobs.Run, config: distances.Config) -> None:
    items = list(run.items)
    frames = [item for item in items if isinstance(item, distances.Frame)]
    scenes = [item for item in items if isinstance(item, distances.Scene)]
    if not frames:
        st.progress(0.0, jobs.beginning())
        return
    at = len(frames) - 1
    if not run.live and len(frames) > 1:
        at = st.select_slider(
            "Training steps", range(len(frames)), at, key=f"critic at {len(frames)}",
            format_func=lambda i: f"{frames[i].step:,}",
        )  # fmt: skip
    scene, frame = scenes[0], frames[at]
    truth = float(scene.truth[0])
    if run.live:
        st.progress(frame.done)
    left, right = st.columns([3, 2], gap="large")
    with left:
        plots.show(
            "critic plane", charts.plane(scene, frame), "The critic: high is gold, low blue"
        )
    with right:
        first, second = st.columns(2)
        first.metric(
            "Estimate", f"{float(frame.estimate[0]):.3f}",
            help=f"On fresh samples; Monte-Carlo error {float(frame.error[0]):.4f}.",
        )  # fmt: skip
        second.metric("Truth", f"{truth:.3f}" if np.isfinite(truth) else "∞")
        steps = [each.step for each in frames[: at + 1]]
        estimates = [float(each.estimate[0]) for each in frames[: at + 1]]
        plots.show("critic course", charts.course(steps, estimates, truth), "Estimate")
        plots.show("critic slopes", charts.slopes(np.asarray(frame.slope[0])), "Slopes between")
