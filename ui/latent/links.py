"""The latent in the page's address.

z → round(2048 z), clipped to 16 bits, big-endian, base64 for addresses
"""

from __future__ import annotations

import base64
import binascii

import numpy as np

from ui import links
from ui.frame import remember
from ui.latent import position
from ui.latent.spaces import Space


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


def receive(spaces: list[str], views: list[str]) -> None:
    """Take over what the address says, once in a visit; say so if it is not understood."""

    def take(asked: dict[str, str]) -> list[str]:
        unread = []
        for name, known in (("view", views), ("space", spaces)):
            if asked.get(name) in known:
                remember(f"latent {name}", asked[name])
            elif name in asked:
                unread.append(name)
        if asked.get("space") in spaces and "z" in asked:
            space = Space(asked["space"])
            try:
                position.move_to(space, unpacked(asked["z"], space.latent_dim))
            except ValueError:
                unread.append("z")
        return unread

    links.receive_texts("latent link", take)


def send(space: Space, view: str) -> None:
    """Write where the visitor stands into the address."""
    z = packed(position.current(space).z)
    links.send({"space": space.dataset, "view": view, "z": z})
