"""The view of a picture of the visitor's own: where it lands, among whom, and how surely."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.data.upright import upright
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.course import Moment
from ui import contact_sheet, figures, intake, own_digit, uploaded_pictures
from ui.clusters import charts
from ui.clusters.compare import colourings
from ui.clusters.runs import Story
from ui.components.linked_scatter import Ellipse, Panel, linked_scatter
from ui.components.thumbnails import thumbnails
from ui.frame import kept

DRAW, UPLOAD, TEST = "Draw", "Upload", "Test images"
NEAR, TESTED = 12, 18


class Landing(NamedTuple):
    """What the model makes of a picture."""

    mean: np.ndarray  # (L,) of q(z|x)
    probabilities: np.ndarray  # (K,)
    reconstruction: np.ndarray  # (28, 28) uint8
    log_density: float  # of the mixture at the mean, nats
    rank: float  # share of the images shown whose log-density is lower
    near: np.ndarray  # (NEAR,) rows of the images shown, the nearest first


class Place:
    """Draw, upload or choose a picture.

    Args:
        story: whose model reads it.
        controls: where the picture comes from.
    """

    name = "Place a picture"
    about = (
        "Your own picture goes through the encoder, and the mixture says whose it is. **Look "
        "first** where it lands, and at its neighbours. **Then** spoil it, a stroke at a time, "
        "until the clusters quarrel over it. **Last** draw what is no digit: the probabilities "
        "still sum to one, and only the density says that it is a stranger."
    )

    def __init__(self, story: Story, controls: DeltaGenerator) -> None:
        self.story = story
        self.moment = story.course.moments[-1]
        with controls, st.container(border=True):
            self.levels = self._choose()
            kept("place plane", "t-SNE")
            planes = ["t-SNE", "PCA", "clusters apart"]
            self.method = st.selectbox("Plane", planes, key="keep.place plane")

    def _choose(self) -> np.ndarray | None:
        """The picture, (28, 28) uint8."""
        dataset = self.story.course.config.dataset
        ways = [DRAW, UPLOAD]
        if dataset == "digits" or data.is_available(dataset):
            ways.append(TEST)
        kept("place source", DRAW)
        if st.session_state["keep.place source"] not in ways:
            del st.session_state["keep.place source"]
            st.session_state["keep.place source"] = DRAW
        way = st.segmented_control("Picture", ways, required=True, key="keep.place source")
        if way == DRAW:
            return self._drawn()
        if way == UPLOAD:
            return self._uploaded()
        shown = st_test_pictures(dataset)
        held = st.session_state.get("place test", 0)
        found = thumbnails(
            "place tests",
            shown[:, None],
            [f"Test image {i + 1}" for i in range(len(shown))],
            held,
            set_name=dataset,
            label="Test images",
        )
        if found is not None:
            held = st.session_state["place test"] = found
        return shown[held]

    def _drawn(self) -> np.ndarray | None:
        return own_digit.draw_digit("place canvas", "place drawing")

    def _uploaded(self) -> np.ndarray | None:
        file = st.file_uploader(
            "A digit on paper or on screen",
            type=uploaded_pictures.KINDS,
            key="place upload",
            help="It never leaves this server's memory.",
        )
        held = uploaded_pictures.read_once(
            "place digit",
            None if file is None else file.file_id,
            None if file is None else lambda: _digit(file.getvalue(), file.name),
        )
        if held.content is None:
            st.caption("Upload a picture of any size; the digit is centred.")
        return held.content

    def show(self) -> None:
        """Where it lands, and among whom."""
        if self.levels is None:
            st.info("Draw a digit, and see where it lands.")
            return
        landing = land(self.story, self.moment, self.levels)
        plane, xy = self._where(landing.mean)
        left, right = st.columns([5, 4], gap="large")
        with left:
            self._plane(plane, xy)
        with right:
            self._said(landing)
        pictures, real = self.story.pictures
        st.markdown("**Nearest in the space of latents**")
        st.image(
            contact_sheet.sheet(pictures[landing.near], NEAR),
            width="stretch",
            output_format="PNG",
            alt=f"The {NEAR} images nearest in the space of latents",
            caption=None if real else "Reconstructions: the images are not on this machine.",
        )

    def _where(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The plane of all, (M, 2), and the place of one in it."""
        moment = self.moment
        if self.method == "t-SNE" and moment.xy is not None:
            near = np.linalg.norm(moment.mean - mean, axis=1).argsort()[:5]
            return moment.xy, np.median(moment.xy[near], axis=0)
        method = "PCA" if self.method == "t-SNE" else self.method
        *_, found = embeddings.run(embeddings.Config(method), moment.mean, moment.assignment)
        return found.xy, found.place(mean[None])[0]

    def _plane(self, plane: np.ndarray, xy: np.ndarray) -> None:
        radius = 0.02 * np.ptp(plane, axis=0).max()
        here = Ellipse(*xy.tolist(), np.eye(2) * radius**2, 0, "yours", bold=True)
        linked_scatter(
            "place plane",
            [Panel("Yours among the images", plane, [here])],
            colourings(self.story, self.moment),
            label="Where your picture lands",
            pictures=self.story.sheet,
            revision=self.story.revision,
        )
        if self.method == "t-SNE":
            said = (
                "It is put at the median of its five nearest neighbours."
                if self.moment.xy is not None
                else "This run has no t-SNE, so the plane is that of PCA."
            )
            st.caption(said)

    def _said(self, landing: Landing) -> None:
        names, colours = self.story.clusters(self.moment)
        row = st.container(horizontal=True, gap="medium")
        for title, levels in (
            ("Yours, as it is read", _read(self.story, self.levels)),
            ("Reconstruction", landing.reconstruction),
        ):
            with row.container(width=130):
                st.caption(title)
                st.image(
                    contact_sheet.sheet(levels[None], 1, 8),
                    width="stretch",
                    output_format="PNG",
                    alt=title,
                )
        order = landing.probabilities.argsort()[::-1][:6]
        figure = charts.bars(
            landing.probabilities[order],
            [names[k] for k in order],
            [colours[k] for k in order],
            "probability",
        )
        figures.show("landing", figure, "Whose is it? q(c|x) of the likeliest")
        strange = (
            " **A stranger:** hardly any image lies so far out." if landing.rank < 0.01 else ""
        )
        log_density = f"{landing.log_density:.1f}".replace("-", "−")
        st.markdown(
            f"log p(z) under the mixture: {log_density} nats, higher than that of "
            f"{landing.rank:.0%} of the images shown.{strange}"
        )


