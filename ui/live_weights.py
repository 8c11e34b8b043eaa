"""The weights of the live engine, at an address from which a browser fetches them."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from ui.streamlit_internals import media_path


class Weights(NamedTuple):
    """A weight file of `dgm_core.live.weights`."""

    path: str
    """The path of its address, relative to the server; it changes with the content."""
    bytes: int


@st.cache_resource(show_spinner=False, max_entries=4)
def st_packed(name: str) -> bytes:
    """`weights.packed`: shared by all sessions.

    Raises:
        BrokenModel: the file of the model is damaged.
    """
    from dgm_core.live import weights

    return weights.packed(name)


def weights(name: str) -> Weights:
    """Offer the weights of a DLVM of 28×28 pixels while this page is open.

    Raises:
        BrokenModel: the file of the model is damaged.
    """
    content = st_packed(name)
    return Weights(media_path(content, f"live weights {name}"), len(content))
