"""The view "Small GANs": two GANs with different objectives on the same target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.rng import generator
from dgm_core.studies.distances import toy_gan
from ui import figures, jobs, run_panel
from ui.distances import charts, shipped
from ui.distribution_choice import canvas
from ui.links import InLink, Setting

TARGETS = {
    "ring": "Ring of 8 Gaussians",
    "grid": "Grid of 25 Gaussians",
    "moons": "Two moons",
    "segment": "Segment",
    "drawing": "Draw it",
}
PRESETS = {
    "evenly matched": "2 steps per iteration",
    "critic far ahead": "15 steps per iteration",
    "critic sure from the start": "500 steps in advance, then 2 per iteration",
}
"""Key of `toy_gan.PRESETS` → its title on the page."""
WORKER = "toy gan"
GAME = "small gans"
"""Session key of the `Game` on screen."""

TARGET = Setting("game target", "ring", options=TARGETS)
LEFT = Setting("game left", "Wasserstein", options=tuple(toy_gan.OBJECTIVES))
RIGHT = Setting("game right", "minimax", options=tuple(toy_gan.OBJECTIVES))
PRESET = Setting("game preset", "critic sure from the start", options=PRESETS)
SEED = Setting("game seed", 0, low=0, high=9999)


class Game:
    """Two GANs that advance together, one frame at a time.

    Args:
        configs: of the two GANs.
        frames: shipped frames, from the first to the last.
    """

    def __init__(
        self, configs: tuple[toy_gan.Config, ...], frames: list[shipped.Both] | None = None
    ) -> None:
        self.configs = configs
        self.frames = list(frames or ())
        self._source = zip(*(_frames(config) for config in configs), strict=True)

    @property
    def over(self) -> bool:
        """Whether the last iteration is done."""
        return bool(self.frames) and self.frames[-1][0].done >= 1

    def advance(self, count: int | None = None) -> Iterator[int]:
        """Compute this many frames, or all that remain; yield the number of frames."""
        for frames in islice(self._source, count):
            self.frames.append(frames)
            yield len(self.frames)


def _frames(config: toy_gan.Config) -> Iterator[toy_gan.Frame]:
    return (item for item in toy_gan.run(config) if isinstance(item, toy_gan.Frame))


class Games:
    """Samples, critics, modes and distances of two objectives.

    Args:
        controls: container for the settings.
    """

    name = "Small GANs"
    about = (
        "Two GANs in the plane learn the same target with different objectives. **First** count "
        "the modes that each of them covers. **Then** look at the gradient that reaches each "
        "generator: without one, it does not move. **Last** compare other ways to train the "
        "critic: does it matter how far it is ahead?"
    )
    settings: ClassVar[tuple[InLink, ...]] = (TARGET, LEFT, RIGHT, PRESET, SEED)

    def __init__(self, controls: DeltaGenerator) -> None:
        self.worker = jobs.worker(WORKER)
        self.game = None
        with controls, st.container(border=True):
            target = TARGET.widget(st.selectbox, "Target")
            drawn = canvas("game", "P") if target == "drawing" else None
            left = LEFT.widget(st.selectbox, "Left")
            right = RIGHT.widget(st.selectbox, "Right")
            preset = PRESET.widget(st.selectbox, "Training of the critic")
            seed = SEED.widget(st.number_input, "Seed")
            if target == "drawing" and not drawn:
                return
            more = toy_gan.PRESETS[preset]
            self.configs = shipped.games(target, (left, right), drawn, seed, **more)
            self.game = self._current()
            self.live = self.worker.run is not None and self.worker.run.live
            self._buttons()

    def _current(self) -> Game:
        """The game with these settings. Unless it is shipped, a new one starts at once."""
        game = st.session_state.get(GAME)
        if game is None or game.configs != self.configs:
            self.worker.stop()
            frames = shipped.st_games() if self.configs == shipped.first_games() else None
            game = st.session_state[GAME] = Game(self.configs, frames)
            if frames is None:
                self._advance(None)
        return game

    def _advance(self, count: int | None) -> None:
        game = st.session_state[GAME]
        if self.worker.run is not None:
            self.worker.stop()
            self.worker.run.wait(5)  # two threads must not advance the same game
        self.worker.start((game.configs, len(game.frames)), lambda: game.advance(count))

    def _restart(self) -> None:
        self.worker.stop()
        st.session_state[GAME] = Game(self.configs)
        self._advance(None)

    def _buttons(self) -> None:
        row = st.container(horizontal=True)
        if self.live:
            row.button("Pause", icon=":material/pause:", type="primary", on_click=self.worker.stop)
        elif self.game.over:
            row.button(
                "Play again", icon=":material/replay:", type="primary", on_click=self._restart
            )
            return
        else:
            row.button(
                "Play",
                icon=":material/play_arrow:",
                type="primary",
                on_click=self._advance,
                args=(None,),
            )
        row.button("Step", icon=":material/skip_next:", on_click=self._advance, args=(1,))
        row.button("Restart", icon=":material/replay:", on_click=self._restart)

    def show(self) -> None:
        """Draw both games."""
        if self.game is None:
            st.info("Draw a target. Then both generators learn it.")
            return
        jobs.follow(self.worker.run, self._show_game, 0.6, live=self.live)

    def _show_game(self) -> None:
        run = self.worker.run
        live = run is not None and run.live
        if run is not None and run.state == "failed":
            st.error(run_panel.failed("Restart"))
        if self.game.frames:
            _game(self.game, live=live)
        elif live:
            st.progress(0.0, run_panel.starting())
        else:
            st.caption("No iteration is done yet. Press Play.")


VANISHED, STILL = 1e-3, 0.05
"""Largest gradient norm, and largest change of W1, of a generator that does not move."""


def sentence(configs: Sequence[toy_gan.Config], frames: Sequence[shipped.Both]) -> str:
    """What each generator has reached until the last of these frames."""
    first, last = frames[0], frames[-1]
    parts = []
    for side, config in enumerate(configs):
        text = f"**{config.objective}**"
        if last[side].modes is not None:
            all_modes = len(config.distribution.centres)
            text += f" covers {last[side].modes} of {all_modes} modes"
        before, now = first[side].wasserstein, last[side].wasserstein
        text += f": W1 to the target was {before:.2f} at first and is {now:.2f} now"
        strongest = max(frame[side].gradient for frame in frames)
        if len(frames) > 1 and strongest < VANISHED and abs(now - before) < STILL:
            text += (
                f". Its gradient never exceeded {strongest:.0e}, and the generator does not move"
            )
        parts.append(f"{text}.")
    return " ".join(parts)


def _game(game: Game, *, live: bool) -> None:
    frames = list(game.frames)
    index = len(frames) - 1
    if not live and index:
        index = st.select_slider(
            "Iteration",
            range(len(frames)),
            index,
            key=f"games at {index}",
            format_func=lambda i: f"{frames[i][0].iteration:,}",
        )
    columns = st.columns(2, gap="large")
    for number, (config, column) in enumerate(zip(game.configs, columns, strict=True)):
        frame = frames[index][number]
        with column:
            axis = np.asarray(toy_gan.axis(config))
            target = config.distribution.sample(300, generator(1)).numpy()
            title = f"{config.objective}, iteration {frame.iteration:,}"
            figures.show(f"game {number}", charts.game(frame, axis, target), title)
            text = f"W1 to the target {frame.wasserstein:.2f}"
            if frame.modes is not None:
                text += f" · {frame.modes} modes covered"
            st.caption(f"{text} · gradient of the generator {frame.gradient:.3g}")
    st.markdown(sentence(game.configs, frames[: index + 1]))
    names = [
        f"{side}: {c.objective}" for side, c in zip(("Left", "Right"), game.configs, strict=True)
    ]
    until_now = {name: [both[i] for both in frames[: index + 1]] for i, name in enumerate(names)}
    left, right = st.columns(2, gap="large")
    with left:
        figure = charts.over_time(until_now, "wasserstein", "W1")
        figures.show("game w1", figure, "Wasserstein-1 distance to the target")
    with right:
        figure = charts.over_time(until_now, "gradient", "mean gradient norm")
        figure.update_yaxes(type="log", dtick=1)
        figures.show("game gradient", figure, "Gradient that reaches the generator")
