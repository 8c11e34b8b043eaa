"""The view of two small GANs on the same target, one objective beside the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.rng import generator
from dgm_core.studies.distances import toy_gan
from ui import figures, jobs
from ui.distances import charts, shipped
from ui.distribution_choice import canvas
from ui.frame import kept

TARGETS = {
    "ring": "Ring of 8 Gaussians",
    "grid": "Grid of 25 Gaussians",
    "moons": "Two moons",
    "segment": "A segment",
    "drawing": "Draw it",
}
WORK = "toy gan"


class Play:
    """Two games under one clock; as far as they were played, they can be played on.

    Args:
        configs: of the two.
        frames: what was played beforehand, to the end.
    """

    def __init__(
        self, configs: tuple[toy_gan.Config, ...], frames: list[shipped.Both] | None = None
    ) -> None:
        self.configs = configs
        self.frames = list(frames or ())
        self._rounds = zip(*(_frames(config) for config in configs), strict=True)

    @property
    def over(self) -> bool:
        """Is nothing left to play?"""
        return bool(self.frames) and self.frames[-1][0].done >= 1

    def on(self, rounds: int | None = None) -> Iterator[int]:
        """Play so many more rounds, or to the end."""
        for frames in islice(self._rounds, rounds):
            self.frames.append(frames)
            yield len(self.frames)


def _frames(config: toy_gan.Config) -> Iterator[toy_gan.Frame]:
    return (item for item in toy_gan.run(config) if isinstance(item, toy_gan.Frame))


class Games:
    """Samples, critics, modes and distances of two objectives.

    Args:
        controls: where all is set.
    """

    name = "Small GANs"
    about = (
        "A generator and a critic play on the plane, twice, with two objectives. **Look first** "
        "at the modes: who covers all, and who runs from one to the next? **Then** let the critic "
        "be sure from the start: minimax stands still, for its gradient has vanished. **Last** "
        "at W1 to the target, which falls for one and jumps for the other."
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        self.worker = jobs.worker(WORK)
        with controls, st.container(border=True):
            kept("game target", "ring")
            target = st.selectbox(
                "Target", list(TARGETS), format_func=TARGETS.get, key="keep.game target"
            )
            drawn = canvas("game", "P") if target == "drawing" else None
            names = list(toy_gan.OBJECTIVES)
            kept("game left", names[0])
            kept("game right", "minimax")
            left = st.selectbox("Left", names, key="keep.game left")
            right = st.selectbox("Right", names, key="keep.game right")
            kept("game preset", "critic sure from the start")
            preset = st.selectbox("Critic", list(toy_gan.PRESETS), key="keep.game preset")
            kept("game seed", 0)
            seed = st.number_input("Seed", 0, 9999, key="keep.game seed")
            more = toy_gan.PRESETS[preset]
            self.play = None
            if target == "drawing" and not drawn:
                return
            self.configs = shipped.games(target, (left, right), drawn, int(seed), **more)
            self.play = self._play()
            self.live = self.worker.run is not None and self.worker.run.live
            self._buttons()

    def _play(self) -> Play:
        held = st.session_state.get("small gans")
        if held is None or held.configs != self.configs:
            self.worker.stop()
            known = shipped.st_games() if self.configs == shipped.first_games() else None
            held = st.session_state["small gans"] = Play(self.configs, known)
            if known is None:
                self._go(None)
        return held

    def _go(self, rounds: int | None) -> None:
        play = st.session_state["small gans"]
        if self.worker.run is not None:
            self.worker.stop()
            self.worker.run.wait(5)  # two threads must not take from one game
        self.worker.start((play.configs, len(play.frames)), lambda: play.on(rounds))

    def _restart(self) -> None:
        self.worker.stop()
        st.session_state["small gans"] = Play(self.configs)
        self._go(None)

    def _buttons(self) -> None:
        row = st.container(horizontal=True)
        if self.live:
            row.button("Pause", icon=":material/pause:", type="primary", on_click=self.worker.stop)
        elif self.play.over:
            row.button(
                "Play again", icon=":material/replay:", type="primary", on_click=self._restart
            )
            return
        else:
            row.button(
                "Play",
                icon=":material/play_arrow:",
                type="primary",
                on_click=self._go,
                args=(None,),
            )
        row.button("Step", icon=":material/skip_next:", on_click=self._go, args=(1,))
        row.button("Restart", icon=":material/replay:", on_click=self._restart)

    def show(self) -> None:
        """Both games as far as they are."""
        if self.play is None:
            st.info("Draw a target, and both generators learn to make it.")
            return
        jobs.follow(self.worker.run, self._shown, 0.6, live=self.live)

    def _shown(self) -> None:
        run = self.worker.run
        if run is not None and run.state == "failed":
            st.error("These games broke off on the server. Start them again.")
        _games(self.play, live=run is not None and run.live)


def _games(play: Play, *, live: bool) -> None:
    played = list(play.frames)
    if not played:
        if live:
            st.progress(0.0, jobs.beginning())
        else:
            st.caption("No round was played. Press Play.")
        return
    at = len(played) - 1
    if not live and at:
        at = st.select_slider(
            "Iteration",
            range(len(played)),
            at,
            key=f"games at {at}",
            format_func=lambda i: f"{played[i][0].iteration:,}",
        )
    columns = st.columns(2, gap="large")
    for number, (config, place) in enumerate(zip(play.configs, columns, strict=True)):
        frame = played[at][number]
        with place:
            axis = np.asarray(toy_gan.axis(config))
            target = config.law.sample(300, generator(1)).numpy()
            title = f"{config.objective}, iteration {frame.iteration:,}"
            figures.show(f"game {number}", charts.game(frame, axis, target), title)
            found = f"W1 to the target {frame.wasserstein:.2f}"
            if frame.modes is not None:
                found += f" · {frame.modes} modes covered"
            st.caption(f"{found} · gradient at the generator {frame.gradient:.3g}")
    names = [f"{'Left' if i == 0 else 'Right'}: {c.objective}" for i, c in enumerate(play.configs)]
    seen = {name: [both[i] for both in played[: at + 1]] for i, name in enumerate(names)}
    left, right = st.columns(2, gap="large")
    with left:
        figures.show(
            "game w1", charts.over_time(seen, "wasserstein", "W1"), "Distance to the target"
        )
    with right:
        figure = charts.over_time(seen, "gradient", "gradient")
        figure.update_yaxes(type="log", dtick=1)
        figures.show("game gradient", figure, "Gradient that reaches the generator")
