"""The current latent of each WGAN, which all views share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from ui.frame import renew
from ui.latent.spaces import FIRST, Space

REACH = 8.0
"""Largest absolute value of a dimension; draws of N(0, 1) stay far below."""
STEPS = 2048.0
"""Steps per unit to which latents are rounded."""


class Position(NamedTuple):
    """The current latent, and the number of times that something other than a slider set it."""

    z: np.ndarray  # (L,) float32
    revision: int


def current(space: Space) -> Position:
    """The current latent; at first the draw with seed `FIRST`."""
    positions = _positions()
    if space.dataset not in positions:
        positions[space.dataset] = Position(rounded(space.draw(FIRST[space.dataset])[0]), 0)
    return positions[space.dataset]


def move_to(space: Space, z: np.ndarray) -> None:
    """Make z (L,) the current latent; the sliders are set again."""
    _positions()[space.dataset] = Position(rounded(z), current(space).revision + 1)


def open_in_sliders(space: Space, z: np.ndarray) -> None:
    """Make z the current latent and open the view "Sliders"; for the callback of a button."""
    move_to(space, z)
    renew("latent view", "Sliders")


def slide_to(space: Space, z: np.ndarray) -> None:
    """Make z, which comes from the sliders, the current latent; the sliders stay as they are."""
    _positions()[space.dataset] = current(space)._replace(z=rounded(z))


def rounded(z: np.ndarray) -> np.ndarray:
    """z rounded to what an address can store, so that a link shows exactly this image."""
    levels = np.rint(np.clip(z, -REACH, REACH) * STEPS)
    return (np.clip(levels, -(2**15), 2**15 - 1) / STEPS).astype(np.float32)


def _positions() -> dict[str, Position]:
    return st.session_state.setdefault("latent positions", {})
