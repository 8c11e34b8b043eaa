"""The view "Inside the mixture": ellipses, samples of a cluster, the path between two clusters."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.rng import generator
from dgm_core.studies.clusters.history import Snapshot
from ui import contact_sheet
from ui.clusters.compare import colourings
from ui.clusters.runs import TrainedRun
from ui.components.linked_scatter import Ellipse, Panel, linked_scatter
from ui.components.thumbnails import thumbnails
from ui.download_button import download_button
from ui.links import InLink, Setting, whole

MOST = 49
"""Largest latent or cluster, counted from 0, that a share link may name."""
ACROSS = Setting("cluster across", 0, read=whole(0, MOST))
UP = Setting("cluster up", 1, read=whole(0, MOST))
TEMPERATURE = Setting("cluster temperature", 1.0, low=0.0, high=2.0, step=0.1)
OTHER = Setting("cluster other", 0, read=whole(0, MOST))
SEED = Setting("cluster seed", 0, low=0, high=9999)

SAMPLES, COLUMNS, STEPS = 48, 12, 12
"""Samples of a cluster, samples in a row, and images on the path between two clusters."""


class Inside:
    """Ellipses in a plane of two latents, samples of a cluster, and a path to another cluster.

    Args:
        trained: the run.
        controls: container for the choice of latents, temperature and the other cluster.
    """

    name = "Inside the mixture"
    about = (
        "Each cluster is a Gaussian in the latent space, and the decoder turns it into images. "
        "**First** look at two latents at a time: ellipses that overlap here may be far apart in "
        "another plane. **Then** raise the temperature of a cluster: its samples go from the "
        "cluster mean to improbable shapes. **Last** follow the path to another cluster, and see "
        "where one digit becomes the other."
    )

    settings: ClassVar[tuple[InLink, ...]] = (ACROSS, UP, TEMPERATURE, OTHER, SEED)

    def __init__(self, trained: TrainedRun, controls: DeltaGenerator) -> None:
        self.trained = trained
        self.snapshot = trained.history.snapshots[-1]
        self.names, self.colours = trained.clusters(self.snapshot)
        config = trained.history.config
        with controls, st.container(border=True):
            dims = list(range(config.latent_dim))
            first, second = _most_separating(self.snapshot)
            left, right = st.columns(2)
            self.across = ACROSS.widget(
                left.selectbox, "Across", options=dims, first=first, format_func=_latent
            )
            rest = [dim for dim in dims if dim != self.across]
            default = second if second != self.across else first
            self.up = UP.widget(
                right.selectbox, "Up", options=rest, first=default, format_func=_latent
            )
            self.temperature = TEMPERATURE.widget(
                st.slider,
                "Temperature",
                help="The covariance of the cluster is multiplied by this. At 0 all samples are "
                "the mean.",
            )
            self.other = OTHER.widget(
                st.selectbox,
                "Path to",
                options=range(config.clusters),
                first=config.clusters - 1,
                format_func=self.names.__getitem__,
            )
            self.seed = SEED.widget(st.number_input, "Seed")

    def show(self) -> None:
        """Draw the plane, the clusters, the samples and the path."""
        left, right = st.columns([5, 4], gap="large")
        with right:
            cluster = self._cluster()
        with left:
            self._plane()
        samples = self._samples(cluster)
        path = self._path(cluster)
        with right:
            st.markdown(f"**Samples of cluster {self.names[cluster]}**")
            st.image(samples, width="stretch", output_format="PNG", alt="Samples of the cluster")
            st.markdown(f"**From its mean to the mean of {self.names[self.other]}**")
            st.image(path, width="stretch", output_format="PNG", alt="From one mean to the other")
            download_button(
                "Download samples",
                lambda: contact_sheet.as_png(samples),
                "cluster.png",
                "image/png",
                key="cluster samples",
            )
            weight = float(self.snapshot.mixture.weights[cluster])
            st.caption(
                f"The weight of this cluster is {weight:.3f}. Each sample shows the mean pixels "
                "of p(x|z) at a z drawn from the cluster."
            )
        formulas()

    def _plane(self) -> None:
        dims = [self.across, self.up]
        marginal = self.snapshot.mixture.marginal(dims)
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
        groups = colourings(self.trained, self.snapshot)
        groups.sort(key=lambda each: each.name != "cluster")
        linked_scatter(
            "cluster inside",
            [Panel(title, self.snapshot.mean[:, dims], ellipses)],
            groups,
            label="Latents and the mixture's ellipses",
            pictures=self.trained.sheet,
            revision=self.trained.revision,
        )
        st.caption(
            "Each ellipse shows two standard deviations of the cluster's marginal distribution "
            "in this plane; a conditional distribution would be narrower. Points are means of "
            "q(z|x)."
        )

    def _cluster(self) -> int:
        means = self.trained.decoded(self.snapshot.mixture.means.numpy())
        key = f"cluster chosen {self.trained.revision}"
        heaviest = int(self.snapshot.mixture.weights.argmax())
        chosen = min(st.session_state.get(key, heaviest), len(means) - 1)
        st.markdown("**Choose a cluster** by its decoded mean")
        clicked = thumbnails(
            "cluster means",
            means[:, None],
            [f"Cluster {name}" for name in self.names],
            chosen,
            set_name=self.trained.revision,
            label="Clusters",
            columns=min(10, len(means)),
        )
        if clicked is not None:
            chosen = st.session_state[key] = clicked
        return chosen

    def _samples(self, cluster: int) -> np.ndarray:
        source = generator(self.seed)
        drawn = self.snapshot.mixture.sample(SAMPLES, source, cluster, self.temperature)
        return contact_sheet.sheet(self.trained.decoded(drawn.x.numpy()), COLUMNS)

    def _path(self, cluster: int) -> np.ndarray:
        a, b = self.snapshot.mixture.means[[cluster, self.other]]
        t = torch.linspace(0, 1, STEPS)[:, None]
        return contact_sheet.sheet(self.trained.decoded(torch.lerp(a, b, t).numpy()), STEPS)


def formulas() -> None:
    """Draw the objective and the updates of both models."""
    with st.expander("The mathematics", icon=":material/function:"):
        st.latex(
            r"\log p(x) \;\ge\; \underbrace{\mathbb E_{q(z|x)} \log p(x|z)}_{\text{decoder}} + "
            r"\underbrace{H[q(z|x)]}_{\text{encoder}} + \underbrace{\log \sum_c \pi_c \exp "
            r"\mathbb E_{q(z|x)} \log \mathcal N(z; \mu_c, \Sigma_c)}_{\text{mixture}}"
        )
        st.markdown(
            "The bound is maximised in two alternating steps. Training the networks raises it "
            "while the mixture is fixed. EM raises it while the networks are fixed. EM uses means "
            "and variances of all $q(z|x) = \\mathcal N(m, \\mathrm{diag}\\, s^2)$:"
        )
        st.latex(
            r"\mu_c = \frac{\sum_n r_{nc}\, m_n}{N_c}, \qquad \Sigma_c = \frac{\sum_n r_{nc}\, "
            r"(m_n m_n^\top + \mathrm{diag}\, s_n^2)}{N_c} - \mu_c \mu_c^\top"
        )
        st.markdown(
            "Without $s_n^2$ the clusters are too narrow for the posteriors $q(z|x)$, and the two "
            "steps no longer raise the same bound. Neuro-SERKET (Taniguchi et al. 2020) "
            "alternates between such modules; VaDE (Jiang et al. 2017) trains both at once."
        )


def _latent(dim: int) -> str:
    return f"z{dim + 1}"


def _most_separating(snapshot: Snapshot) -> tuple[int, int]:
    """The two latents with the largest variance between the cluster means."""
    mixture = snapshot.mixture
    between = (mixture.means - mixture.mean).square() * mixture.weights[:, None]
    first, second = between.sum(0).topk(2).indices.tolist()
    return first, second
