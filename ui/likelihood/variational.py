"""The view of a VAE: samples, latents and bound of a trained one, or training on the page."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.rng import generator
from dgm_core.studies.likelihood import latent_units, vae_images
from ui import cache, figures, glossary
from ui.frame import kept
from ui.likelihood import vae_charts, vae_training
from ui.links import InLink, Setting

MODELS = {
    "binarized-mnist-vae": "Convolutional, 40 latents",
    "binarized-mnist-elu": "As published, 100 latents",
    "mnist-vae-2d": "Two latents",
}
PUBLISHED = {"ELBO": -101.15, "log p(x)": -95.50}
"""Published for 784-300-300-100 with ELUs on statically binarised MNIST; K = 200."""
SHOWN, SIDE, SAMPLES = 12, 12, 48
"""Reconstructed images; images per side of the manifold; samples."""
MEASURED_ON = 300
"""Images for the KL by unit where the card does not give it."""
MODES = ("Trained before", "Train one here")
MODE = Setting("vae mode", MODES[0], options=MODES)
MODEL = Setting("vae model", next(iter(MODELS)), options=MODELS)


class Variational:
    """A trained VAE, or the training of one.

    Args:
        controls: the container for the choice.
    """

    name = "A VAE"
    about = (
        "log p(x) ≥ E log p(x|z) − KL(q(z|x) ‖ p(z)): the information in a latent unit costs KL. "
        "**Look first** at the bars by unit: units without a bar carry no information, and their "
        "posterior has collapsed to the prior. **Then** compare the bound and log p(x) with the "
        "published numbers. **Last** train one here, and increase β until all units collapse."
    )
    settings: ClassVar[tuple[InLink, ...]] = (MODE, MODEL, *vae_training.SETTINGS)

    def __init__(self, controls: DeltaGenerator) -> None:
        available = [name for name in MODELS if name in zoo.names()]
        self.training = None
        self.model = None
        with controls, st.container(border=True):
            mode = MODE.widget(
                st.segmented_control,
                "What is shown",
                options=MODES if available else MODES[1:],
                required=True,
                width="stretch",
                label_visibility="collapsed",
            )
            if mode == MODES[1]:
                self.training = vae_training.Training()
                return
            self.model = MODEL.widget(st.selectbox, "Model", options=available)
            self.card = zoo.card(self.model)
            self.inspected = st_inspected(self.model)
            st.caption(self.card["summary"] + ".")
            self.plane = self._plane()

    def _plane(self) -> tuple[int, int]:
        """The two units that vary in the manifold."""
        order = sorted(range(self.inspected.latents), key=lambda u: -self.inspected.divergence[u])
        if self.inspected.latents == 2:
            return 0, 1

        def title(unit: int) -> str:
            return f"unit {unit + 1}, {self.inspected.divergence[unit]:.2f} nats"

        chosen = []
        for label, first in (("Manifold across", order[0]), ("Manifold up", order[1])):
            key = kept(f"{label} {self.model}", first)
            chosen.append(st.selectbox(label, order, format_func=title, key=key))
        return chosen[0], chosen[1]

    def show(self) -> None:
        """Bound, units and images; the end of a page."""
        if self.training is not None:
            self.training.show()
            return
        left, right = st.columns([6, 5], gap="large")
        with left:
            self._bound()
            self._units()
            self._reconstructions()
        with right:
            self._drawn()

    def _bound(self) -> None:
        found = self.card.get("measured", {}).get("log_likelihood")
        if found is None:
            st.caption(
                "Not measured yet. This command writes the bound and log p(x) on the card: "
                f"`dgm evaluate vae {self.model}`"
            )
            return
        values = {
            "log p(x)": found["nats"],
            "ELBO": found["elbo"],
            "reconstruction": found["reconstruction"],
            "−KL": -found["divergence"],
        }
        comparable = self.card["data"] == "binarized_mnist"
        figures.show(
            "vae terms",
            vae_charts.terms(values, PUBLISHED if comparable else {}),
            "ELBO = reconstruction − KL ≤ log p(x)",
        )
        text = f"{found['estimator'][:1].upper()}{found['estimator'][1:]}; ± "
        text += f"{found['standard_error']:.2f} over images."
        if comparable:
            published = ", ".join(f"{term} −{-nats:.2f}" for term, nats in PUBLISHED.items())
            text += f" Published for 784-300-300-100 with ELUs: {published} (K = 200)."
        else:
            text += " MNIST is binarised again at each use here, which is not the published set."
        glossary.caption(text)

    def _units(self) -> None:
        latents = self.card.get("measured", {}).get("latents")
        if latents is None:
            divergence, active = self.inspected.divergence, self.inspected.active
            origin = self.inspected.origin
        else:
            divergence = latents["divergence_by_unit"]
            active = [i < latents["active"] for i in range(latents["of"])]
            origin = "test images"
        title = f"KL by unit: {sum(active)} of {len(active)} active"
        figures.show("vae units", vae_charts.units(divergence, active), title)
        st.caption(
            f"Measured on {origin}. Active: the mean of q(z|x) varies over images by more than "
            f"{latent_units.ACTIVE} (Burda et al. 2016)."
        )

    def _reconstructions(self) -> None:
        st.markdown("**Reconstructions**")
        pairs = torch.cat([self.inspected.images, self.inspected.reconstructions])
        st.image(
            vae_charts.sheet(pairs, SHOWN),
            width="stretch",
            output_format="PNG",
            alt=f"{SHOWN} images and their reconstructions",
            caption=f"Top: {self.inspected.shown}. Bottom: E[x|z] at the mean of q(z|x).",
        )

    def _drawn(self) -> None:
        st.markdown("**Samples**")
        st.image(
            vae_charts.sheet(st_samples(self.model), 8, enlarged=2),
            width="stretch",
            output_format="PNG",
            caption="E[x|z] at draws from the prior.",
            alt="Samples",
        )
        st.markdown("**Manifold**")
        across, up = self.plane
        if across == up:
            st.caption("Choose two different units for the manifold.")
            return
        others = "" if self.inspected.latents == 2 else "; all other units are 0"
        st.image(
            vae_charts.sheet(st_manifold(self.model, across, up), SIDE, enlarged=2, gap=0),
            width="stretch",
            output_format="PNG",
            alt="The manifold of two units",
            caption=f"E[x|z]; units {across + 1} (across) and {up + 1} (up) take quantiles of the "
            f"prior{others}.",
        )


class Inspected(NamedTuple):
    """Reconstructions and latents of some images."""

    images: Tensor  # (12, 1, 28, 28)
    reconstructions: Tensor
    shown: str  # description of the images
    divergence: list[float]  # KL by unit, on more images
    active: list[bool]
    origin: str

    @property
    def latents(self) -> int:
        """L."""
        return len(self.divergence)


def st_inspected(name: str) -> Inspected:
    """A model on test images of its data set, or else on scikit-learn's digits."""
    own = zoo.card(name)["data"]
    return _st_inspected(name, own if data.is_available(own) else "digits")


@st.cache_resource(show_spinner="Computing the latents …", max_entries=8)
def _st_inspected(name: str, dataset: str) -> Inspected:
    model = cache.st_model(name, "cpu")
    own = zoo.card(name)["data"]
    x = data.load(dataset, "test", download_missing=False).sample(MEASURED_ON).x
    x = data.binarize(x, generator(0))
    units = latent_units.units(*latent_units.moments(model, x))
    known = dataset == own
    return Inspected(
        x[:SHOWN],
        vae_images.reconstructions(model, x[:SHOWN]),
        "test images" if known else "scikit-learn's digits, which it was not trained on",
        units.divergence.tolist(),
        units.active.tolist(),
        f"{len(x)} test images" if known else f"{len(x)} of scikit-learn's digits",
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def st_samples(name: str) -> Tensor:
    """`vae_images.samples`."""
    return vae_images.samples(cache.st_model(name, "cpu"), SAMPLES)


@st.cache_resource(show_spinner=False, max_entries=32)
def st_manifold(name: str, across: int, up: int) -> Tensor:
    """`vae_images.manifold`."""
    return vae_images.manifold(cache.st_model(name, "cpu"), (across, up), SIDE)
