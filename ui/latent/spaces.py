"""The WGANs that are here, and what belongs to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from dgm_core import zoo
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.latent import directions, snapshots
from dgm_core.studies.latent.directions import Directions
from dgm_core.studies.latent.snapshots import Course
from ui import cache
from ui.assets import ASSETS

TITLES = {"mnist": "Digits", "svhn": "House numbers", "celeba": "Faces"}
FIRST = {"mnist": 12, "svhn": 29, "celeba": 17}
"""Seed of the picture that stands there before any click."""
"""For each model NAME: `NAME-directions.npz` and `NAME.npz`, the course of its training."""


class Space(NamedTuple):
    """One WGAN, by its data set."""

    dataset: str

    @property
    def model(self) -> WGAN:
        """Shared by all sessions, read-only."""
        return cache.st_model(f"{self.dataset}-wgan")

    @property
    def latent_dim(self) -> int:
        """L."""
        return self.model.latent_dim

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        sizes = zoo.card(f"{self.dataset}-wgan")["architecture"]
        return sizes["image_channels"], sizes["size"], sizes["size"]

    @property
    def directions(self) -> Directions:
        """Its principal directions and those of traits."""
        return st_directions(self.dataset)

    @property
    def course(self) -> Course:
        """How its training went."""
        return st_course(self.dataset)

    def draw(self, seed: int, count: int = 1) -> np.ndarray:
        """Latents of N(0, I), float32 (count, L)."""
        return self.model.latents(count, generator(seed)).numpy()

    def pictures(self, z: np.ndarray) -> np.ndarray:
        """Latents (N, L) → uint8 (N, C, H, W)."""
        model = self.model
        device = next(model.parameters()).device
        with torch.no_grad():
            images = model.generate(torch.from_numpy(np.asarray(z, np.float32)).to(device))
        return (images * 255).round().byte().cpu().numpy()

    def scores(self, pictures: np.ndarray) -> np.ndarray:
        """What the critic says of uint8 (N, C, H, W), (N,): higher = rather real."""
        model = self.model
        device = next(model.parameters()).device
        with torch.no_grad():
            images = torch.from_numpy(pictures).to(device).float() / 255
            return model.criticise(images).cpu().numpy()


def offered() -> list[str]:
    """Data sets whose WGAN is here."""
    here = zoo.names()
    return [name for name in TITLES if f"{name}-wgan" in here]


@st.cache_resource(show_spinner="Looking for directions …", max_entries=4)
def st_directions(dataset: str) -> Directions:
    """The shipped ones; without names where none are."""
    path = ASSETS / f"{dataset}-wgan-directions.npz"
    if path.is_file():
        return directions.load(path)
    return directions.study(Space(dataset).model, images=40, regressed=100)


@st.cache_resource(show_spinner=False, max_entries=4)
def st_course(dataset: str) -> Course | None:
    """The shipped snapshots of the training."""
    path = ASSETS / f"{dataset}-wgan.npz"
    return snapshots.load(path) if path.is_file() else None


@st.cache_resource(show_spinner="Drawing …", max_entries=12)
def st_gallery(dataset: str, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents (count, L) and their pictures, to choose from."""
    space = Space(dataset)
    z = space.draw(seed, count)
    return z, space.pictures(z)
