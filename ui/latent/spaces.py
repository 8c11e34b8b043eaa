"""The available WGANs and their latent spaces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from dgm_core import zoo
from dgm_core.checkout import ASSETS
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.latent import directions
from dgm_core.studies.latent import history as gan_history
from dgm_core.studies.latent.directions import Directions
from dgm_core.studies.latent.history import History
from ui import cache

TITLES = {"mnist": "Digits", "svhn": "House numbers", "celeba": "Faces"}
FIRST = {"mnist": 12, "svhn": 29, "celeba": 17}
"""Data set → seed of the first image."""


class Space(NamedTuple):
    """The latent space of a WGAN, named by its data set.

    The shipped files of model NAME are `assets/NAME-directions.npz` and the training history
    `assets/NAME.npz`.
    """

    dataset: str

    @property
    def model(self) -> WGAN:
        """The WGAN; shared by all sessions, read-only."""
        return cache.st_model(f"{self.dataset}-wgan")

    @property
    def latent_dim(self) -> int:
        """L, the dimension of z."""
        return self.model.latent_dim

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image, (C, H, W)."""
        sizes = zoo.card(f"{self.dataset}-wgan")["architecture"]
        return sizes["image_channels"], sizes["size"], sizes["size"]

    @property
    def directions(self) -> Directions:
        """Principal directions, and directions of traits."""
        return st_directions(self.dataset)

    @property
    def history(self) -> History | None:
        """The training history, if it is shipped."""
        return st_history(self.dataset)

    def draw(self, seed: int, count: int = 1) -> np.ndarray:
        """Latents of N(0, I), float32 (count, L)."""
        return self.model.latents(count, generator(seed)).numpy()

    def images(self, z: np.ndarray) -> np.ndarray:
        """Latents (N, L) → images uint8 (N, C, H, W)."""
        model = self.model
        device = next(model.parameters()).device
        with torch.no_grad():
            images = model.generate(torch.from_numpy(np.asarray(z, np.float32)).to(device))
        return (images * 255).round().byte().cpu().numpy()

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Critic scores of images uint8 (N, C, H, W), (N,); higher: more like the data."""
        model = self.model
        device = next(model.parameters()).device
        with torch.no_grad():
            x = torch.from_numpy(images).to(device).float() / 255
            return model.criticise(x).cpu().numpy()


def available() -> list[str]:
    """Data sets that have a WGAN."""
    models = zoo.names()
    return [name for name in TITLES if f"{name}-wgan" in models]


@st.cache_resource(show_spinner="Computing directions …", max_entries=4)
def st_directions(dataset: str) -> Directions:
    """The shipped directions; else computed ones, named without a classifier."""
    path = ASSETS / f"{dataset}-wgan-directions.npz"
    if path.is_file():
        return directions.load(path)
    return directions.study(Space(dataset).model, images=40, regressed=100)


@st.cache_resource(show_spinner=False, max_entries=4)
def st_history(dataset: str) -> History | None:
    """The shipped training history, if there is one."""
    path = ASSETS / f"{dataset}-wgan.npz"
    return gan_history.load(path) if path.is_file() else None


@st.cache_resource(show_spinner="Drawing …", max_entries=12)
def st_gallery(dataset: str, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws to choose from: latents (count, L) and images uint8 (count, C, H, W)."""
    space = Space(dataset)
    z = space.draw(seed, count)
    return z, space.images(z)
