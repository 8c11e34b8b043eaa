"""The view of arithmetic: what A has and B has not, added to C."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.components.thumbnails import thumbnails
from ui.latent import pictures, position
from ui.latent.spaces import Space, st_gallery

COUNT = 24
SEED = 300
FIRST = {
    "mnist": {"A": (0, 3), "B": (1, 4), "C": (2,)},
    "svhn": {"A": (9, 12), "B": (1, 5), "C": (13,)},
    "celeba": {"A": (12, 21, 23), "B": (4, 7, 8), "C": (9,)},  # smiling women, women, a man
}
"""Draws in the slots before any click."""
SLOTS = tuple("ABC")
"""Slot → draws that it begins with."""
MOST = 4
WIDTH = 132


class Arithmetic:
    """mean(A) − mean(B) + mean(C), each of one to four draws.

    Args:
        space: whose.
        controls: where the draws are chosen.
    """

    name = "Arithmetic"
    about = (
        "What A has and B has not, added to C. **Look first** at one picture a slot: the result "
        "is often neither. **Then** add more to A and B that share a trait: their means differ "
        "in that trait alone, and so does the result from C. **Last** at the length: a sum of "
        "draws is longer than a draw, so the result is shown at its usual length √L too."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self.z, self.drawn = st_gallery(space.dataset, SEED, COUNT)
        self.chosen = st.session_state.setdefault("arithmetic", {}).setdefault(
            space.dataset, {slot: list(rows) for slot, rows in FIRST[space.dataset].items()}
        )
        with controls, st.container(border=True):
            slot = st.segmented_control(
                "Pictures of", list(SLOTS), default="A", required=True, key="arithmetic slot"
            )
            self._gallery(slot)

    def _gallery(self, slot: str) -> None:
        """A click adds a picture to the slot, or takes it out."""
        mine, clicks = self.chosen[slot], st.session_state.setdefault("arithmetic clicks", 0)
        found = thumbnails(
            "arithmetic gallery",
            self.drawn,
            [f"draw {i + 1}" for i in range(COUNT)],
            mine[-1] if mine else -1,
            set_name=f"{self.space.dataset} {slot} {clicks}",
            label=f"Add to {slot}, or take out",
        )
        if found is not None:
            st.session_state["arithmetic clicks"] += 1
            if found in mine and len(mine) > 1:
                mine.remove(found)
            elif found not in mine:
                mine.append(found)
                del mine[:-MOST]
            st.rerun()
        st.caption(f"A click adds to {slot} or takes out; up to {MOST}.")

    def show(self) -> None:
        """Slots and result."""
        means = {slot: self.z[rows].mean(0) for slot, rows in self.chosen.items()}
        result = means["A"] - means["B"] + means["C"]
        length = float(np.linalg.norm(result))
        usual = float(np.sqrt(len(result)))
        scaled = result * (usual / length) if length > 0 else result
        row = st.container(horizontal=True, gap="small")
        for slot, sign in (("A", "A"), ("B", "− B"), ("C", "+ C")):
            with row.container(width=WIDTH):
                st.markdown(f"**{sign}**")
                _tiles(self.drawn[self.chosen[slot]])
        for title, z in (("= result", result), ("at usual length", scaled)):
            with row.container(width=WIDTH):
                st.markdown(f"**{title}**")
                st.image(
                    pictures.png(self.space.pictures(z[None])[0]),
                    width="stretch",
                    output_format="PNG",
                    alt=f"Picture of the {title.removeprefix('= ')}",
                )
                st.caption(f"‖z‖ = {np.linalg.norm(z):.1f}")
        st.button(
            "Take the result to the sliders", on_click=partial(position.take, self.space, scaled)
        )


def _tiles(drawn: np.ndarray) -> None:
    """One to four pictures as one, in one or two rows."""
    across = min(2, len(drawn))
    down = -(-len(drawn) // across)
    whole = np.zeros((down * across, *drawn.shape[1:]), np.uint8)
    whole[: len(drawn)] = drawn
    channels, height, width = drawn.shape[1:]
    tiles = whole.reshape(down, across, channels, height, width).transpose(2, 0, 3, 1, 4)
    st.image(
        pictures.png(tiles.reshape(channels, down * height, across * width)),
        width="stretch",
        output_format="PNG",
        alt=f"{len(drawn)} chosen picture{'s' * (len(drawn) > 1)}",
    )
