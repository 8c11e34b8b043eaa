"""The choice of a latent from a gallery of draws."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.components.thumbnails import thumbnails
from ui.latent.spaces import Space, st_gallery

COUNT = 18


def from_gallery(space: Space, key: str, default: int, *, seed: int = 100) -> np.ndarray:
    """Draw a gallery; return the chosen latent, (L,)."""
    z, images = st_gallery(space.dataset, seed, COUNT)
    chosen = st.session_state.setdefault("latent chosen", {})
    name = f"{key} {space.dataset} {seed}"
    clicked = thumbnails(
        f"gallery {key}",
        images,
        [f"draw {i + 1}" for i in range(COUNT)],
        chosen.get(name, default),
        set_name=name,
        label="Draws of the model",
    )
    if clicked is not None:
        chosen[name] = clicked
    return z[chosen.get(name, default)]
