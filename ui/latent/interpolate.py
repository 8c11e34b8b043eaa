"""The view "Interpolate": paths between two images, in the latent space and in pixels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.latent.paths import linear, spherical, steps_between
from ui import figures, glossary
from ui.components.picture_player import Track, picture_player
from ui.download_button import download_button
from ui.latent import files, position
from ui.latent.gallery import from_gallery
from ui.latent.spaces import Space
from ui.links import Setting

LINEAR, SPHERICAL, FADE = "latent, linear", "latent, spherical", "pixels, cross-fade"
STEPS = Setting("path steps", 24, options=(8, 16, 24, 48))
SECONDS = 3.0
OTHER_END = {"mnist": 4, "svhn": 11, "celeba": 17}
"""Data set → the draw at the other end before the first click."""


class Path(NamedTuple):
    """A path from one image to another."""

    images: np.ndarray  # uint8 (T, C, H, W)
    scores: np.ndarray  # (T,) of the critic
    length: float  # sum of Euclidean distances, levels in [0, 1]


class Interpolate:
    """Three paths between the same two images.

    Args:
        space: the latent space.
        controls: container for the choice of the other end.
    """

    name = "Interpolate"
    about = (
        "Three paths from the current image to another. **First** look at the middle: the latent "
        "paths show single images, the cross-fade shows two images on top of each other. "
        "**Then** look at the critic: does it give the middle of the cross-fade a lower score? "
        "**Last** compare the lengths: no path is shorter than the cross-fade."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        with controls, st.container(border=True):
            st.markdown("**To**")
            self.other = from_gallery(space, "other end", OTHER_END[space.dataset])
            self.steps = STEPS.widget(st.select_slider, "Number of images")

    def show(self) -> None:
        """Draw the player, the critic scores and the lengths."""
        space, current = self.space, position.current(self.space).z
        found = paths(space, current, self.other, self.steps)
        typical = st_typical_scores(space.dataset)
        tracks = [
            Track(name, path.images, tuple(f"critic {score:+.1f}" for score in path.scores))
            for name, path in found.items()
        ]
        picture_player(
            f"paths {space.dataset}",
            tracks,
            label="Paths from one image to another",
            start=self.steps // 2,
            seconds=SECONDS,
            width=220,
            there_and_back=True,
        )
        left, right = st.columns([3, 2], gap="large")
        with left:
            figures.show("critic along", _critic(found, typical), "Critic score along the path")
            glossary.caption(middle_scores(found))
        with right:
            st.markdown("**Length in pixel space**")
            st.dataframe(
                [{"path": name, "length": path.length} for name, path in found.items()],
                hide_index=True,
                placeholder="",
                column_config={
                    "length": st.column_config.NumberColumn(
                        format="%.2f",
                        help="Sum of the Euclidean distances from each image to the next, with "
                        "levels in [0, 1].",
                    )
                },
            )
            st.button(
                "Make the other end the current image",
                on_click=partial(position.move_to, space, self.other),
                width="stretch",
            )
            download_button(
                "GIF",
                lambda: files.gif([path.images for path in found.values()], 2 * SECONDS),
                f"{space.dataset}-path.gif",
                "image/gif",
                width="stretch",
            )


def paths(space: Space, a: np.ndarray, b: np.ndarray, steps: int) -> dict[str, Path]:
    """The three paths from latent a to b, (L,) each. There is no spherical one from or to 0."""
    ends = torch.from_numpy(a), torch.from_numpy(b)
    latent = {LINEAR: linear(*ends, steps)}
    if min(np.linalg.norm(a), np.linalg.norm(b)) > 0:
        latent[SPHERICAL] = spherical(*ends, steps)
    images = {name: space.images(z.numpy()) for name, z in latent.items()}
    first, last = (torch.from_numpy(images[LINEAR][i].astype(np.float32)) for i in (0, -1))
    images[FADE] = linear(first, last, steps).round().to(torch.uint8).numpy()
    return {
        name: Path(
            each,
            space.scores(each),
            steps_between(torch.from_numpy(each).float() / 255).sum().item(),
        )
        for name, each in images.items()
    }


@st.cache_resource(show_spinner="Drawing …", max_entries=4)
def st_typical_scores(dataset: str) -> tuple[float, float]:
    """Mean and standard deviation of the critic score of draws."""
    space = Space(dataset)
    scores = space.scores(space.images(space.draw(200, 200)))
    return float(scores.mean()), float(scores.std())


def middle_scores(found: Mapping[str, Path]) -> str:
    """The critic score in the middle of each path, and whether the cross-fade has the lowest."""
    middle = {name: float(path.scores[len(path.scores) // 2]) for name, path in found.items()}
    each = "; ".join(f"{name} {score:+.1f}" for name, score in middle.items())
    lowest = middle[FADE] < min(score for name, score in middle.items() if name != FADE)
    verdict = "has" if lowest else "does not have"
    return f"Critic scores in the middle: {each}. The cross-fade {verdict} the lowest."


def _critic(found: dict[str, Path], typical: tuple[float, float]) -> figures.Figure:
    figure = figures.empty("fraction of the path", "critic score")
    mean, sd = typical
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
    styles = {
        LINEAR: {"color": figures.accent(), "dash": "dot"},
        SPHERICAL: {"color": figures.accent()},
        FADE: {"color": figures.GREY},
    }
    for name, path in found.items():
        figure.add_scatter(
            x=np.linspace(0, 1, len(path.scores)),
            y=path.scores,
            name=name,
            mode="lines",
            line={"width": 2, **styles[name]},
        )
    return figure
