"""The view "Sliders": the image changes while the latent moves along a direction."""

from __future__ import annotations

import time

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import zoo
from dgm_core.studies.latent import directions
from ui import figures, glossary
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.download_button import download_button
from ui.latent import files, links, position
from ui.latent.spaces import FIRST, Space
from ui.links import Setting
from ui.percent import percent

PRINCIPAL, TRAITS, ALL = "Principal", "By trait", "All dimensions"
TRUNCATION = Setting("latent truncation", 1.0, low=0.0, high=1.5, step=0.05)
BASIS = Setting("latent basis", PRINCIPAL, options=(PRINCIPAL, TRAITS, ALL))
SHOWN = 8
"""Principal directions that have a slider."""
REACH = directions.END
"""Sliders go from −4 to 4, where hit rates are measured."""
ADDRESS_EVERY = 1.0
"""Least seconds between changes of the address; browsers limit their number."""
STICKY_IMAGE = """<style>
@media (max-width: 640px) {
  [data-testid=stColumn]:has(.st-key-latent-picture):not(:has([data-testid=stColumn])) {
    position: sticky; top: 3.75rem; z-index: 100; background: BEHIND;
  }
  .st-key-latent-picture { flex-direction: row; align-items: center; gap: 1rem }
  .st-key-latent-picture > * { width: auto !important; flex: 1 1 0 }
}
</style>"""
"""On a narrow screen the image stays visible while sliders below it are moved."""


