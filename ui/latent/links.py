"""The latent in the page's address.

z → round(2048 z), clipped to 16 bits, big-endian, base64 for addresses
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
import streamlit as st

from ui import links
from ui.latent import position
from ui.latent.spaces import Space
from ui.links import InLink, Setting, Value


def packed(z: np.ndarray) -> str:
    """A latent (L,) as text; the error is at most 1/4096 within ±8."""
    levels = np.rint(position.rounded(z) * position.STEPS).astype(">i2")
    return base64.urlsafe_b64encode(levels.tobytes()).decode().rstrip("=")


def unpacked(text: str, latent_dim: int) -> np.ndarray:
    """The inverse of `packed`, float32 (L,).

    Raises:
        ValueError: the text is not a packed latent of this dimension.
    """
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("expected base64") from error
    if len(content) != 2 * latent_dim:
        raise ValueError(f"expected {2 * latent_dim} bytes, got {len(content)}")
    return (np.frombuffer(content, ">i2") / position.STEPS).astype(np.float32)


def in_link(dataset: Setting) -> tuple[InLink, ...]:
    """The WGAN, and its current latent, in a share link.

    Args:
        dataset: setting of the WGAN, which is named by its data set.
    """

    def take(text: str) -> None:
        if st.query_params.get(dataset.link) == dataset.value:  # else it is another WGAN's latent
            space = Space(dataset.value)
            position.move_to(space, unpacked(text, space.latent_dim))

    def text() -> str:
        return packed(position.current(Space(dataset.value)).z)

    return dataset, Value("z", take, text)


def send_latent(space: Space) -> None:
    """Write the current latent into the address, and change nothing else there."""
    links.send(st.query_params.to_dict() | {"z": packed(position.current(space).z)})
