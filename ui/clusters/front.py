"""The figure of the clusters lab on the start page: digits of MNIST before and after.

`python -m ui.clusters.front` writes its file again. Run it when the model `RUN` changes. The file
has reconstructions, not images of the data set, and digits as a classifier reads them. Drawing the
figure does not import torch.
"""

from __future__ import annotations

import numpy as np

from dgm_core.checkout import ASSETS
from ui.components.linked_scatter import Categories, Panel, linked_scatter

FILE = ASSETS / "clusters_front.npz"
RUN = "mnist-vaegmm-diagonal"
"""The shipped run that differs most from its control."""
SHOWN = 800


def picture() -> None:
    """Draw the latents before and after, with the digit under the pointer."""
    with np.load(FILE) as file:
        before, after, cluster, label, pictures = (
            file[name] for name in ("before", "after", "cluster", "label", "pictures")
        )
    linked_scatter(
        "clusters front",
        [Panel("Before", before), Panel("After", after)],
        [
            Categories("cluster", cluster, [str(k + 1) for k in range(cluster.max() + 1)]),
            Categories("digit, as a classifier reads it", label, [str(k) for k in range(10)]),
        ],
        label="Latent means of digits",
        pictures=pictures,
        height=300,
    )


def make() -> None:
    """Write the file of the figure."""
    from ui.clusters.runs import st_shipped_run

    trained = st_shipped_run(RUN)
    first, last = (trained.history.snapshots[at] for at in (0, -1))
    few = slice(SHOWN)
    np.savez_compressed(
        FILE,
        before=first.xy[few].astype(np.float32),
        after=last.xy[few].astype(np.float32),
        cluster=last.assignment[few].astype(np.uint8),
        label=trained.history.read[few].astype(np.uint8),
        pictures=trained.decoded(last.mean[few]),
    )


if __name__ == "__main__":
    make()
