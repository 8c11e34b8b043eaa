"""The runs that can be looked at: those that are shipped, and the visitor's own."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from dgm_core import data, zoo
from dgm_core.data.cluster_images import cluster_images
from dgm_core.metrics.clustering import UNMATCHED, ClusteringScores, clustering_scores
from dgm_core.models.vae_gmm import MixtureVAE
from dgm_core.studies.clusters import course as cluster_course
from dgm_core.studies.clusters.course import Course, Moment
from ui import cache, figures
from ui.assets import ASSETS
from ui.components.linked_scatter import Sheet, sheet_of
from ui.components.linked_scatter.palette import colour

"""For each model NAME: `NAME.npz`, the course of its training."""

TITLES = {
    "digits-vaegmm": "Digits",
    "mnist-vaegmm": "MNIST, 10,000",
    "mnist-vaegmm-full": "MNIST, all",
    "omniglot-vaegmm": "Omniglot",
    "yours": "Yours",
}
YOURS = "clusters of the visitor"
"""Place in the session of what was trained in the page: a `Story`."""


MOST_NAMED = 12
"""Labels that clusters may be named after. More of them, as Omniglot's alphabets, are none that
clusters of shapes could find."""


class Labels(NamedTuple):
    """What each of the images shown is, by whom."""

    codes: np.ndarray  # (M,) int64
    names: tuple[str, ...]
    said: str  # "label", or who read it

    @property
    def few(self) -> bool:
        """Can clusters be named after them?"""
        return len(self.names) <= MOST_NAMED


@dataclass(frozen=True, eq=False)
class Story:
    """One run: its course, and the networks at its end."""

    name: str
    course: Course
    model: MixtureVAE

    @property
    def title(self) -> str:
        """On the screen."""
        return TITLES[self.name]

    @property
    def revision(self) -> str:
        """Another where its images are others, or their places: what was chosen is then void."""
        return f"{self.name} {zlib.crc32(repr(self.course.config).encode()):08x}"

    @property
    def moments(self) -> dict[str, Moment]:
        """By their names on the screen; the control is the last, if there is one."""
        course = self.course
        named = {f"Epoch {moment.epoch}": moment for moment in course.early}
        named["Before"] = course.moments[0]
        for moment in course.moments[1:-1]:
            named[f"Round {moment.round}"] = moment
        if len(course.moments) > 1:
            named["After"] = course.moments[-1]
        if course.control is not None:
            named["Control"] = course.control
        return named

    @cached_property
    def labels(self) -> Labels | None:
        """Of the data set where it is here, else as a classifier read them, else none."""
        config, shown = self.course.config, self.course.images
        if config.dataset == "digits" or data.is_available(config.dataset):
            images, classes = st_images(config.dataset, config.images, config.set_upright, shown)
            present, codes = np.unique(images[1], return_inverse=True)
            names = shortened(classes)
            return Labels(codes, tuple(names[k] for k in present), "label")
        if self.course.read is not None:
            names = tuple(str(each) for each in range(10))
            return Labels(self.course.read, names, "label, as a classifier reads it")
        return None

    @cached_property
    def pictures(self) -> tuple[np.ndarray, bool]:
        """(M, 28, 28) uint8, and whether they are the images, not what the decoder makes of z."""
        config, shown = self.course.config, self.course.images
        if config.dataset == "digits" or data.is_available(config.dataset):
            images, _ = st_images(config.dataset, config.images, config.set_upright, shown)
            return images[0], True
        return self.decoded(self.course.moments[-1].mean), False

    @cached_property
    def sheet(self) -> Sheet:
        """The pictures for a scatter."""
        return sheet_of(self.pictures[0])

    def decoded(self, z: np.ndarray) -> np.ndarray:
        """Latents (n, L) → mean pixels (n, 28, 28) uint8."""
        device = next(self.model.parameters()).device
        with torch.no_grad():
            parts = torch.from_numpy(np.asarray(z, np.float32)).to(device).split(1000)
            levels = [self.model.decode(part).mean[:, 0] for part in parts]
        return (torch.cat(levels) * 255).round().byte().cpu().numpy()

    def scores(self, moment: Moment) -> ClusteringScores | None:
        """Of the images shown alone."""
        if self.labels is None:
            return None
        found, truth = torch.from_numpy(moment.assignment), torch.from_numpy(self.labels.codes)
        return clustering_scores(found, truth, self.course.config.clusters)

    def clusters(self, moment: Moment) -> tuple[list[str], list[str]]:
        """Names and colours of the clusters: those of the label that each is matched with.

        A cluster without a partner has its number alone, and a colour that is no label's.
        """
        scores = self.scores(moment)
        count = self.course.config.clusters
        if scores is None or not self.labels.few:
            return [str(k + 1) for k in range(count)], [colour(k) for k in range(count)]
        matched = scores.matched.tolist()
        spare = itertools.count()
        names, colours = [], []
        for k, label in enumerate(matched):
            alone = label == UNMATCHED
            names.append(f"{k + 1}" if alone else f"{k + 1} ≈ {self.labels.names[label]}")
            colours.append(_muted(colour(next(spare))) if alone else colour(label))
        return names, colours


def shortened(names: Sequence[str]) -> list[str]:
    """Names of a data set as they are read: without what stands in brackets, if that may go."""
    bare = [name.partition("_(")[0] for name in names]
    whole = [one if bare.count(one) == 1 else name for one, name in zip(bare, names, strict=True)]
    return [name.replace("_", " ") for name in whole]


def _muted(hue: str) -> str:
    """Halfway to grey."""
    mixed = [(int(hue[i : i + 2], 16) + int(figures.GREY[i : i + 2], 16)) // 2 for i in (1, 3, 5)]
    return "#" + "".join(f"{level:02X}" for level in mixed)


def offered() -> list[str]:
    """Names of the runs that can be looked at; the visitor's own is the last."""
    here = zoo.names()
    shipped = [name for name in TITLES if name in here and (ASSETS / f"{name}.npz").is_file()]
    return shipped + (["yours"] if YOURS in st.session_state else [])


def story(name: str) -> Story:
    """By a name in `offered()`."""
    return st.session_state[YOURS] if name == "yours" else st_story(name)


@st.cache_resource(show_spinner="Opening the run …", max_entries=4)
def st_story(name: str) -> Story:
    """A shipped one; shared by all sessions, read-only."""
    return Story(name, cluster_course.load(ASSETS / f"{name}.npz"), cache.st_model(name))


@st.cache_resource(show_spinner="Loading the images …", max_entries=6)
def st_images(
    dataset: str, images: int, set_upright: bool, shown: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[str, ...]]:
    """The first `shown` of a run's images (M, 28, 28) uint8 with labels (M,), and the classes."""
    found = cluster_images(dataset, images, set_upright=set_upright)
    pair = (found.x[:shown, 0].numpy().copy(), found.y[:shown].numpy().copy())
    return pair, found.classes
