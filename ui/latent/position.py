"""Where the visitor stands in a latent space: one latent for each WGAN, for all views together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from ui.latent.spaces import FIRST, Space


class Position(NamedTuple):
    """A latent, and how often something other than a slider has set it."""

    z: np.ndarray  # (L,) float32
    revision: int


def here(space: Space) -> Position:
    """Where the visitor stands; at first a picture that shows what the WGAN can do."""
    held = _held()
    if space.dataset not in held:
        held[space.dataset] = Position(space.draw(FIRST[space.dataset])[0], 0)
    return held[space.dataset]


def go(space: Space, z: np.ndarray) -> None:
    """Stand at z (L,); sliders follow."""
    _held()[space.dataset] = Position(np.asarray(z, np.float32), here(space).revision + 1)


def slide(space: Space, z: np.ndarray) -> None:
    """Stand at z, where a slider has led: the sliders stay as they are."""
    _held()[space.dataset] = here(space)._replace(z=np.asarray(z, np.float32))


def _held() -> dict[str, Position]:
    return st.session_state.setdefault("latent positions", {})
