"""The latent and the view in the page's address, so that a link shows what its sender saw.

z  →  round(2048 z), clipped to 16 bits, big-endian, base64 for addresses
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
import streamlit as st

from ui.frame import remember
from ui.latent import position
from ui.latent.spaces import Space

LONGEST = 400
"""Characters of a latent in an address, at most."""


def packed(z: np.ndarray) -> str:
    """A latent (L,) as text; right to a four-thousandth within ±8."""
    levels = np.rint(position.rounded(z) * position.STEPS).astype(">i2")
    return base64.urlsafe_b64encode(levels.tobytes()).decode().rstrip("=")


def unpacked(text: str, latent_dim: int) -> np.ndarray:
    """The inverse, float32 (L,).

    Raises:
        ValueError: the text is none of `packed` for so many dimensions.
    """
    if len(text) > LONGEST:
        raise ValueError("too long")
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("no base64") from error
    if len(content) != 2 * latent_dim:
        raise ValueError(f"{len(content)} bytes for {latent_dim} dimensions")
    return (np.frombuffer(content, ">i2") / position.STEPS).astype(np.float32)


def receive(spaces: list[str], views: list[str]) -> None:
    """Take over what the address says, once in a visit; say so if it is not understood."""
    if "latent link" in st.session_state:
        return
    st.session_state["latent link"] = True
    asked = st.query_params.to_dict()
    unread = [
        name
        for name, known in (("space", spaces), ("view", views))
        if name in asked and asked[name] not in known
    ]
    if "view" in asked and "view" not in unread:
        remember("latent view", asked["view"])
    if "space" in asked and "space" not in unread:
        remember("latent space", asked["space"])
        if "z" in asked:
            space = Space(asked["space"])
            try:
                position.go(space, unpacked(asked["z"], space.latent_dim))
            except ValueError:
                unread.append("z")
    if unread:
        known = ", ".join(unread)
        st.toast(f"A part of the link was not understood and left out: {known}.")


def send(space: Space, view: str) -> None:
    """Write where the visitor stands into the address."""
    texts = {"space": space.dataset, "view": view, "z": packed(position.here(space).z)}
    if st.query_params.to_dict() != texts:
        st.query_params.from_dict(texts)
