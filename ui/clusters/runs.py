"""The runs that the lab can show: the shipped ones and the visitor's own."""

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

from dgm_core import zoo
from dgm_core.checkout import ASSETS
from dgm_core.data.cluster_images import are_available, cluster_images
from dgm_core.data.parts import MNIST_TRAINING
from dgm_core.metrics.clustering import UNMATCHED, ClusteringScores, clustering_scores
from dgm_core.models.vae_gmm import MixtureVAE
from dgm_core.studies.clusters import history
from dgm_core.studies.clusters.history import History, Snapshot
from ui import cache, data_fetching, figures
from ui.components.linked_scatter import Sheet, sheet_of
from ui.components.linked_scatter.palette import colour

TITLES = {
    "mnist-vaegmm-diagonal": "MNIST, clusters without correlations",
    "digits-vaegmm": "Digits",
    "mnist-vaegmm": "MNIST, 10,000",
    "mnist-vaegmm-full": "MNIST, all",
    "omniglot-vaegmm": "Omniglot",
    "yours": "Yours",
}
FIRST_BEFORE = "digits-vaegmm"
"""The run that the page opened with before; share links that name no run still open it."""
OWN_RUN = "clusters of the visitor"
"""Session key of the `TrainedRun` that the visitor trained in the page."""

MOST_NAMED = 12
"""Number of labels, at most, after which clusters are named. Omniglot's alphabets are more, and
clusters of shapes do not correspond to them."""

RECONSTRUCTIONS = "The images are reconstructions: those of the data set are not on this server."


class Labels(NamedTuple):
    """The label of each image shown, and where the labels come from."""

    codes: np.ndarray  # (M,) int64
    names: tuple[str, ...]
    source: str  # "label" if they belong to the data set, else a phrase that names their source

    @property
    def few(self) -> bool:
        """Whether clusters are named after these labels."""
        return len(self.names) <= MOST_NAMED


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A finished run: its training history and the trained model.

    Attributes:
        name: a key of `TITLES`.
        history: of the training; the shipped one of model NAME is `assets/NAME.npz`.
        model: the networks after the last epoch.
    """

    name: str
    history: History
    model: MixtureVAE

    @property
    def title(self) -> str:
        """Name of the run on the page."""
        return TITLES[self.name]

    @property
    def revision(self) -> str:
        """Identifier that differs between runs; a selection belongs to one revision."""
        return f"{self.name} {zlib.crc32(repr(self.history.config).encode()):08x}"

    @property
    def snapshots(self) -> dict[str, Snapshot]:
        """Snapshots by their names on the page; the control comes last, if there is one."""
        history = self.history
        named = {f"Epoch {snapshot.epoch}": snapshot for snapshot in history.early}
        named["Before"] = history.snapshots[0]
        for snapshot in history.snapshots[1:-1]:
            named[f"Round {snapshot.round}"] = snapshot
        if len(history.snapshots) > 1:
            named["After"] = history.snapshots[-1]
        if history.control is not None:
            named["Control"] = history.control
        return named

    @cached_property
    def labels(self) -> Labels | None:
        """Labels of the data set if it is available, else of a classifier, else None."""
        config, shown = self.history.config, self.history.images
        if are_available(config.dataset, config.images):
            images, classes = st_images(config.dataset, config.images, config.deskewed, shown)
            present, codes = np.unique(images[1], return_inverse=True)
            names = shortened(classes)
            return Labels(codes, tuple(names[k] for k in present), "label")
        if self.history.read is not None:
            names = tuple(str(each) for each in range(10))
            return Labels(self.history.read, names, "label, as a classifier reads it")
        return None

    @cached_property
    def pictures(self) -> tuple[np.ndarray, bool]:
        """Images (M, 28, 28) uint8, and True if they are the data, False if reconstructions."""
        config, shown = self.history.config, self.history.images
        if are_available(config.dataset, config.images):
            images, _ = st_images(config.dataset, config.images, config.deskewed, shown)
            return images[0], True
        return self.decoded(self.history.snapshots[-1].mean), False

    @cached_property
    def sheet(self) -> Sheet:
        """The images as the sprite sheet of a linked scatter."""
        return sheet_of(self.pictures[0])

    def decoded(self, z: np.ndarray) -> np.ndarray:
        """Latents (n, L) → mean pixels (n, 28, 28) uint8."""
        device = next(self.model.parameters()).device
        with torch.no_grad():
            parts = torch.from_numpy(np.asarray(z, np.float32)).to(device).split(1000)
            levels = [self.model.decode(part).mean[:, 0] for part in parts]
        return (torch.cat(levels) * 255).round().byte().cpu().numpy()

    def scores(self, snapshot: Snapshot) -> ClusteringScores | None:
        """Scores over the images shown; None if no labels are available."""
        if self.labels is None:
            return None
        clusters, labels = (
            torch.from_numpy(each) for each in (snapshot.assignment, self.labels.codes)
        )
        return clustering_scores(clusters, labels, self.history.config.clusters)

    def clusters(self, snapshot: Snapshot) -> tuple[list[str], list[str]]:
        """Names and colours of the clusters.

        A cluster has the colour of the label that it is matched with, and that label in its name.
        An unmatched cluster has only its number, and a muted colour.
        """
        scores = self.scores(snapshot)
        count = self.history.config.clusters
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
    """Class names without the part in brackets, unless two would then be equal."""
    bare = [name.partition("_(")[0] for name in names]
    unique = [one if bare.count(one) == 1 else name for one, name in zip(bare, names, strict=True)]
    return [name.replace("_", " ") for name in unique]


def _muted(hue: str) -> str:
    """The colour mixed half and half with grey."""
    mixed = [(int(hue[i : i + 2], 16) + int(figures.GREY[i : i + 2], 16)) // 2 for i in (1, 3, 5)]
    return "#" + "".join(f"{level:02X}" for level in mixed)


def available() -> list[str]:
    """Names of the runs that can be shown; the visitor's own comes last."""
    models = zoo.names()
    shipped = [name for name in TITLES if name in models and (ASSETS / f"{name}.npz").is_file()]
    return shipped + (["yours"] if OWN_RUN in st.session_state else [])


