"""The view of the mixture itself: its ellipses, what each cluster makes, the way between two."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.rng import generator
from dgm_core.studies.clusters.course import Moment
from ui import contact_sheet
from ui.clusters.compare import colourings
from ui.clusters.runs import Story
from ui.components.linked_scatter import Ellipse, Panel, linked_scatter
from ui.components.thumbnails import thumbnails
from ui.frame import kept

DRAWN, ACROSS, STEPS = 48, 12, 12
"""Samples of a cluster, and in a row; pictures on the way between two."""


class Inside:
    """Ellipses in a plane of two latents; a cluster's samples; a way to another.

    Args:
        story: whose.
        controls: where latents, cluster and temperature are chosen.
    """

    name = "Inside the mixture"
    about = (
        "Each cluster is a Gaussian in the space of latents, and the decoder turns it into "
        "images. **Look first** at two latents at a time: ellipses that overlap here may be far "
        "apart in another plane. **Then** warm a cluster up: from its mean to what it hardly "
        "holds possible. **Last** walk to another cluster, and see where the digit turns."
    )

    def __init__(self, story: Story, controls: DeltaGenerator) -> None:
        self.story = story
        self.moment = story.course.moments[-1]
        self.names, self.colours = story.clusters(self.moment)
        config = story.course.config
        with controls, st.container(border=True):
            dims = list(range(config.latent_dim))
            first, second = _widest(self.moment)
            left, right = st.columns(2)
            self.across = _within("cluster across", "Across", first, dims, left, _latent)
            rest = [dim for dim in dims if dim != self.across]
            beside = second if second != self.across else first
            self.up = _within("cluster up", "Up", beside, rest, right, _latent)
            kept("cluster temperature", 1.0)
            self.temperature = st.slider(
                "Temperature",
                0.0,
                2.0,
                step=0.1,
                key="keep.cluster temperature",
                help="Samples have the cluster's covariance times this: 0 is its mean.",
            )
            clusters = list(range(config.clusters))
            self.other = _within(
                "cluster other", "Walk to", clusters[-1], clusters, st, self.names.__getitem__
            )
            kept("cluster seed", 0)
            self.seed = int(st.number_input("Seed", 0, 9999, key="keep.cluster seed"))

    def show(self) -> None:
        """The plane, the clusters, samples and the way."""
        left, right = st.columns([5, 4], gap="large")
        with right:
            cluster = self._cluster()
        with left:
            self._plane()
        drawn = self._samples(cluster)
        way = self._way(cluster)
        with right:
            st.markdown(f"**Samples of cluster {self.names[cluster]}**")
            st.image(drawn, width="stretch", output_format="PNG", alt="Samples of the cluster")
            st.markdown(f"**From its mean to that of {self.names[self.other]}**")
            st.image(way, width="stretch", output_format="PNG", alt="From one mean to the other")
            st.download_button(
                "Download samples",
                lambda: contact_sheet.as_png(drawn),
                "cluster.png",
                "image/png",
                icon=":material/download:",
                on_click="ignore",
                key="cluster samples",
            )
            weight = float(self.moment.mixture.weights[cluster])
            st.caption(
                f"Weight {weight:.3f} of the mixture. Samples are mean pixels of p(x|z) at z "
                "drawn from the cluster's own covariance."
            )
        formulas()

    def _plane(self) -> None:
        dims = [self.across, self.up]
        marginal = self.moment.mixture.marginal(dims)
        ellipses = [
            Ellipse(*mean, covariance, colour, name)
            for mean, covariance, colour, name in zip(
                marginal.means.tolist(),
                marginal.covariances.numpy(),
                self.colours,
                self.names,
                strict=True,
            )
        ]
        title = f"z{self.across + 1} across, z{self.up + 1} up"
        groups = colourings(self.story, self.moment)
        groups.sort(key=lambda each: each.name != "cluster")
        linked_scatter(
            "cluster inside",
            [Panel(title, self.moment.mean[:, dims], ellipses)],
            groups,
            label="Latents and the mixture's ellipses",
            pictures=self.story.sheet,
            revision=self.story.revision,
        )
        st.caption(
            "Ellipses hold two standard deviations of each cluster's marginal law in this plane; "
            "a conditional one would be narrower. Points are means of q(z|x)."
        )

    def _cluster(self) -> int:
        means = self.story.decoded(self.moment.mixture.means.numpy())
        place = f"cluster chosen {self.story.revision}"
        held = min(st.session_state.get(place, _busiest(self.moment)), len(means) - 1)
        st.markdown("**Choose a cluster**, by what its mean decodes to")
        found = thumbnails(
            "cluster means",
            means[:, None],
            [f"Cluster {name}" for name in self.names],
            held,
            set_name=self.story.revision,
            label="Clusters",
            columns=min(10, len(means)),
        )
        if found is not None:
            held = st.session_state[place] = found
        return held

    def _samples(self, cluster: int) -> np.ndarray:
        drawn = self.moment.mixture.sample(DRAWN, generator(self.seed), cluster, self.temperature)
        return contact_sheet.sheet(self.story.decoded(drawn.x.numpy()), ACROSS)

    def _way(self, cluster: int) -> np.ndarray:
        a, b = self.moment.mixture.means[[cluster, self.other]]
        t = torch.linspace(0, 1, STEPS)[:, None]
        return contact_sheet.sheet(self.story.decoded(torch.lerp(a, b, t).numpy()), STEPS)


def formulas() -> None:
    """What is maximised, and by whom."""
    with st.expander("The mathematics", icon=":material/function:"):
        st.latex(
            r"\log p(x) \;\ge\; \underbrace{\mathbb E_{q(z|x)} \log p(x|z)}_{\text{decoder}} + "
            r"\underbrace{H[q(z|x)]}_{\text{encoder}} + \underbrace{\log \sum_c \pi_c \exp "
            r"\mathbb E_{q(z|x)} \log \mathcal N(z; \mu_c, \Sigma_c)}_{\text{the mixture's "
            r"message}}"
        )
        st.markdown(
            "The networks raise it with the mixture held fixed; the mixture raises it with the "
            "networks held fixed, by EM with the moments of all of $q(z|x) = \\mathcal N(m, "
            "\\mathrm{diag}\\, s^2)$:"
        )
        st.latex(
            r"\mu_c = \frac{\sum_n r_{nc}\, m_n}{N_c}, \qquad \Sigma_c = \frac{\sum_n r_{nc}\, "
            r"(m_n m_n^\top + \mathrm{diag}\, s_n^2)}{N_c} - \mu_c \mu_c^\top"
        )
        st.markdown(
            "Leave out $s_n^2$ and clusters are narrower than the posteriors that they are to be "
            "priors of: the two then no longer raise one bound. Neuro-SERKET (Taniguchi et al. "
            "2020) passes messages between modules; VaDE (Jiang et al. 2017) trains both at once."
        )


def _latent(dim: int) -> str:
    return f"z{dim + 1}"


def _busiest(moment: Moment) -> int:
    return int(moment.mixture.weights.argmax())


def _widest(moment: Moment) -> tuple[int, int]:
    """The two latents along which the clusters' means lie farthest apart."""
    mixture = moment.mixture
    between = (mixture.means - mixture.mean).square() * mixture.weights[:, None]
    first, second = between.sum(0).topk(2).indices.tolist()
    return first, second


def _within(key: str, label: str, first: int, options: list[int], place, name) -> int:  # noqa: ANN001
    """A choice that stays within its options when another run is looked at."""
    kept(key, first)
    if st.session_state[f"keep.{key}"] not in options:
        del st.session_state[f"keep.{key}"]
        st.session_state[f"keep.{key}"] = first
    return place.selectbox(label, options, key=f"keep.{key}", format_func=name)
