"""The view of the training: from noise to pictures, and how good they are."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from dgm_core import zoo
from ui import figures
from ui.components.picture_player import Track, picture_player
from ui.latent import nearest_images
from ui.latent.spaces import Space


class Training:
    """Snapshots of a training, as a film, and the numbers on the card.

    Args:
        space: whose.
        controls: where the numbers stand.
    """

    name = "Training"
    about = (
        "The same 25 latents at moments of the training. **Look first** at how soon there are "
        "shapes, and how late they make sense. **Then** at the distance, which falls long "
        "after the eye is content. **Last** at its floor: so far real pictures lie from one "
        "another, in the features of a classifier of our own, not of Inception."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self.measured = zoo.card(f"{space.dataset}-wgan").get("measured", {})
        with controls:
            if self.measured:
                self._numbers(self.measured)

    def _numbers(self, measured: Mapping[str, Any]) -> None:
        made, real = measured["made"], measured["real"]
        with st.container(border=True):
            st.metric(
                "Fréchet distance ÷ floor",
                f"{measured['times_floor']:.1f}",
                help=f"{made['frechet']:.2f} against {real['frechet']:.2f} of real pictures. "
                f"{measured['estimator']}.",
            )
            left, right = st.columns(2)
            left.metric(
                "Precision",
                f"{made['precision']:.2f}",
                help="Share of made pictures among real ones, by nearest neighbours in features "
                f"(Kynkäänniemi et al. 2019). Real test pictures: {real['precision']:.2f}.",
            )
            right.metric(
                "Recall",
                f"{made['recall']:.2f}",
                help="Share of real pictures among made ones. Real test pictures: "
                f"{real['recall']:.2f}.",
            )
            st.caption(
                f"Distance in pixels to the nearest training picture: {made['nearest']:.1f} of "
                f"made ones, {real['nearest']:.1f} of test pictures. Not nearer: not learned by "
                "heart."
                if made["nearest"] >= 0.9 * real["nearest"]
                else f"Distance in pixels to the nearest training picture: {made['nearest']:.1f} "
                f"of made ones, {real['nearest']:.1f} of test pictures."
            )

    def show(self) -> None:
        """The film, and the distance."""
        course = self.space.course
        if course is None:
            st.info("The snapshots of this training are not here.")
            return
        sheets = np.stack([_levels(sheet) for sheet in course.sheets])
        left, right = st.columns([1, 1], gap="large")
        with left:
            picture_player(
                f"course {self.space.dataset}",
                [Track("25 latents", sheets)],
                label="Snapshots of the training",
                places=[f"{iteration:,} its" for iteration in course.iterations],
                start=len(course.iterations) - 1,
                seconds=6.0,
                width=420,
            )
        with right:
            figure = figures.empty("iteration", "distance", height=320)
            figure.add_scatter(
                x=[max(1, each) for each in course.iterations],
                y=course.frechet,
                mode="lines+markers",
                line={"color": figures.accent(), "width": 2},
                name="made pictures",
            )
            if self.measured:
                floor = self.measured["real"]["frechet"]
                figure.add_hline(floor, line={"color": figures.GREY, "dash": "dash", "width": 1.5})
                figure.add_annotation(
                    text="real pictures",
                    x=0,
                    xref="paper",
                    xanchor="left",
                    yanchor="bottom",
                    y=math.log10(floor),
                    showarrow=False,
                )
            figure.update_xaxes(type="log")
            figure.update_yaxes(type="log", dtick=1)
            figures.show("frechet", figure, "Fréchet distance in features of our classifier")
            st.caption(
                "Of 2,000 pictures at each moment; the number on the left is of as many as there "
                "are test pictures."
            )
        nearest_images.show(self.space)


def _levels(sheet: bytes) -> np.ndarray:
    """A JPEG as uint8 (C, H, W)."""
    pixels = np.array(Image.open(io.BytesIO(sheet)))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
