"""The view "Small GANs": two GANs with different objectives on the same target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.rng import generator
from dgm_core.studies.distances import toy_gan
from ui import figures, jobs, playback
from ui.distances import charts, shipped
from ui.distribution_choice import canvas
from ui.links import InLink, Setting
from ui.run_panel import Progress, RunPanel

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
TICK = 0.8
"""Seconds between two frames that are played."""

TARGET = Setting("game target", "ring", options=TARGETS)
LEFT = Setting("game left", "Wasserstein", options=tuple(toy_gan.OBJECTIVES))
RIGHT = Setting("game right", "minimax", options=tuple(toy_gan.OBJECTIVES))
PRESET = Setting("game preset", "critic sure from the start", options=PRESETS)
SEED = Setting("game seed", 0, low=0, high=9999)


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
        self.configs = None
        with controls, st.container(border=True):
            target = TARGET.widget(st.selectbox, "Target")
            drawn = canvas("game", "P") if target == "drawing" else None
            left = LEFT.widget(st.selectbox, "Left")
            right = RIGHT.widget(st.selectbox, "Right")
            preset = PRESET.widget(st.selectbox, "Training of the critic")
            seed = SEED.widget(st.number_input, "Seed")
            if target != "drawing" or drawn:
                more = toy_gan.PRESETS[preset]
                self.configs = shipped.games(target, (left, right), drawn, seed, **more)
            self.panel = RunPanel(
                "toy gan",
                self.configs,
                _work,
                action="Train",
                automatic=self.configs != shipped.first_games(),
            )
            self.panel.buttons()

    def show(self) -> None:
        """Draw both games."""
        if self.configs is None:
            st.info("Draw a target. Then both generators learn it.")
            return
        self.panel.show(
            self._run,
            without=lambda: self._play(shipped.st_games(), "shipped"),
            progress=_progress,
        )

    def _run(self, run: jobs.Run) -> None:
        frames = list(run.items)
        if self.panel.live:
            _game(self.configs, frames)
        else:
            self._play(frames, run.name)

    def _play(self, frames: list[shipped.Both], of: str) -> None:
        playback.play(
            "games playback",
            of,
            [f"{both[0].iteration:,}" for both in frames],
            lambda index: _game(self.configs, frames[: index + 1]),
            label="Iteration",
            seconds=TICK,
        )


def _work(configs: tuple[toy_gan.Config, ...]) -> Iterator[shipped.Both]:
    """The frames of both games, which advance together."""
    runs = [
        (item for item in toy_gan.run(config) if isinstance(item, toy_gan.Frame))
        for config in configs
    ]
    yield from zip(*runs, strict=True)


def _progress(run: jobs.Run) -> Progress | None:
    if not run.items:
        return None
    frame = run.items[-1][0]
    return Progress(frame.done, f"Iteration {frame.iteration:,} of {run.key[0].iterations:,}")


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


def _game(configs: tuple[toy_gan.Config, ...], frames: Sequence[shipped.Both]) -> None:
    """Draw the last of these frames, and the curves until then."""
    columns = st.columns(2, gap="large")
    for number, (config, column) in enumerate(zip(configs, columns, strict=True)):
        frame = frames[-1][number]
        with column:
            axis = np.asarray(toy_gan.axis(config))
            target = config.distribution.sample(300, generator(1)).numpy()
            title = f"{config.objective}, iteration {frame.iteration:,}"
            figures.show(f"game {number}", charts.game(frame, axis, target), title)
            text = f"W1 to the target {frame.wasserstein:.2f}"
            if frame.modes is not None:
                text += f" · {frame.modes} modes covered"
            st.caption(f"{text} · gradient of the generator {frame.gradient:.3g}")
    st.markdown(sentence(configs, frames))
    names = [f"{side}: {c.objective}" for side, c in zip(("Left", "Right"), configs, strict=True)]
    until_now = {name: [both[i] for both in frames] for i, name in enumerate(names)}
    left, right = st.columns(2, gap="large")
    with left:
        figure = charts.over_time(until_now, "wasserstein", "W1")
        figures.show("game w1", figure, "Wasserstein-1 distance to the target")
    with right:
        figure = charts.over_time(until_now, "gradient", "mean gradient norm")
        figure.update_yaxes(type="log", dtick=1)
        figures.show("game gradient", figure, "Gradient that reaches the generator")
