"""The view of sliders: the picture follows the hand along directions of the latent space."""

from __future__ import annotations

import time

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import figures
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.frame import KEPT, kept
from ui.latent import links, pictures, position
from ui.latent.spaces import FIRST, Space

PRINCIPAL, TRAITS, ALL = "Principal", "By trait", "All dimensions"
SHOWN = 8
"""Principal directions shown before the fold."""
REACH = 4.0
ADDRESS_EVERY = 1.0
"""Seconds between changes of the address while a slider moves: browsers limit their number."""
STICKS = """<style>
@media (max-width: 640px) {
  [data-testid=stColumn]:has(.st-key-latent-picture):not(:has([data-testid=stColumn])) {
    position: sticky; top: 3.75rem; z-index: 100; background: BEHIND;
  }
  .st-key-latent-picture { flex-direction: row; align-items: center; gap: 1rem }
  .st-key-latent-picture > * { width: auto !important; flex: 1 1 0 }
}
</style>"""
"""On a phone the picture stays in view while sliders further down are moved."""


class Sliders:
    """Directions to move along, and the picture.

    Args:
        space: whose.
        controls: where a new draw is asked for.
    """

    name = "Sliders"
    about = (
        "Each slider moves the latent z along one direction, and the picture follows. **Look "
        "first** at the principal directions: they move the generator's first layer most. "
        "**Then** at those made for one trait, which still drag others along. **Last** at ‖z‖: "
        "far from √L the generator was never trained, and pictures fall apart."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self._seed, self._used = f"latent seed {space.dataset}", f"latent used {space.dataset}"
        with controls:
            self._draw()

    def _draw(self) -> None:
        """A new latent, with some directions held."""
        with st.container(border=True):
            names = labels(self.space, PRINCIPAL)[:SHOWN]
            st.button(
                "New picture",
                icon=":material/casino:",
                type="primary",
                width="stretch",
                on_click=self._next,
            )
            kept("latent truncation", 1.0)
            st.slider(
                "Truncation",
                0.0,
                1.5,
                step=0.05,
                key="keep.latent truncation",
                help="A draw is multiplied by this: below 1 pictures are more alike and better.",
                on_change=self._anew,
            )
            st.multiselect(
                "Keep",
                range(len(names)),
                format_func=lambda i: names[i],
                key="latent held",
                placeholder="nothing",
                help="Directions along which a new draw changes nothing.",
            )
            kept(self._seed, FIRST[self.space.dataset])
            st.number_input("Seed", 0, 99_999, key=KEPT + self._seed, on_change=self._chosen)
            if (used := st.session_state.get(self._used)) is not None:
                st.caption(f"Drawn with seed {used}.")

    def _next(self) -> None:
        state = st.session_state
        state[self._used] = state.get(self._used, state[KEPT + self._seed]) + 1
        self._anew()

    def _chosen(self) -> None:
        st.session_state[self._used] = st.session_state[KEPT + self._seed]
        self._anew()

    def _anew(self) -> None:
        """Draw, with the settings as they are now."""
        state = st.session_state
        seed = state.get(self._used, state[KEPT + self._seed])
        z = state["keep.latent truncation"] * self.space.draw(int(seed))[0]
        if held := list(state.get("latent held", [])):
            rows = self.space.directions.principal.vectors[held].numpy()
            z = z + rows.T @ (rows @ (position.here(self.space).z - z))
        position.go(self.space, z)

    def show(self) -> None:
        """Sliders and picture; a fragment, so that a move reruns nothing else."""
        space = self.space

        @st.fragment
        def at_hand() -> None:
            st.html(STICKS.replace("BEHIND", figures.background()))
            left, right = st.columns([5, 6], gap="large")
            with right:
                kept("latent basis", PRINCIPAL)
                basis = st.segmented_control(
                    "Directions",
                    [PRINCIPAL, TRAITS, ALL],
                    required=True,
                    key="keep.latent basis",
                )
                z = _moved(space, basis)
            with left, st.container(key="latent picture"):
                shown = _picture(space, z)
            _downloads(space, z, shown)
            _address(space)

        at_hand()


def vectors(space: Space, basis: str) -> np.ndarray:
    """Directions at right angles (n, L), rows of length 1."""
    if basis == ALL:
        return np.eye(space.latent_dim, dtype=np.float32)
    found = space.directions
    return (found.traits if basis == TRAITS else found.principal).vectors.numpy()


def labels(space: Space, basis: str) -> list[str]:
    """What the sliders are called."""
    if basis == ALL:
        return [f"z{i + 1}" for i in range(space.latent_dim)]
    found = space.directions
    if basis == TRAITS:
        return list(found.traits.names)
    return [
        f"{i + 1} · {name}" if name else f"{i + 1}" for i, name in enumerate(found.principal.names)
    ]


def _moved(space: Space, basis: str) -> np.ndarray:
    """The sliders; the latent that they lead to."""
    rows, names = vectors(space, basis), labels(space, basis)
    if not len(rows):
        st.caption("No direction of a trait is known for this model.")
        return position.here(space).z
    if basis == PRINCIPAL:
        rows, names = rows[:SHOWN], names[:SHOWN]
    at = position.here(space)
    origin = _origin(space, basis, at)
    first = rows @ origin
    sliders = [
        LiveSlider(f"d{i}", name, -REACH, REACH, 0.05, "", 1, default=0.0)
        for i, name in enumerate(names)
    ]
    values = {slider.name: float(value) for slider, value in zip(sliders, first, strict=True)}
    chosen = live_sliders(
        f"latent {space.dataset} {basis}",
        sliders,
        values,
        rev=f"{at.revision} {basis} {origin.tobytes().hex()[:16]}",
        label="Directions of the latent space",
        compact=basis == ALL,
    )
    moved = np.array([chosen[s.name] - s.nearest(values[s.name]) for s in sliders], np.float32)
    z = origin + rows.T @ moved
    position.slide(space, z)
    return z


def _origin(space: Space, basis: str, at: position.Position) -> np.ndarray:
    """The latent from which the sliders on screen count: where it stood when they came."""
    held = st.session_state.setdefault("latent origins", {})
    asked = (basis, at.revision)
    if held.get(space.dataset, (None, None))[0] != asked:
        held[space.dataset] = (asked, at.z)
    return held[space.dataset][1]


def _picture(space: Space, z: np.ndarray) -> np.ndarray:
    """The picture of z on screen, and as uint8 (C, H, W)."""
    shown = space.pictures(z[None])
    st.image(pictures.png(shown[0]), width="stretch", output_format="PNG", alt="The picture drawn")
    length, usual = float(np.linalg.norm(z)), float(np.sqrt(len(z)))
    score = float(space.scores(shown)[0])
    st.caption(f"‖z‖ = {length:.1f}, usual √L = {usual:.1f} · critic {score:+.1f}")
    return shown[0]


def _downloads(space: Space, z: np.ndarray, shown: np.ndarray) -> None:
    row = st.container(horizontal=True)
    row.download_button(
        "PNG",
        lambda: pictures.png(shown),
        f"{space.dataset}.png",
        "image/png",
        icon=":material/download:",
        on_click="ignore",
    )
    row.download_button(
        "Latent",
        lambda: pictures.as_json(f"{space.dataset}-wgan", z),
        f"{space.dataset}-latent.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _address(space: Space) -> None:
    state = st.session_state
    if time.monotonic() - state.get("latent address at", 0.0) > ADDRESS_EVERY:
        state["latent address at"] = time.monotonic()
        links.send(space, Sliders.name)
