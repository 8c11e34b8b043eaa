"""The view of the latents before and after, side by side and linked."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.metrics import CLUSTERING_DEFINITIONS
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.course import Curve, Moment
from ui import figures, jobs
from ui.clusters import charts, selection
from ui.clusters.layouts import SECONDS, Layouts
from ui.clusters.runs import Story
from ui.components.linked_scatter import Categories, Panel, Ramp, linked_scatter
from ui.frame import kept

PERPLEXITIES = [5, 10, 20, 30, 50, 100]
METHODS = {
    "t-SNE": "Neighbours stay neighbours; sizes and distances of clusters mean little.",
    "UMAP-like": "t-SNE with four times the attraction, which looks as UMAP does.",
    "PCA": "The plane of the largest variance. Distances mean what they say.",
    "clusters apart": "Fisher's plane, in which the clusters lie farthest apart.",
}


class Compare:
    """Two moments of a run in linked planes.

    Args:
        story: whose.
        controls: where the moments and the plane are chosen.
    """

    name = "Before and after"
    about = (
        "Each point is an image where the VAE puts it, left before and right after learning with "
        "the mixture. **Look first** at the gaps: do they open between digits or within one? "
        "**Then** draw a lasso around a muddle on the left and see where it went on the right. "
        "**Last** colour by error: what is still wrong, and would you have known?"
    )

    def __init__(self, story: Story, controls: DeltaGenerator) -> None:
        self.story = story
        names = list(story.moments)
        with controls, st.container(border=True):
            self.left = _moment("Left", names, "Before")
            self.right = _moment("Right", names, "After" if "After" in names else names[-1])
            kept("cluster method", "t-SNE")
            method = st.selectbox("Plane", list(METHODS), key="keep.cluster method")
            st.caption(METHODS[method])
            perplexity = 30
            if method in ("t-SNE", "UMAP-like"):
                kept("cluster perplexity", 30)
                perplexity = st.select_slider(
                    "Perplexity",
                    PERPLEXITIES,
                    key="keep.cluster perplexity",
                    help="About how many neighbours each point keeps.",
                )
            config = embeddings.Config(method, float(perplexity))
            self.layouts = Layouts(story, list(dict.fromkeys([self.left, self.right])), config)
            self.layouts.begin()
            self.live = self.layouts.live
            if self.live:
                st.button(
                    "Stop",
                    icon=":material/stop:",
                    on_click=self.layouts.worker.stop,
                    width="stretch",
                )
            elif self.layouts.cut_short:
                st.button(
                    "Continue",
                    icon=":material/play_arrow:",
                    width="stretch",
                    on_click=self.layouts.worker.resume,
                )

    def show(self) -> None:
        """Numbers, planes, and what is selected."""
        numbers(self.story, self.right)
        planes, below = st.container(), st.container()
        if self.live:  # what does not move is not drawn again and again
            with below:
                self._below(_held(self.story))
        with planes:
            jobs.follow(self.layouts.run, self._shown, SECONDS, live=self.live)

    def _shown(self) -> None:
        story, layouts = self.story, self.layouts
        if self.live:
            st.progress(layouts.done, f"{layouts.config.method}, {layouts.done:.0%}")
        elif layouts.failed:
            st.error("This layout broke off on the server. Choose another plane, or try again.")
        elif layouts.cut_short:
            st.info(f"Stopped at {layouts.done:.0%}: what is shown would still move.")
        planes = layouts.planes()
        if not planes:
            st.caption(jobs.beginning() if self.live else "Nothing was laid out yet.")
            return
        selected = linked_scatter(
            "cluster planes",
            [Panel(name, xy) for name, xy in planes.items()],
            colourings(story, story.moments[self.right]),
            label="Images in the plane",
            pictures=story.sheet,
            selected=_held(story),
            revision=story.revision,
        )
        st.session_state["cluster selection"] = (story.revision, selected)
        if not self.live:
            self._below(selected)

    def _below(self, selected: np.ndarray | None) -> None:
        moment = self.story.moments[self.right]
        left, right = st.columns([5, 4], gap="large")
        with left:
            selection.show(self.story, moment, selected)
        with right:
            self._confusion(moment)

    def _confusion(self, moment: Moment) -> None:
        scores = self.story.scores(moment)
        if scores is None:
            st.caption("Without labels there is nothing to hold the clusters against.")
            return
        names, _ = self.story.clusters(moment)
        labels = [self.story.labels.names[k] for k in scores.labels]
        figure = charts.confusion(
            scores.confusion.numpy(), labels, [names[k] for k in scores.order]
        )
        figures.show("confusion", figure, f"{self.right}: labels and clusters")
        if self.story.labels.few:
            purest, mixed = int(scores.purities.nan_to_num(0).argmax()), _least(scores.purities)
            st.caption(
                f"Of the {self.story.course.images:,} images shown; labels are "
                f"{'those of the data set' if self.story.labels.said == 'label' else 'read by a classifier'}. "  # noqa: E501
                f"Purest cluster: {names[purest]} ({scores.purities[purest]:.0%} one label); "
                f"most mixed: {names[mixed]} ({scores.purities[mixed]:.0%})."
            )


def numbers(story: Story, shown: str) -> None:
    """Accuracy, NMI and bound of a moment, with what they were before."""
    course = story.course
    curve, at = _numbers_of(story, shown)
    row = st.container(horizontal=True, gap="large")
    for name, what, digits in (
        ("Accuracy", "accuracy", 3),
        ("NMI", "nmi", 3),
        ("ARI", "ari", 3),
        ("Bound, nats an image", "elbo", 1),
    ):
        value, first = getattr(curve, what)[at], getattr(course.curve, what)[0]
        since = f"{value - first:+.{digits}f} since before"
        control = course.control_curve
        text = "" if control is None else f" Control: {getattr(control, what)[-1]:.{digits}f}."
        row.metric(
            name,
            f"{value:.{digits}f}".replace("-", "−"),
            None if shown.startswith(("Before", "Epoch")) else since,
            help=CLUSTERING_DEFINITIONS.get(name, BOUND) + text,
            width="content",
        )


BOUND = (
    "E log p(x|z) + H[q(z|x)] + log Σ_c π_c exp E log N(z; μ_c, Σ_c), a lower bound on log p(x) "
    "with the mixture of the moment as the prior; the same for before, after and control."
)


def _numbers_of(story: Story, shown: str) -> tuple[Curve, int]:
    course = story.course
    if shown == "Control":
        return course.control_curve, -1
    return course.whole_curve, list(story.moments).index(shown)


def colourings(story: Story, moment: Moment) -> list[Categories | Ramp]:
    """By label, cluster, confidence and error of a moment, as far as labels are known.

    Labels too many to be clusters come last, and nothing is an error.
    """
    labels = story.labels
    names, colours = story.clusters(moment)
    found: list[Categories | Ramp] = [
        Categories("cluster", moment.assignment, names, colours),
        Ramp("confidence", moment.confidence, "unsure", "sure"),
    ]
    if labels is None:
        return found
    by_label = Categories(labels.said.split(",")[0], labels.codes, labels.names)
    found.insert(0 if labels.few else len(found), by_label)
    if labels.few:
        matched = story.scores(moment).matched.numpy()
        wrong = (matched[moment.assignment] != labels.codes).astype(np.int64)
        shades = [figures.GREY, "#E93D6F"]
        found.append(Categories("error", wrong, ["right", "wrong"], shades))
    return found


def _least(purities: object) -> int:
    return int(purities.nan_to_num(2).argmin())


def _held(story: Story) -> np.ndarray | None:
    revision, selected = st.session_state.get("cluster selection", (None, None))
    return selected if revision == story.revision else None


def _moment(label: str, names: list[str], first: str) -> str:
    key = f"cluster {label.lower()}"
    kept(key, first)
    if st.session_state[f"keep.{key}"] not in names:
        del st.session_state[f"keep.{key}"]
        st.session_state[f"keep.{key}"] = first
    return st.selectbox(label, names, key=f"keep.{key}")
