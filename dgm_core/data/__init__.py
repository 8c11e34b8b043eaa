"""Named data sets as tensors with fixed splits.

    from dgm_core import data
    images = data.load("mnist", "test")   # Images(x (10000, 1, 28, 28) in [0, 1], y, classes)

`load` looks in `$DGM_DATA` (default: a folder in the user's cache), else downloads and prepares
the set there, else says what can be done. `digits` ships with scikit-learn and is always there.
"""

from dgm_core.data.celeba import face_attributes, faces, source_window
from dgm_core.data.download import fetch
from dgm_core.data.folder import DataUnavailable, DownloadError, data_folder, is_available
from dgm_core.data.sets import NAMES, Images, binarize, load, threshold
from dgm_core.data.splits import SPLITS

__all__ = [
    "NAMES",
    "SPLITS",
    "DataUnavailable",
    "DownloadError",
    "Images",
    "binarize",
    "data_folder",
    "face_attributes",
    "faces",
    "fetch",
    "is_available",
    "load",
    "source_window",
    "threshold",
]
