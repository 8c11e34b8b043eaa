"""Choosing a latent from a gallery of draws."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.components.thumbnails import thumbnails
from ui.latent.spaces import Space, st_gallery

COUNT = 18


def from_gallery(space: Space, key: str, first: int, *, seed: int = 100) -> np.ndarray:
    """The chosen one of some draws, (L,); `first` until another is chosen."""
    z, drawn = st_gallery(space.dataset, seed, COUNT)
    held = st.session_state.setdefault("latent chosen", {})
    place = f"{key} {space.dataset} {seed}"
    found = thumbnails(
        f"gallery {key}",
        drawn,
        [f"draw {i + 1}" for i in range(COUNT)],
        held.get(place, first),
        set_name=place,
        label="Draws of the model",
    )
    if found is not None:
        held[place] = found
    return z[held.get(place, first)]
