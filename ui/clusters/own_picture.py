"""The view "Place a picture": the latent, the cluster and the neighbours of an own picture."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.data.deskew import deskew
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.history import Snapshot
from ui import contact_sheet, data_fetching, figures, glossary, own_digit, uploaded_pictures
from ui.clusters import charts
from ui.clusters.compare import colourings
from ui.clusters.runs import RECONSTRUCTIONS, TrainedRun
from ui.components.linked_scatter import Ellipse, Panel, linked_scatter
from ui.components.thumbnails import thumbnails
from ui.links import InLink, Setting
from ui.percent import percent

DRAW, UPLOAD, TEST = "Draw", "Upload", "Test images"
SOURCE = Setting("place source", DRAW, options=(DRAW, UPLOAD, TEST))
PLANE = Setting("place plane", "t-SNE", options=("t-SNE", "PCA", "clusters apart"))
NEIGHBOURS, TESTED = 12, 18
"""Nearest images shown, and test images to choose from."""


class Position(NamedTuple):
    """A picture in the latent space."""

    mean: np.ndarray  # (L,) of q(z|x)
    probabilities: np.ndarray  # (K,) q(c|x)
    reconstruction: np.ndarray  # (28, 28) uint8
    log_density: float  # of the mixture at the mean, nats
    rank: float  # fraction of the images shown whose log-density is lower
    neighbours: np.ndarray  # (NEIGHBOURS,) rows of the images shown, the nearest first


class OwnPicture:
    """Draw, upload or choose a picture.

    Args:
        trained: the run whose model encodes the picture.
        controls: container for the choice of the picture.
    """

    name = "Place a picture"
    about = (
        "The encoder maps your picture to the latent space, and the mixture gives the probability "
        "of each cluster. **First** see where your picture is placed, and which images are its "
        "neighbours. **Then** change it stroke by stroke until the cluster is uncertain. **Last** "
        "draw something that is no digit: the probabilities still sum to one, and only the low "
        "density shows that the picture is unusual."
    )

    settings: ClassVar[tuple[InLink, ...]] = (SOURCE, PLANE)

    def __init__(self, trained: TrainedRun, controls: DeltaGenerator) -> None:
        self.trained = trained
        self.snapshot = trained.history.snapshots[-1]
        with controls, st.container(border=True):
            self.levels = self._choose()
            self.method = PLANE.widget(st.selectbox, "Plane")

    def _choose(self) -> np.ndarray | None:
        """The picture, (28, 28) uint8; None if there is none yet."""
        dataset = self.trained.history.config.dataset
        sources = [DRAW, UPLOAD]
        if dataset == "digits" or data.is_available(dataset):
            sources.append(TEST)
        source = SOURCE.widget(st.segmented_control, "Picture", options=sources, required=True)
        data_fetching.offer(dataset, part="place", why="Its test images are not on this server.")
        if source == DRAW:
            return own_digit.draw_digit("place canvas", "place drawing")
        if source == UPLOAD:
            return self._uploaded()
        images = st_test_images(dataset)
        chosen = st.session_state.get("place test", 0)
        clicked = thumbnails(
            "place tests",
            images[:, None],
            [f"Test image {i + 1}" for i in range(len(images))],
            chosen,
            set_name=dataset,
            label="Test images",
        )
        if clicked is not None:
            chosen = st.session_state["place test"] = clicked
        return images[chosen]

    def _uploaded(self) -> np.ndarray | None:
        return uploaded_pictures.upload_digit("place upload", "place digit")

    def show(self) -> None:
        """Draw the picture among the images, its clusters and its neighbours."""
        if self.levels is None:
            st.info("Draw a digit to see where it is placed.")
            return
        position = position_of(self.trained, self.snapshot, self.levels)
        plane, xy = self._projected(position.mean)
        left, right = st.columns([5, 4], gap="large")
        with left:
            self._plane(plane, xy)
        with right:
            self._clusters(position)
        pictures, real = self.trained.pictures
        st.markdown("**Nearest images in the latent space**")
        st.image(
            contact_sheet.sheet(pictures[position.neighbours], NEIGHBOURS),
            width="stretch",
            output_format="PNG",
            alt=f"The {NEIGHBOURS} nearest images in the latent space",
            caption=None if real else RECONSTRUCTIONS,
        )

    def _projected(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The plane of all images, (M, 2), and the own picture in it, (2,)."""
        snapshot = self.snapshot
        if self.method == "t-SNE" and snapshot.xy is not None:
            nearest = np.linalg.norm(snapshot.mean - mean, axis=1).argsort()[:5]
            return snapshot.xy, np.median(snapshot.xy[nearest], axis=0)
        method = "PCA" if self.method == "t-SNE" else self.method
        *_, layout = embeddings.run(embeddings.Config(method), snapshot.mean, snapshot.assignment)
        return layout.xy, layout.project(mean[None])[0]

    def _plane(self, plane: np.ndarray, xy: np.ndarray) -> None:
        radius = 0.02 * np.ptp(plane, axis=0).max()
        mark = Ellipse(*xy.tolist(), np.eye(2) * radius**2, 0, "yours", bold=True)
        linked_scatter(
            "place plane",
            [Panel("Your picture among the images", plane, [mark])],
            colourings(self.trained, self.snapshot),
            label="Your picture in the plane",
            pictures=self.trained.sheet,
            revision=self.trained.revision,
        )
        if self.method == "t-SNE":
            st.caption(
                "Your picture is drawn at the median of its five nearest neighbours."
                if self.snapshot.xy is not None
                else "This run has no t-SNE, so the plane shows PCA."
            )

    def _clusters(self, position: Position) -> None:
        names, colours = self.trained.clusters(self.snapshot)
        row = st.container(horizontal=True, gap="medium")
        for title, levels in (
            ("Input of the encoder", _network_input(self.trained, self.levels)),
            ("Reconstruction", position.reconstruction),
        ):
            with row.container(width=130):
                st.caption(title)
                st.image(
                    contact_sheet.sheet(levels[None], 1, 8),
                    width="stretch",
                    output_format="PNG",
                    alt=title,
                )
        order = position.probabilities.argsort()[::-1][:6]
        figure = charts.bars(
            position.probabilities[order],
            [names[k] for k in order],
            [colours[k] for k in order],
            "probability",
        )
        figures.show("landing", figure, "Most probable clusters, q(c|x)")
        unusual = " **Unusual:** almost no image has so low a density."
        log_density = f"{position.log_density:.1f}".replace("-", "−")
        text = (
            f"log p(z) under the mixture: {log_density} nats. {percent(position.rank)} of the "
            f"images shown have a lower value.{unusual if position.rank < 0.01 else ''}"
        )
        st.markdown(text, help=glossary.hover(text))


