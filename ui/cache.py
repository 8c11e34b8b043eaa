"""Cached wrappers, named `st_` and what they wrap. Keys are names; tensors are never keys."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dgm_core import data, device, zoo
from dgm_core.rng import draw, generator
from dgm_core.studies.inpainting.materials import Material, material

if TYPE_CHECKING:
    from torch import nn


@st.cache_resource(show_spinner=False, max_entries=16)
def st_model(name: str, where: str | None = None) -> nn.Module:
    """`zoo.load`: shared by all sessions, read-only; also called by the threads of runs.

    Args:
        name: of the model.
        where: its device; None = the default one.
    """
    model = zoo.load(name, where or device.default_device())
    # Streamlit collects garbage after every run; models stay, so exclude them from collection.
    gc.collect()
    gc.freeze()
    return model


def st_material(dataset: str, need: str | None) -> Material:
    """`material`: the model or data that a method needs; also called by the threads of runs.

    Images that replace a missing data set are forgotten once it is here.
    """
    return _st_material(dataset, need, data.is_available(dataset))


@st.cache_resource(show_spinner=False, max_entries=20)
def _st_material(dataset: str, need: str | None, with_data: bool) -> Material:
    return material(dataset, need, st_model)


@st.cache_resource(show_spinner="Loading the images …", max_entries=8)
def st_test_images(name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Test images, binarised at ½: (N, 28, 28) bool, labels (N,), class names."""
    images = data.load(name, "test", download_missing=False)
    ink = data.threshold(images.x[:, 0]).numpy().astype(bool)
    return ink, images.y.numpy(), images.classes


TRAITS: dict[str, tuple[str, bool]] = {
    "smiling": ("smiling", True),
    "not smiling": ("smiling", False),
    "with eyeglasses": ("eyeglasses", True),
    "with a hat": ("wearing hat", True),
    "with a beard": ("no beard", False),
    "with bangs": ("bangs", True),
    "blond": ("blond hair", True),
    "dark-haired": ("black hair", True),
}
"""Name on the screen → attribute of the face, and its value."""


@st.cache_resource(show_spinner="Loading the faces …", max_entries=2)
def st_face_rows() -> dict[str, np.ndarray]:
    """Name on the screen → rows of the test faces with that attribute; "all" comes first."""
    attributes = data.face_attributes("test")
    rows = {"all": np.arange(len(next(iter(attributes.values()))))}
    for name, (attribute, wanted) in TRAITS.items():
        if attribute in attributes:
            rows[name] = np.flatnonzero(attributes[attribute] == wanted)
    return {name: found for name, found in rows.items() if len(found)}


@st.cache_resource(show_spinner="Loading the faces …", max_entries=32)
def st_faces(trait: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Some test faces of a key of `st_face_rows`: rows (n,), images (n, 3, 64, 64) uint8."""
    rows = spread(st_face_rows()[trait], count)
    return rows, data.faces("test", rows).numpy()


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows, evenly spaced: neighbours are often similar."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]


@st.cache_resource(show_spinner="Drawing images from the model …", max_entries=8)
def st_samples(model_name: str, count: int = 32) -> np.ndarray:
    """Images drawn by a model, (count, C, H, W) uint8: mean pixels of p(x|z) at prior draws."""
    model = st_model(model_name)
    source = generator(0, device.default_device())
    z = draw(model.prior().expand((count,)), source)
    mean = model.decode(z).mean.clamp(0, 1)
    shown = data.threshold(mean) if mean.shape[1] == 1 else mean
    return (shown * 255).round().byte().cpu().numpy()


def how_to_mend(error: zoo.BrokenModel) -> str:
    """What is wrong with a shipped file, and how to repair it."""
    return f"{error}. Put the shipped files back, or train the recipe again."