class Sliders:
    """Directions to move along, and the image.

    Args:
        space: the latent space.
        controls: container for the settings of a new draw.
    """

    name = "Sliders"
    about = (
        "Each slider moves the latent z along one direction, and the image follows. **First** "
        "try the principal directions: they change the first layer of the generator most. "
        "**Then** try the directions of single traits; they change other traits as well. "
        "**Last** watch ‖z‖: almost all latents in training had a length near √L, and images "
        "lose their quality far from it."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self._seed = Setting(
            f"latent seed {space.dataset}", FIRST[space.dataset], low=0, high=99_999
        )
        self._used = f"latent used {space.dataset}"
        with controls:
            self._settings()

    def _settings(self) -> None:
        """Draw the settings of a new latent."""
        with st.container(border=True):
            names = labels(self.space, PRINCIPAL)[:SHOWN]
            st.button(
                "New image",
                icon=":material/casino:",
                type="primary",
                width="stretch",
                on_click=self._next_seed,
            )
            TRUNCATION.widget(
                st.slider,
                "Truncation",
                help="A draw is multiplied by this factor. Below 1, images are more similar to "
                "each other and often better.",
                on_change=self._draw,
            )
            st.multiselect(
                "Keep",
                range(len(names)),
                format_func=lambda i: names[i],
                key="latent kept directions",
                placeholder="nothing",
                help="A new draw does not change the latent along these directions.",
            )
            self._seed.widget(st.number_input, "Seed", on_change=self._use_seed)
            if (used := st.session_state.get(self._used)) is not None:
                st.caption(f"Drawn with seed {used}.")

    def _next_seed(self) -> None:
        state = st.session_state
        state[self._used] = state.get(self._used, self._seed.value) + 1
        self._draw()

    def _use_seed(self) -> None:
        st.session_state[self._used] = self._seed.value
        self._draw()

    def _draw(self) -> None:
        """Draw a latent with the current settings."""
        state = st.session_state
        seed = state.get(self._used, self._seed.value)
        z = TRUNCATION.value * self.space.draw(int(seed))[0]
        if directions := list(state.get("latent kept directions", [])):
            rows = self.space.directions.principal.vectors[directions].numpy()
            z = z + rows.T @ (rows @ (position.current(self.space).z - z))
        position.move_to(self.space, z)

    def show(self) -> None:
        """Draw sliders and image in a fragment; a move of a slider reruns only the fragment."""
        space = self.space

        @st.fragment
        def sliders_and_image() -> None:
            st.html(STICKY_IMAGE.replace("BEHIND", figures.background()))
            left, right = st.columns([5, 6], gap="large")
            with right:
                basis = BASIS.widget(st.segmented_control, "Directions", required=True)
                z = _moved(space, basis)
            with left, st.container(key="latent picture"):
                image = _image(space, z)
            _downloads(space, z, image)
            _address(space)

        sliders_and_image()


def vectors(space: Space, basis: str) -> np.ndarray:
    """Orthonormal directions, (n, L)."""
    if basis == ALL:
        return np.eye(space.latent_dim, dtype=np.float32)
    found = space.directions
    if basis == PRINCIPAL:
        return found.principal.vectors.numpy()
    return found.traits.vectors[found.traits.offered].numpy()


def labels(space: Space, basis: str) -> list[str]:
    """Labels of the sliders."""
    if basis == ALL:
        return [f"z{i + 1}" for i in range(space.latent_dim)]
    found = space.directions
    if basis == TRAITS:
        return [name for name, _ in _hits(found.traits)]
    names = zip(found.principal.names, found.principal.offered, strict=True)
    return [f"{i + 1} · {name}" if kept else f"{i + 1}" for i, (name, kept) in enumerate(names)]


def agreements(space: Space, basis: str) -> list[str]:
    """Beside each slider: how often images at its ends have and lack the trait, if it has one."""
    if basis == ALL:
        return [""] * space.latent_dim
    found = space.directions
    if basis == TRAITS:
        return [_agreement(rates) for _, rates in _hits(found.traits)]
    kept_names = zip(found.principal.hits.tolist(), found.principal.offered, strict=True)
    return [_agreement(rates) if kept else "" for rates, kept in kept_names]


def _hits(basis: directions.Basis) -> list[tuple[str, list[float]]]:
    """Name and hit rates of the traits that are offered."""
    rows = zip(basis.names, basis.hits.tolist(), basis.offered, strict=True)
    return [(name, rates) for name, rates, offered in rows if offered]


def _agreement(rates: list[float]) -> str:
    low, high = map(percent, rates)
    return f"hits: {low} at −{REACH:g}, {high} at {REACH:g}"


def about_hits(space: Space) -> str:
    """What the hit rates of the traits are, how good their judge is, and what is left out."""
    found = space.directions.traits
    text = (
        f"**Hits**: of {directions.JUDGED} other draws, the fraction that lacks the trait at "
        f"−{REACH:g} and the fraction that has it at {REACH:g}."
    )
    names = [name for name, _ in _hits(found)]
    if any(name in directions.MEASURED for name in names):
        text += " A trait that is measured on the image counts from its median over draws."
    classifier = f"{space.dataset}-classifier"
    if classifier in zoo.names():
        right = zoo.card(classifier)["measured"]["of_each"]
        judged = [f"{name} {percent(right[name])}" for name in names if name in right]
        if judged:
            text += (
                " A classifier judges the others. Its balanced accuracy on held-out images: "
                f"{', '.join(judged)}."
            )
    missed = [
        f"{name} ({percent(min(rates))})"
        for name, rates, offered in zip(
            found.names, found.hits.tolist(), found.offered, strict=True
        )
        if not offered
    ]
    if missed:
        text += (
            f" Not offered, because fewer than {percent(directions.LEAST_HITS)} are hits at one "
            f"end: {', '.join(missed)}."
        )
    return text


def _moved(space: Space, basis: str) -> np.ndarray:
    """Draw the sliders, and return the latent that they set."""
    rows, names, helps = vectors(space, basis), labels(space, basis), agreements(space, basis)
    current = position.current(space)
    if not len(rows):
        st.caption("No directions of traits are available for this model.")
        return current.z
    if basis == PRINCIPAL:
        rows, names = rows[:SHOWN], names[:SHOWN]
    origin = _origin(space, basis, current)
    first = rows @ origin
    sliders = [
        LiveSlider(f"d{i}", name, -REACH, REACH, 0.05, "", 1, helps[i], default=0.0)
        for i, name in enumerate(names)
    ]
    values = {slider.name: float(value) for slider, value in zip(sliders, first, strict=True)}
    chosen = live_sliders(
        f"latent {space.dataset} {basis}",
        sliders,
        values,
        rev=f"{current.revision} {basis} {origin.tobytes().hex()[:16]}",
        label="Directions of the latent space",
        compact=basis == ALL,
    )
    if basis == TRAITS:
        st.caption(about_hits(space))
    moved = np.array([chosen[s.name] - s.nearest(values[s.name]) for s in sliders], np.float32)
    z = origin + rows.T @ moved
    position.slide_to(space, z)
    return z


def _origin(space: Space, basis: str, current: position.Position) -> np.ndarray:
    """The latent from which the sliders count: the current one when they were drawn first."""
    origins = st.session_state.setdefault("latent origins", {})
    key = (basis, current.revision)
    if origins.get(space.dataset, (None, None))[0] != key:
        origins[space.dataset] = (key, current.z)
    return origins[space.dataset][1]


def _image(space: Space, z: np.ndarray) -> np.ndarray:
    """Draw the image of z, and return it, uint8 (C, H, W)."""
    images = space.images(z[None])
    st.image(files.png(images[0]), width="stretch", output_format="PNG", alt="The current image")
    length, typical = float(np.linalg.norm(z)), float(np.sqrt(len(z)))
    score = float(space.scores(images)[0])
    text = f"‖z‖ = {length:.1f}, typical √L = {typical:.1f} · critic score {score:+.1f}"
    glossary.caption(text)
    return images[0]


def _downloads(space: Space, z: np.ndarray, image: np.ndarray) -> None:
    row = st.container(horizontal=True)
    download_button(
        "PNG",
        lambda: files.png(image),
        f"{space.dataset}.png",
        "image/png",
        place=row,
    )
    download_button(
        "Latent",
        lambda: files.as_json(f"{space.dataset}-wgan", z),
        f"{space.dataset}-latent.json",
        "application/json",
        place=row,
    )


def _address(space: Space) -> None:
    state = st.session_state
    if time.monotonic() - state.get("latent address at", 0.0) > ADDRESS_EVERY:
        state["latent address at"] = time.monotonic()
        links.send_latent(space)