def position_of(trained: TrainedRun, snapshot: Snapshot, levels: np.ndarray) -> Position:
    """A picture (28, 28) uint8 in the latent space of a run."""
    x = torch.from_numpy(_network_input(trained, levels))[None, None].float() / 255
    device = next(trained.model.parameters()).device
    plan = trained.history.config.plan
    with torch.no_grad():
        latents = trained.model.latents(x.to(device))
        mean, variance = latents.mean.cpu(), plan.variance(latents)
        probabilities = snapshot.mixture.responsibilities(
            mean, None if variance is None else variance.cpu()
        )[0]
        of_images = snapshot.mixture.log_prob(torch.from_numpy(snapshot.mean))
        own = float(snapshot.mixture.log_prob(mean)[0])
    z = mean[0].numpy()
    neighbours = np.linalg.norm(snapshot.mean - z, axis=1).argsort()[:NEIGHBOURS]
    return Position(
        z,
        probabilities.numpy(),
        trained.decoded(z[None])[0],
        own,
        float((of_images < own).float().mean()),
        neighbours,
    )


def _network_input(trained: TrainedRun, levels: np.ndarray) -> np.ndarray:
    """The picture preprocessed like the training images, (28, 28) uint8."""
    if not trained.history.config.deskewed:
        return levels
    x = torch.from_numpy(levels)[None, None].float() / 255
    return (deskew(x)[0, 0] * 255).round().byte().numpy()


@st.cache_resource(show_spinner="Loading the images …", max_entries=3)
def st_test_images(dataset: str) -> np.ndarray:
    """The first test images, (n, 28, 28) uint8."""
    x = data.load(dataset, "test", download_missing=False).x[:TESTED, 0]
    return (x * 255).round().byte().numpy()
