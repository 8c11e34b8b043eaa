"""Simple imputers with the interface of the deep ones, as a baseline for comparison.

    >>> import torch
    >>> from dgm_core.rng import generator
    >>> from dgm_core.types import Masked
    >>> images = torch.rand(20, 1, 4, 4, generator=generator(0))
    >>> masked = Masked(images[:2], torch.rand(2, 1, 4, 4, generator=generator(1)) < 0.5)
    >>> *_, imputation = MeanImage(images).run(masked, generator(2))
    >>> imputation.mean.shape
    torch.Size([2, 1, 4, 4])

The first field of each class is what its `needs` names: training images (N, C, H, W), floats in
[0, 1] or bytes; rows (N, D) of a table; or nothing. The other fields are its settings.

`import dgm_core.baselines` loads nothing else. Each name below loads its module when it is first
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgm_core.lazy import names_on_demand

if TYPE_CHECKING:
    from dgm_core.baselines.biharmonic import Biharmonic
    from dgm_core.baselines.mean import MeanImage
    from dgm_core.baselines.neighbours import NearestNeighbours
    from dgm_core.baselines.pca import PPCA, IterativePCA

__all__ = ["PPCA", "Biharmonic", "IterativePCA", "MeanImage", "NearestNeighbours"]

__getattr__, __dir__ = names_on_demand(
    __name__,
    {
        "biharmonic": ("Biharmonic",),
        "mean": ("MeanImage",),
        "neighbours": ("NearestNeighbours",),
        "pca": ("PPCA", "IterativePCA"),
    },
)
