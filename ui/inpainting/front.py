"""The opening of the front page: a finished run, or both samplers live in the browser.

Neither torch nor the weights are loaded until the visitor starts the live samplers.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.components.chain_player import chain_player
from ui.inpainting import shipped

_LIVE = "front live"
NOTE = (
    "While you paint and watch, the browser sends nothing to the server. The images are test "
    "images of scikit-learn's digits. The server computes the other figures."
)


@st.fragment
def picture() -> None:
    """The shipped run or the live samplers, above the button for the other."""
    if st.session_state.setdefault(_LIVE, False):
        _live()
        st.button("Show the finished run", icon=":material/replay:", on_click=_switch)
        return
    chain_player("player", shipped.st_showcase().message)
    st.button(
        "Paint, and run both samplers in your browser",
        icon=":material/brush:",
        on_click=_switch,
        help="Loads 2 MB of weights. Your browser then computes both samplers.",
    )


def still() -> None:
    """The shipped run alone."""
    chain_player("first picture", shipped.st_showcase().message)


def _switch() -> None:
    st.session_state[_LIVE] = not st.session_state[_LIVE]


def _live() -> None:
    from dgm_core import zoo
    from ui import cache, live_weights
    from ui.components.live_chains import live_board

    try:
        weights = live_weights.weights("digits-dlvm")
    except (zoo.BrokenModel, zoo.ModelsUnavailable) as error:
        st.error(cache.how_to_mend(error))
        return
    live_board("front live board", weights, st_digits(), note=NOTE)


@st.cache_resource(show_spinner=False)
def st_digits() -> list[np.ndarray]:
    """The test image of the shipped run, then one of each other class, bool (28, 28)."""
    from ui import cache

    shown = shipped.st_showcase().config
    first = np.unpackbits(np.frombuffer(shown["image"], np.uint8))[:784].reshape(28, 28) > 0
    ink, labels, _ = cache.st_test_images("digits")
    same = int(labels[(ink == first).all((1, 2)).argmax()])
    others = [int((labels == label).argmax()) for label in range(10) if label != same]
    return [first, *ink[others]]
