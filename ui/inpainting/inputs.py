"""Widgets for the image, its hidden pixels and the samplers; they make frozen configs."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies.inpainting import comparison, two_samplers
from dgm_core.studies.inpainting.two_samplers import LIMITS
from ui.inpainting import masks, methods, pictures, shipped
from ui.inpainting.pictures import Picture
from ui.links import Setting

ITERATIONS = (100, 200, 500, 1000, 2000, 5000)
WARMUPS = (0, 10, 30, 50, 90)
THIN = {0: "automatic"} | {every: str(every) for every in (1, 2, 5, 10, 20, 50)}
"""Iterations per frame → title."""


class Problem(NamedTuple):
    """An image and its hidden pixels."""

    picture: Picture
    hidden: np.ndarray  # (H, W) bool


def problem(
    picture_place: DeltaGenerator | None = None, *, quiet: str | None = None
) -> Problem | None:
    """Show the widgets that all views share; None while there is nothing to fill in.

    Args:
        picture_place: container for the choice of the image; None: under the canvas.
        quiet: as for `masks.choose_mask`.
    """
    remember_first()
    canvas_place = st.container()
    with picture_place or st.container(), st.container(border=True):
        picture = pictures.choose_picture()
    if picture is None:
        return None
    drawing = pictures.drawing() if pictures.is_drawn() else None
    with canvas_place:
        hidden = masks.choose_mask(picture, drawing, quiet=quiet)
    blank = drawing is not None and not picture.levels.any()
    return Problem(picture, hidden) if hidden.any() and not blank else None


def remember_first() -> None:
    """Put the first masks and choices of images into the session, before any widget is drawn."""
    state = st.session_state
    for _, side, _ in comparison.SHAPES.values():
        masks.remember(side, *first_mask(side))
    state.setdefault("chosen", {})


def first_settings() -> two_samplers.Config:
    """The image, mask and chains that the page shows first."""
    return two_samplers.Config(**shipped.st_showcase().config)


def first_mask(side: int) -> tuple[np.ndarray, str | None]:
    """The pixels hidden at first in images of this size, bool, and the name of their shape."""
    if side == DIGIT_SIDE:
        return ~first_settings().observed, "top half"
    return masks.middle_hole(side), None


def chains(problem: Problem | None) -> two_samplers.Config | None:
    """Show the settings of the two samplers; None while there is nothing to fill in."""
    with st.expander("Chains, iterations, seed"):
        settings = _choose_chains()
    if problem is None:
        return None
    return two_samplers.Config(
        f"{problem.picture.dataset}-dlvm",
        two_samplers.pack(problem.picture.levels[0] > 127),
        two_samplers.pack(problem.hidden),
        **settings,
    )


def comparison_config(problem: Problem | None) -> comparison.Config | None:
    """Show the choice of methods and their settings; None if no method is chosen."""
    dataset = pictures.dataset_on_screen()
    chosen = methods.choose_methods(dataset)
    if problem is None or not chosen:
        return None
    return comparison.Config(
        dataset,
        problem.picture.levels.tobytes(),
        np.packbits(problem.hidden).tobytes(),
        chosen,
        int(methods.SEED.value),
    )


@cache
def chain_settings() -> tuple[Setting, ...]:
    """The settings of the two samplers; their names are those of the fields of the config."""
    first = first_settings()
    return (
        Setting("iterations", first.iterations, options=ITERATIONS),
        Setting("warmup", first.warmup, options=WARMUPS),
        Setting("chains", first.chains, low=1, high=LIMITS["chains"][1]),
        Setting(
            "initialisation", first.initialisation, options=tuple(INITIALISATIONS), link="start"
        ),
        methods.SEED,
        Setting("thin", first.thin, options=THIN),
    )


def _choose_chains() -> dict[str, Any]:
    """Show the settings of the two samplers; the arguments of a config."""
    iterations, warmup, chain_count, initialisation, seed, thin = chain_settings()
    return {
        "iterations": iterations.widget(
            st.select_slider, "Iterations", help="Iterations of each sampler, warm-up included."
        ),
        "warmup": warmup.widget(
            st.select_slider,
            "Warm-up",
            help="The first iterations, which are left out of the mean. Metropolis runs them as "
            "pseudo-Gibbs.",
        ),
        "chains": chain_count.widget(
            st.slider, "Chains", help="Independent chains. R-hat compares them."
        ),
        "initialisation": initialisation.widget(
            st.selectbox, "Initial values of the hidden pixels"
        ),
        "seed": seed.widget(st.number_input, "Seed"),
        "thin": thin.widget(
            st.select_slider,
            "Iterations per frame",
            help="Frames of the player. Automatic: each of the first 20 iterations, then about "
            f"100 frames. There are at most {two_samplers.MOST_FRAMES} frames. The chains do not "
            "change.",
        ),
    }
