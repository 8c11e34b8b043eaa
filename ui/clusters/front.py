"""The front door's picture of the clusters: scikit-learn's digits, sorted without a label.

`python -m ui.clusters.front` makes the file anew, to be done when digits-vaegmm changes. Showing
it imports no torch.
"""

from __future__ import annotations

import numpy as np

from ui.assets import ASSETS
from ui.components.linked_scatter import Categories, Panel, linked_scatter

FILE = ASSETS / "clusters_front.npz"
SHOWN = 800


def picture() -> None:
    """Before and after, with each digit under the pointer."""
    with np.load(FILE) as file:
        before, after, cluster, label, pictures = (
            file[name] for name in ("before", "after", "cluster", "label", "pictures")
        )
    linked_scatter(
        "clusters front",
        [Panel("Before", before), Panel("After", after)],
        [
            Categories("cluster", cluster, [str(k + 1) for k in range(cluster.max() + 1)]),
            Categories("digit", label, [str(k) for k in range(10)]),
        ],
        label="Digits where the VAE puts them",
        pictures=pictures,
        height=300,
    )


def make() -> None:
    """Write the file."""
    from ui.clusters.runs import st_story

    story = st_story("digits-vaegmm")
    first, last = (story.course.moments[at] for at in (0, -1))
    few = slice(SHOWN)
    np.savez_compressed(
        FILE,
        before=first.xy[few].astype(np.float32),
        after=last.xy[few].astype(np.float32),
        cluster=last.assignment[few].astype(np.uint8),
        label=story.labels.codes[few].astype(np.uint8),
        pictures=story.pictures[0][few],
    )


if __name__ == "__main__":
    make()
