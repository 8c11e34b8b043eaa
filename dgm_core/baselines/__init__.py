"""Simple methods, behind the same contract as the deep ones, so that these have something to beat.

    *_, imputation = PPCA(images).run(masked, generator)

The first field of each is what it `needs`: training images (N, C, H, W), floats in [0, 1] or
bytes, or rows (N, D) of a table; or nothing. The other fields are its knobs.
"""

from dgm_core.baselines.biharmonic import Biharmonic
from dgm_core.baselines.mean import MeanImage
from dgm_core.baselines.neighbours import NearestNeighbours
from dgm_core.baselines.principal import PPCA, IterativePCA

__all__ = ["PPCA", "Biharmonic", "IterativePCA", "MeanImage", "NearestNeighbours"]
