"""The figure of the WGAN lab on the start page: paths between generated digits.

`python -m ui.latent.front` writes its file again. Run it when mnist-wgan changes. Drawing the
figure does not import torch.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dgm_core.checkout import ASSETS
from ui.components.picture_player import Track, picture_player

FILE = ASSETS / "wgan_front.npz"
SEEDS = (0, 4, 12)
"""Seeds of the latents on the path."""
STEPS = 16
NAMES = {"latent": "through the latent space", "fade": "cross-fade of pixels"}


def picture() -> None:
    """Draw a player with two paths between the same digits."""
    with np.load(FILE) as file:
        tracks = [Track(title, file[name]) for name, title in NAMES.items()]
    picture_player(
        "wgan front",
        tracks,
        label="Paths between digits",
        start=5,
        seconds=5.0,
        width=260,
        there_and_back=True,
    )


def make() -> None:
    """Write the file of the figure."""
    from ui.latent.interpolate import FADE, SPHERICAL, paths
    from ui.latent.spaces import Space

    space = Space("mnist")
    corners = [space.draw(seed)[0] for seed in SEEDS]
    sections = [paths(space, a, b, STEPS) for a, b in pairwise(corners)]
    images = {
        name: np.concatenate([section[kind].images for section in sections])
        for name, kind in (("latent", SPHERICAL), ("fade", FADE))
    }
    np.savez_compressed(FILE, **images)


if __name__ == "__main__":
    make()