def land(story: Story, moment: Moment, levels: np.ndarray) -> Landing:
    """What the model of a story makes of a picture (28, 28) uint8."""
    x = torch.from_numpy(_read(story, levels))[None, None].float() / 255
    device = next(story.model.parameters()).device
    plan = story.course.config.plan
    with torch.no_grad():
        latents = story.model.latents(x.to(device))
        mean, variance = latents.mean.cpu(), plan.variance(latents)
        probabilities = moment.mixture.responsibilities(
            mean, None if variance is None else variance.cpu()
        )[0]
        of_all = moment.mixture.log_prob(torch.from_numpy(moment.mean))
        own = float(moment.mixture.log_prob(mean)[0])
    z = mean[0].numpy()
    near = np.linalg.norm(moment.mean - z, axis=1).argsort()[:NEAR]
    return Landing(
        z,
        probabilities.numpy(),
        story.decoded(z[None])[0],
        own,
        float((of_all < own).float().mean()),
        near,
    )


def _read(story: Story, levels: np.ndarray) -> np.ndarray:
    """The picture as the networks were taught to read pictures."""
    if not story.course.config.set_upright:
        return levels
    x = torch.from_numpy(levels)[None, None].float() / 255
    return (upright(x)[0, 0] * 255).round().byte().numpy()


def _digit(content: bytes, name: str) -> np.ndarray:
    digit = intake.digit_from_picture(intake.read_picture(content, name))
    return (digit * 255).round().astype(np.uint8)


@st.cache_resource(show_spinner="Loading the images …", max_entries=3)
def st_test_pictures(dataset: str) -> np.ndarray:
    """Some test images, (n, 28, 28) uint8."""
    x = data.load(dataset, "test", download_missing=False).x[:TESTED, 0]
    return (x * 255).round().byte().numpy()
