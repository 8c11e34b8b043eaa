"""Live chains: both samplers of a DLVM in the visitor's browser.

The browser fetches the weights from an address of this server once. After that it sends no
requests: a worker of the page runs each sampler (`dgm_core.live`). The chains observe what is on a
pixel canvas of the page, also during a stroke, or on a board of their own. Python receives a new
seed, the state `seed`, when the visitor uses another part of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from ui.components import inline_component
from ui.components.bits import pack
from ui.live_weights import Weights

_COMPONENT = inline_component(Path(__file__).parent, "live", "theme", "bits", "unsent")


def live_chains(
    key: str,
    weights: Weights,
    *,
    canvas: str,
    seed: int,
    seeds: int,
    note: str,
    on_seed: Callable[[], None],
) -> None:
    """Show the samplers beside the pixel canvas `canvas`.

    Args:
        key: Streamlit key.
        weights: where the browser finds the weights of the model.
        canvas: Streamlit key of a pixel canvas with a mask and a black-and-white picture.
        seed: of the chains; another seed restarts them.
        seeds: the largest seed.
        note: a sentence that says when the browser sends requests.
        on_seed: called when the visitor has started new chains; see `chosen_seed`.
    """
    _show(key, weights, canvas=canvas, seed=seed, seeds=seeds, note=note, on_seed=on_seed)


def live_board(key: str, weights: Weights, pictures: Sequence[np.ndarray], *, note: str) -> None:
    """Show the samplers with a board of their own.

    Args:
        key: Streamlit key.
        weights: where the browser finds the weights of the model.
        pictures: to choose from, bool (28, 28); the first is on the board.
        note: a sentence that says when the browser sends requests.
    """
    _show(key, weights, pictures=[pack(each) for each in pictures], note=note)


def chosen_seed(key: str, seeds: int) -> int | None:
    """The seed of the last new chains, for use inside `on_seed`; None: no valid one."""
    state = st.session_state.get(key)
    seed = state.get("seed") if isinstance(state, dict) else None
    valid = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= seeds
    return seed if valid else None


def _show(
    key: str,
    weights: Weights,
    *,
    note: str,
    canvas: str | None = None,
    seed: int = 0,
    seeds: int = 0,
    pictures: Sequence[str] = (),
    on_seed: Callable[[], None] = lambda: None,
) -> None:
    _COMPONENT(
        key=key,
        data={
            "weights": weights._asdict(),
            "canvas": canvas,
            "seed": seed,
            "seeds": seeds,
            "pictures": list(pictures),
            "note": note,
        },
        on_seed_change=on_seed,
    )
