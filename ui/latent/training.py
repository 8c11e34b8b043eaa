"""The view "Training": snapshots of the training, and the quality of the images."""

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
    """Snapshots of a training as a film, and the measured numbers of the model card.

    Args:
        space: the latent space.
        controls: container for the numbers.
    """

    name = "Training"
    about = (
        "The images of the same 25 latents during training. **First** play the film: when do "
        "shapes appear, and when can you recognise the images? **Then** look at the distance: "
        "does it keep falling after the images look good? **Last** compare it with its "
        "floor, the distance between two sets of real images. The features come from a classifier "
        "trained in this project, not from Inception."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self.measured = zoo.card(f"{space.dataset}-wgan").get("measured", {})
        with controls:
            if self.measured:
                self._numbers(self.measured)

    def _numbers(self, measured: Mapping[str, Any]) -> None:
        made, real, distance = (measured[name] for name in ("made", "real", "frechet"))
        with st.container(border=True):
            st.metric(
                "Fréchet distance ÷ floor",
                f"{distance['times_floor']:.1f}",
                help=f"{distance['generated']:.2f} ± {distance['generated_deviation']:.2f} for "
                f"generated images, {distance['floor']:.2f} ± "
                f"{distance['floor_deviation']:.2f} for as many training images (the floor). "
                f"{measured['estimator']}.",
            )
            left, right = st.columns(2)
            left.metric(
                "Precision",
                f"{made['precision']:.2f}",
                help="Fraction of generated images that lie among real images, by nearest "
                "neighbours in feature space (Kynkäänniemi et al. 2019). Real test images reach "
                f"{real['precision']:.2f}.",
            )
            right.metric(
                "Recall",
                f"{made['recall']:.2f}",
                help="Fraction of real images that lie among generated images. Real test images "
                f"reach {real['recall']:.2f}.",
            )
            copied = made["nearest"] < 0.9 * real["nearest"]
            st.caption(
                "Median Euclidean distance to the nearest training image: "
                f"{made['nearest']:.1f} for generated images, {real['nearest']:.1f} for test "
                f"images.{'' if copied else ' There is no sign of copying in pixel distance.'}"
            )

    def show(self) -> None:
        """Draw the film and the distance."""
        history = self.space.history
        if history is None:
            st.info("The snapshots of this training are not available.")
            return
        sheets = np.stack([_levels(sheet) for sheet in history.sheets])
        left, right = st.columns([1, 1], gap="large")
        with left:
            picture_player(
                f"history {self.space.dataset}",
                [Track("25 latents", sheets)],
                label="Snapshots of the training",
                positions=[f"iteration {iteration:,}" for iteration in history.iterations],
                start=len(history.iterations) - 1,
                seconds=6.0,
                width=420,
            )
        with right:
            figure = figures.empty("iteration", "distance", height=320)
            figure.add_scatter(
                x=[max(1, each) for each in history.iterations],
                y=history.frechet,
                mode="lines+markers",
                line={"color": figures.accent(), "width": 2},
                name="generated images",
            )
            if self.measured:
                floor = self.measured["frechet_during_training"]["floor"]
                figure.add_hline(floor, line={"color": figures.GREY, "dash": "dash", "width": 1.5})
                figure.add_annotation(
                    text="floor: 2,000 real images",
                    x=0,
                    xref="paper",
                    xanchor="left",
                    yanchor="bottom",
                    y=math.log10(floor),
                    showarrow=False,
                )
            figure.update_xaxes(type="log")
            figure.update_yaxes(type="log", dtick=1)
            figures.show("frechet", figure, "Fréchet distance in classifier features")
            st.caption(
                "Each point uses 2,000 generated images. The floor is the mean distance of 2,000 "
                "training images from the others. “Fréchet distance ÷ floor” uses "
                f"{self.measured['frechet']['images']:,} images."
                if self.measured
                else "Each point uses 2,000 generated images."
            )
        nearest_images.show(self.space)


def _levels(sheet: bytes) -> np.ndarray:
    """A JPEG as uint8 (C, H, W)."""
    pixels = np.array(Image.open(io.BytesIO(sheet)))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
