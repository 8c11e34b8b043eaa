"""Widgets → frozen configs: the picture, what is hidden of it, and who fills it in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies.inpainting import comparison, two_samplers
from dgm_core.studies.inpainting.two_samplers import LIMITS, SIDE
from ui.frame import kept
from ui.inpainting import masks, methods, pictures, shipped
from ui.inpainting.pictures import Picture

ITERATIONS = [100, 200, 500, 1000, 2000, 5000]
WARMUPS = [0, 10, 30, 50, 90]
THIN = [0, 1, 2, 5, 10, 20, 50]


class Problem(NamedTuple):
    """A picture, and what of it no method sees."""

    picture: Picture
    hidden: np.ndarray  # (H, W) bool


def problem() -> Problem | None:
    """The controls that all views share; None while there is nothing to fill in."""
    remember_first()
    canvas_place = st.container()
    with st.container(border=True):
        picture = pictures.choose_picture()
    if picture is None:
        return None
    drawing = pictures.drawing() if pictures.is_drawn() else None
    with canvas_place:
        hidden = masks.choose_mask(picture, drawing)
    blank = drawing is not None and not picture.levels.any()
    return Problem(picture, hidden) if hidden.any() and not blank else None


def remember_first() -> None:
    """Let the session hold a mask and a choice of picture, though no widget was drawn yet."""
    state = st.session_state
    for _, side, _ in comparison.SHAPES.values():
        masks.remember(side, *first_mask(side))
    state.setdefault("chosen", {})


def first_settings() -> two_samplers.Config:
    """Picture, mask and chains that a visitor meets first."""
    return two_samplers.Config(**shipped.st_showcase().config)


def first_mask(side: int) -> tuple[np.ndarray, str | None]:
    """What is hidden at first of pictures of this size, bool, and the shape that it is."""
    if side == SIDE:
        return ~first_settings().observed, "top half"
    return masks.middle_hole(side), None


def chains(asked: Problem | None, default: two_samplers.Config) -> two_samplers.Config | None:
    """The settings of the two samplers, step by step."""
    with st.expander("Chains, iterations, seed"):
        settings = _chain_settings(default)
    if asked is None:
        return None
    return two_samplers.Config(
        f"{asked.picture.dataset}-dlvm",
        two_samplers.pack(asked.picture.levels[0] > 127),
        two_samplers.pack(asked.hidden),
        **settings,
    )


def comparing(asked: Problem | None) -> comparison.Config | None:
    """The choice of methods and their settings; None where none is chosen."""
    dataset = pictures.dataset_on_screen()
    chosen = methods.choose_methods(dataset)
    if asked is None or not chosen:
        return None
    return comparison.Config(
        dataset,
        asked.picture.levels.tobytes(),
        np.packbits(asked.hidden).tobytes(),
        chosen,
        methods.seed(),
    )


def _chain_settings(default: two_samplers.Config) -> dict[str, Any]:
    for name in ("iterations", "warmup", "chains", "initialisation", "seed", "thin"):
        kept(name, getattr(default, name))
    iterations = st.select_slider(
        "Iterations",
        ITERATIONS,
        key="keep.iterations",
        help="Of each sampler, warm-up included.",
    )
    warmup = st.select_slider(
        "Warm-up",
        WARMUPS,
        key="keep.warmup",
        help="Iterations left out of the mean. Metropolis runs them as pseudo-Gibbs.",
    )
    chain_count = st.slider(
        "Chains",
        1,
        LIMITS["chains"][1],
        key="keep.chains",
        help="Independent runs. R-hat compares them.",
    )
    initialisation = st.selectbox(
        "Hidden pixels start as", list(INITIALISATIONS), key="keep.initialisation"
    )
    seed = st.number_input("Seed", 0, 9999, key="keep.seed")
    thin = st.select_slider(
        "A picture every … iterations",
        THIN,
        format_func=lambda every: str(every) if every else "auto",
        key="keep.thin",
        help="Of the player. Auto: each of the first 20, then about 100 of the rest; there are "
        f"never more than {two_samplers.MOST_FRAMES}. The chains are the same.",
    )
    return {
        "iterations": int(iterations),
        "warmup": int(warmup),
        "chains": int(chain_count),
        "initialisation": str(initialisation),
        "seed": int(seed),
        "thin": int(thin),
    }
