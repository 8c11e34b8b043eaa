"""The front door's picture of the WGANs: ways between digits that a generator made.

`python -m ui.latent.front` makes the file anew; to be done when mnist-wgan changes. Showing it
imports no torch.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ui.assets import ASSETS
from ui.components.picture_player import Track, picture_player

FILE = ASSETS / "wgan_front.npz"
SEEDS = (0, 4, 12)
"""Of the latents that the way passes through, and comes back from."""
STEPS = 16
NAMES = {"latent": "through the latent space", "fade": "cross-fade of pixels"}


def picture() -> None:
    """Two ways between the same digits, to be played."""
    with np.load(FILE) as file:
        tracks = [Track(title, file[name]) for name, title in NAMES.items()]
    picture_player(
        "wgan front",
        tracks,
        label="Ways between digits",
        start=5,
        seconds=5.0,
        width=260,
        there_and_back=True,
    )


def make() -> None:
    """Write the file."""
    from ui.latent.interpolate import FADE, SPHERICAL, paths
    from ui.latent.spaces import Space

    space = Space("mnist")
    corners = [space.draw(seed)[0] for seed in SEEDS]
    ways = [paths(space, a, b, STEPS) for a, b in pairwise(corners)]
    drawn = {
        name: np.concatenate([way[kind].drawn for way in ways])
        for name, kind in (("latent", SPHERICAL), ("fade", FADE))
    }
    np.savez_compressed(FILE, **drawn)


if __name__ == "__main__":
    make()
