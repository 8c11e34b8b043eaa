"""The view of paths: from one picture to another through the latent space, and in pixels."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.latent.paths import linear, spherical, steps_between
from ui import figures
from ui.components.picture_player import Track, picture_player
from ui.frame import kept
from ui.latent import pictures, position
from ui.latent.gallery import from_gallery
from ui.latent.spaces import Space

LINEAR, SPHERICAL, FADE = "latent, linear", "latent, spherical", "pixels, cross-fade"
SECONDS = 3.0
OTHER_END = {"mnist": 4, "svhn": 11, "celeba": 17}
"""Draw at the other end before another is chosen."""


class Path(NamedTuple):
    """One way from a picture to another."""

    drawn: np.ndarray  # uint8 (T, C, H, W)
    scores: np.ndarray  # (T,) of the critic
    length: float  # Euclidean, in pixels of [0, 1]


class Interpolate:
    """Three ways between the same two pictures.

    Args:
        space: whose.
        controls: where the other end is chosen.
    """

    name = "Interpolate"
    about = (
        "From the picture at hand to another, three ways. **Look first** at the middle: the "
        "latent paths pass through pictures, the cross-fade through two ghosts. **Then** at the "
        "critic, which finds the ghosts out. **Last** at the lengths: no way is shorter than the "
        "cross-fade, and a longer one is the price of staying among pictures."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        with controls, st.container(border=True):
            st.markdown("**To**")
            self.other = from_gallery(space, "other end", OTHER_END[space.dataset])
            kept("path steps", 24)
            self.steps = st.select_slider("Pictures", [8, 16, 24, 48], key="keep.path steps")

    def show(self) -> None:
        """The player, the critic's scores, the lengths."""
        space, here = self.space, position.here(self.space).z
        ways = paths(space, here, self.other, self.steps)
        usual = st_usual(space.dataset)
        tracks = [
            Track(name, way.drawn, tuple(f"critic {score:+.1f}" for score in way.scores))
            for name, way in ways.items()
        ]
        picture_player(
            f"paths {space.dataset}",
            tracks,
            label="Ways from one picture to another",
            start=self.steps // 2,
            seconds=SECONDS,
            width=220,
            there_and_back=True,
        )
        left, right = st.columns([3, 2], gap="large")
        with left:
            figures.show(
                "critic along", _critic(ways, usual), "What the critic says along the way"
            )
        with right:
            st.markdown("**Length, in pixels**")
            st.dataframe(
                [{"way": name, "length": way.length} for name, way in ways.items()],
                hide_index=True,
                placeholder="",
                column_config={
                    "length": st.column_config.NumberColumn(
                        format="%.2f",
                        help="Sum of Euclidean distances from each picture to the next, levels "
                        "in [0, 1].",
                    )
                },
            )
            st.button(
                "Go to the other end",
                on_click=partial(position.go, space, self.other),
                width="stretch",
            )
            st.download_button(
                "GIF",
                lambda: pictures.gif([way.drawn for way in ways.values()], 2 * SECONDS),
                f"{space.dataset}-path.gif",
                "image/gif",
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
            )


def paths(space: Space, a: np.ndarray, b: np.ndarray, steps: int) -> dict[str, Path]:
    """All three ways from latent a to b, (L,) each."""
    ends = torch.from_numpy(a), torch.from_numpy(b)
    latent = {LINEAR: linear(*ends, steps)}
    if min(np.linalg.norm(a), np.linalg.norm(b)) > 0:
        latent[SPHERICAL] = spherical(*ends, steps)
    drawn = {name: space.pictures(z.numpy()) for name, z in latent.items()}
    first, last = (torch.from_numpy(drawn[LINEAR][i].astype(np.float32)) for i in (0, -1))
    drawn[FADE] = linear(first, last, steps).round().to(torch.uint8).numpy()
    return {
        name: Path(
            each,
            space.scores(each),
            steps_between(torch.from_numpy(each).float() / 255).sum().item(),
        )
        for name, each in drawn.items()
    }


@st.cache_resource(show_spinner="Drawing …", max_entries=4)
def st_usual(dataset: str) -> tuple[float, float]:
    """What the critic says of draws: mean and standard deviation."""
    space = Space(dataset)
    scores = space.scores(space.pictures(space.draw(200, 200)))
    return float(scores.mean()), float(scores.std())


def _critic(ways: dict[str, Path], usual: tuple[float, float]) -> figures.Figure:
    figure = figures.empty("along the way", "critic")
    mean, sd = usual
    figure.add_hrect(mean - sd, mean + sd, fillcolor=figures.FAINT, opacity=0.4, line_width=0)
    figure.add_annotation(
        text="draws, ± 1 SD",
        x=1,
        xref="paper",
        xanchor="right",
        y=mean + sd,
        yanchor="bottom",
        showarrow=False,
    )
    looks = {
        LINEAR: {"color": figures.accent(), "dash": "dot"},
        SPHERICAL: {"color": figures.accent()},
        FADE: {"color": figures.GREY},
    }
    for name, way in ways.items():
        figure.add_scatter(
            x=np.linspace(0, 1, len(way.scores)),
            y=way.scores,
            name=name,
            mode="lines",
            line={"width": 2, **looks[name]},
        )
    return figure