def offer_images(name: str) -> None:
    """Say what is missing if the images of a run are not here, and offer MNIST's."""
    if name == "yours":
        return
    config = st_history(name).config
    if are_available(config.dataset, config.images):
        return
    if config.dataset == "mnist" and config.images <= MNIST_TRAINING:
        data_fetching.offer("mnist", part="run", why=RECONSTRUCTIONS)
    else:
        st.caption(
            f"{RECONSTRUCTIONS} This run needs all of them. Whoever runs the app can add them: "
            f"`dgm data fetch {config.dataset}`"
        )


def trained_run(name: str) -> TrainedRun:
    """The run with a name in `available()`."""
    return st.session_state[OWN_RUN] if name == "yours" else st_shipped_run(name)


def st_shipped_run(name: str) -> TrainedRun:
    """A shipped run; shared by all sessions, read-only.

    A run remembers whether its images are here, so another one replaces it once they are.
    """
    config = st_history(name).config
    return _st_shipped_run(name, are_available(config.dataset, config.images))


@st.cache_resource(show_spinner="Opening the run …", max_entries=4)
def st_history(name: str) -> History:
    """The history of a shipped run."""
    return history.load(ASSETS / f"{name}.npz")


@st.cache_resource(show_spinner="Opening the run …", max_entries=4)
def _st_shipped_run(name: str, with_images: bool) -> TrainedRun:
    return TrainedRun(name, st_history(name), cache.st_model(name))


@st.cache_resource(show_spinner="Loading the images …", max_entries=6)
def st_images(
    dataset: str, images: int, deskewed: bool, shown: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[str, ...]]:
    """The first `shown` images of a run (M, 28, 28) uint8 with labels (M,), and class names."""
    loaded = cluster_images(dataset, images, deskewed=deskewed)
    pair = (loaded.x[:shown, 0].numpy().copy(), loaded.y[:shown].numpy().copy())
    return pair, loaded.classes
