"""Where the visitor stands in a latent space: one latent for each WGAN, for all views together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from ui.latent.spaces import FIRST, Space

REACH = 8.0
"""No latent lies further out in any dimension: beyond, N(0, 1) never goes."""
STEPS = 2048.0
"""To one, of a number in a latent."""


class Position(NamedTuple):
    """A latent, and how often something other than a slider has set it."""

    z: np.ndarray  # (L,) float32
    revision: int


def here(space: Space) -> Position:
    """Where the visitor stands; at first a picture that shows what the WGAN can do."""
    held = _held()
    if space.dataset not in held:
        held[space.dataset] = Position(rounded(space.draw(FIRST[space.dataset])[0]), 0)
    return held[space.dataset]


def go(space: Space, z: np.ndarray) -> None:
    """Stand at z (L,); sliders follow."""
    _held()[space.dataset] = Position(rounded(z), here(space).revision + 1)


def take(space: Space, z: np.ndarray) -> None:
    """Stand at z and look at it with the sliders; to be called by a button, before the run."""
    go(space, z)
    st.session_state["keep.latent view"] = "Sliders"


def slide(space: Space, z: np.ndarray) -> None:
    """Stand at z, where a slider has led: the sliders stay as they are."""
    _held()[space.dataset] = here(space)._replace(z=rounded(z))


def rounded(z: np.ndarray) -> np.ndarray:
    """z to what an address can hold, so that a link shows the very picture."""
    levels = np.rint(np.clip(z, -REACH, REACH) * STEPS)
    return (np.clip(levels, -(2**15), 2**15 - 1) / STEPS).astype(np.float32)


def _held() -> dict[str, Position]:
    return st.session_state.setdefault("latent positions", {})
