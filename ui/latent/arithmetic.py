"""The view "Arithmetic": what A has and B lacks, added to C."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import glossary
from ui.components.thumbnails import thumbnails
from ui.latent import files, position
from ui.latent.spaces import Space, st_gallery

COUNT = 24
SEED = 300
FIRST = {
    "mnist": {"A": (0, 3), "B": (1, 4), "C": (2,)},
    "svhn": {"A": (9, 12), "B": (1, 5), "C": (13,)},
    "celeba": {"A": (12, 21, 23), "B": (4, 7, 8), "C": (9,)},  # smiling women, women, a man
}
"""Data set → slot → draws in the slot before the first click."""
SLOTS = tuple("ABC")
MOST = 4
"""Images in a slot."""
WIDTH = 132


class Arithmetic:
    """mean(A) − mean(B) + mean(C), each over one to four draws.

    Args:
        space: the latent space.
        controls: container for the choice of the draws.
    """

    name = "Arithmetic"
    about = (
        "What A has and B lacks, added to C. **First** put one image in each slot: the result is "
        "often unlike all three. **Then** add more images to A and to B, so that all of A share a "
        "trait that B lacks: other differences average out, and C changes mainly in that trait. "
        "**Last** compare the lengths. A sum of draws is longer than a draw, so the result is "
        "also shown at the typical length √L."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self.z, self.images = st_gallery(space.dataset, SEED, COUNT)
        self.chosen = st.session_state.setdefault("arithmetic", {}).setdefault(
            space.dataset, {slot: list(rows) for slot, rows in FIRST[space.dataset].items()}
        )
        with controls, st.container(border=True):
            slot = st.segmented_control(
                "Images of", list(SLOTS), default="A", required=True, key="arithmetic slot"
            )
            self._gallery(slot)

    def _gallery(self, slot: str) -> None:
        """Draw the gallery; a click adds an image to the slot or removes it."""
        rows, clicks = self.chosen[slot], st.session_state.setdefault("arithmetic clicks", 0)
        clicked = thumbnails(
            "arithmetic gallery",
            self.images,
            [f"draw {i + 1}" for i in range(COUNT)],
            rows[-1] if rows else -1,
            set_name=f"{self.space.dataset} {slot} {clicks}",
            label=f"Add to {slot} or remove",
        )
        if clicked is not None:
            st.session_state["arithmetic clicks"] += 1
            if clicked in rows and len(rows) > 1:
                rows.remove(clicked)
            elif clicked not in rows:
                rows.append(clicked)
                del rows[:-MOST]
            st.rerun()
        st.caption(
            f"Click an image to add it to {slot}, and again to remove it. A slot has at most "
            f"{MOST} images."
        )

    def show(self) -> None:
        """Draw the slots and the result."""
        means = {slot: self.z[rows].mean(0) for slot, rows in self.chosen.items()}
        result = means["A"] - means["B"] + means["C"]
        length = float(np.linalg.norm(result))
        typical = float(np.sqrt(len(result)))
        scaled = result * (typical / length) if length > 0 else result
        row = st.container(horizontal=True, gap="small")
        for slot, sign in (("A", "A"), ("B", "− B"), ("C", "+ C")):
            with row.container(width=WIDTH):
                st.markdown(f"**{sign}**")
                _tiles(self.images[self.chosen[slot]])
        for title, z in (("= result", result), ("at length √L", scaled)):
            with row.container(width=WIDTH):
                st.markdown(f"**{title}**")
                st.image(
                    files.png(self.space.images(z[None])[0]),
                    width="stretch",
                    output_format="PNG",
                    alt=f"Image of the result{'' if z is result else ' at length √L'}",
                )
                glossary.caption(f"‖z‖ = {np.linalg.norm(z):.1f}")
        st.button(
            "Open the result in Sliders",
            on_click=partial(position.open_in_sliders, self.space, scaled),
        )


def _tiles(images: np.ndarray) -> None:
    """Draw one to four images (n, C, H, W) side by side, in one or two rows."""
    across = min(2, len(images))
    down = -(-len(images) // across)
    padded = np.zeros((down * across, *images.shape[1:]), np.uint8)
    padded[: len(images)] = images
    channels, height, width = images.shape[1:]
    tiles = padded.reshape(down, across, channels, height, width).transpose(2, 0, 3, 1, 4)
    st.image(
        files.png(tiles.reshape(channels, down * height, across * width)),
        width="stretch",
        output_format="PNG",
        alt=f"{len(images)} chosen image{'s' * (len(images) > 1)}",
    )
