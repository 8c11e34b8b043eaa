"""Cached wrappers, named `st_` and then what they wrap. Keys are names; tensors are never keys."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dgm_core import data, device, zoo
from dgm_core.rng import draw, generator

if TYPE_CHECKING:
    from torch import nn


@st.cache_resource(show_spinner="Loading the model …", max_entries=8)
def st_model(name: str) -> nn.Module:
    """`zoo.load`: shared by all sessions, read-only."""
    model = zoo.load(name, device.default_device())
    # Streamlit collects garbage after every run; what is loaded now will not become garbage.
    gc.collect()
    gc.freeze()
    return model


@st.cache_resource(show_spinner="Loading the images …", max_entries=8)
def st_test_images(name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Test images, binarised at ½: (N, 28, 28) bool, labels (N,), class names."""
    images = data.load(name, "test", download_missing=False)
    ink = data.threshold(images.x[:, 0]).numpy().astype(bool)
    return ink, images.y.numpy(), images.classes


@st.cache_resource(show_spinner="Drawing images from the model …", max_entries=8)
def st_samples(model_name: str, count: int = 32) -> np.ndarray:
    """Images drawn by a model, (count, 28, 28) bool: mean pixels of p(x|z) at prior draws."""
    model = st_model(model_name)
    source = generator(0, device.default_device())
    z = draw(model.prior().expand((count,)), source)
    return data.threshold(model.decode(z).mean[:, 0]).cpu().numpy().astype(bool)
