"""The view "Before and after": two snapshots of a run in linked planes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import CLUSTERING_DEFINITIONS
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.history import Curve, History, Snapshot
from ui import figures, glossary, jobs
from ui.clusters import charts, selection
from ui.clusters.layouts import Layouts
from ui.clusters.runs import TrainedRun
from ui.components.linked_scatter import Categories, Panel, Ramp, linked_scatter
from ui.links import InLink, Setting
from ui.percent import percent

METHODS = {
    "t-SNE": "Neighbours stay neighbours. Sizes of clusters and distances between them mean "
    "little.",
    "UMAP-like": "t-SNE with four times the attraction. The result looks like UMAP.",
    "PCA": "The plane of the largest variance. Distances can be compared.",
    "clusters apart": "Fisher's plane: it separates the clusters as far as possible.",
}
MOST_SNAPSHOTS = 100
"""Rounds or epochs, at most, that a share link may name."""


def read_snapshot(text: str) -> str:
    """Name of a snapshot: Before, After, Control, Round n or Epoch n.

    Raises:
        ValueError: the text is not such a name.
    """
    if text not in ("Before", "After", "Control"):
        word, _, number = text.partition(" ")
        if word not in ("Round", "Epoch") or not 0 < int(number) < MOST_SNAPSHOTS:
            raise ValueError(text)
    return text


LEFT = Setting("cluster left", "Before", read=read_snapshot)
RIGHT = Setting("cluster right", "After", read=read_snapshot)
METHOD = Setting("cluster method", "t-SNE", options=tuple(METHODS))
PERPLEXITY = Setting("cluster perplexity", 30, options=(5, 10, 20, 30, 50, 100))


class Compare:
    """Two snapshots of a run in linked planes.

    Args:
        trained: the run.
        controls: container for the choice of the snapshots and the plane.
    """

    name = "Before and after"
    about = (
        "Each point is the latent mean of one image: on the left before, on the right after "
        "training with the mixture. **First** look at the gaps: do they open between digits or "
        "within one digit? **Then** draw a lasso around a mixed region on the left, and find the "
        "same images on the right. **Last** colour by error: which images are in the wrong "
        "cluster, and was the model confident about them?"
    )

    settings: ClassVar[tuple[InLink, ...]] = (LEFT, RIGHT, METHOD, PERPLEXITY)

    def __init__(self, trained: TrainedRun, controls: DeltaGenerator) -> None:
        self.trained = trained
        names = list(trained.snapshots)
        last = "After" if "After" in names else names[-1]
        with controls, st.container(border=True):
            self.left = LEFT.widget(st.selectbox, "Left", options=names, first="Before")
            self.right = RIGHT.widget(st.selectbox, "Right", options=names, first=last)
            method = METHOD.widget(st.selectbox, "Plane")
            st.caption(METHODS[method])
            perplexity = PERPLEXITY.first
            if method in ("t-SNE", "UMAP-like"):
                perplexity = PERPLEXITY.widget(
                    st.select_slider,
                    "Perplexity",
                    help="About the number of neighbours that each point keeps.",
                )
            config = embeddings.Config(method, float(perplexity))
            self.layouts = Layouts(trained, list(dict.fromkeys([self.left, self.right])), config)
            self.panel = self.layouts.panel()
            if self.panel.settings is not None:
                self.panel.buttons()

    def show(self) -> None:
        """Draw the numbers, the planes and the selection."""
        numbers(self.trained, self.right)
        planes, below = st.container(), st.container()
        if self.panel.live:  # the part below does not change, so it is drawn once
            with below:
                self._below(_last_selection(self.trained))
        with planes:
            self.panel.show(self._planes, without=self._planes)

    def _planes(self, run: jobs.Run | None = None) -> None:
        trained, planes = self.trained, self.layouts.planes(run)
        selected = linked_scatter(
            "cluster planes",
            [Panel(name, xy) for name, xy in planes.items()],
            colourings(trained, trained.snapshots[self.right]),
            label="Images in the plane",
            pictures=trained.sheet,
            selected=_last_selection(trained),
            revision=trained.revision,
        )
        st.session_state["cluster selection"] = (trained.revision, selected)
        if not self.panel.live:
            self._below(selected)

    def _below(self, selected: np.ndarray | None) -> None:
        snapshot = self.trained.snapshots[self.right]
        left, right = st.columns([5, 4], gap="large")
        with left:
            selection.show(self.trained, snapshot, selected)
        with right:
            self._confusion(snapshot)

    def _confusion(self, snapshot: Snapshot) -> None:
        scores = self.trained.scores(snapshot)
        if scores is None:
            st.caption("The labels of these images are not available, so clusters have no score.")
            return
        names, _ = self.trained.clusters(snapshot)
        labels = [self.trained.labels.names[k] for k in scores.labels]
        figure = charts.confusion(
            scores.confusion.numpy(), labels, [names[k] for k in scores.order]
        )
        figures.show("confusion", figure, f"{self.right}: labels and clusters")
        if self.trained.labels.few:
            purities = scores.purities  # NaN for an empty cluster
            purest, least = (
                int(purities.nan_to_num(0).argmax()),
                int(purities.nan_to_num(2).argmin()),
            )
            from_data = self.trained.labels.source == "label"
            source = "come from the data set" if from_data else "are predicted by a classifier"
            glossary.caption(
                f"Counts are over the {self.trained.history.images:,} images shown. The labels "
                f"{source}. Highest purity: {names[purest]} ({percent(purities[purest])}). "
                f"Lowest: {names[least]} ({percent(purities[least])})."
            )


def numbers(trained: TrainedRun, shown: str) -> None:
    """Draw accuracy, NMI, ARI and bound of a snapshot, with the change since "Before"."""
    history = trained.history
    curve, at = _numbers_of(trained, shown)
    row = st.container(horizontal=True, gap="large")
    for name, field, digits in (
        ("Accuracy", "accuracy", 3),
        ("NMI", "nmi", 3),
        ("ARI", "ari", 3),
        ("Bound, nats per image", "elbo", 1),
    ):
        value, first = getattr(curve, field)[at], getattr(history.curve, field)[0]
        change = f"{value - first:+.{digits}f} since before"
        control = history.control_curve
        text = "" if control is None else f" Control: {getattr(control, field)[-1]:.{digits}f}."
        row.metric(
            name,
            f"{value:.{digits}f}".replace("-", "−"),
            None if shown.startswith(("Before", "Epoch")) else change,
            help=CLUSTERING_DEFINITIONS.get(name, BOUND) + text,
            width="content",
        )
    if (text := together(history)) is not None:
        st.markdown(text)


def together(history: History) -> str | None:
    """What learning together changed, compared with the control; None without a control."""
    control = history.control_curve
    if control is None:
        return None
    before, after, alone = (
        curve.accuracy[at]
        for curve, at in ((history.curve, 0), (history.curve, -1), (control, -1))
    )
    bound = history.curve.elbo[-1] - control.elbo[-1]
    return (
        f"**Learning together** took the accuracy from {before:.3f} to {after:.3f}. The same "
        f"networks, trained alone for as long, reach {alone:.3f} (the control). The difference is "
        f"**{after - alone:+.3f}** in accuracy and {bound:+.1f} nats in the bound, in this run."
    ).replace("-", "−")


BOUND = (
    "E log p(x|z) + H[q(z|x)] + log Σ_c π_c exp E log N(z; μ_c, Σ_c). This is a lower bound on "
    "log p(x). The prior is the mixture of the same snapshot, also for “Before” and for the "
    "control."
)


def _numbers_of(trained: TrainedRun, shown: str) -> tuple[Curve, int]:
    history = trained.history
    if shown == "Control":
        return history.control_curve, -1
    return history.whole_curve, list(trained.snapshots).index(shown)


def colourings(trained: TrainedRun, snapshot: Snapshot) -> list[Categories | Ramp]:
    """Colourings by label, cluster, confidence and error, as far as labels are available.

    If there are too many labels to match with clusters, "label" comes last and "error" is left
    out.
    """
    labels = trained.labels
    names, colours = trained.clusters(snapshot)
    result: list[Categories | Ramp] = [
        Categories("cluster", snapshot.assignment, names, colours),
        Ramp("confidence", snapshot.confidence, "unsure", "sure"),
    ]
    if labels is None:
        return result
    by_label = Categories(labels.source.split(",")[0], labels.codes, labels.names)
    result.insert(0 if labels.few else len(result), by_label)
    if labels.few:
        matched = trained.scores(snapshot).matched.numpy()
        wrong = (matched[snapshot.assignment] != labels.codes).astype(np.int64)
        shades = [figures.GREY, "#E93D6F"]
        result.append(Categories("error", wrong, ["right", "wrong"], shades))
    return result


def _last_selection(trained: TrainedRun) -> np.ndarray | None:
    revision, selected = st.session_state.get("cluster selection", (None, None))
    return selected if revision == trained.revision else None
