"""Named sets of images as tensors with fixed splits, and named tables.

    from dgm_core import data
    images = data.load("mnist", "test")   # Images(x (10000, 1, 28, 28) in [0, 1], y, classes)

`load` looks in `$DGM_DATA` (default: a folder in the user's cache), else downloads and prepares
the set there, else says what can be done. `digits` ships with scikit-learn and is always there.

    frame = data.load_table("concrete")   # a pandas DataFrame, the target in the last column

Files of one's own are read by `dgm_core.data.reading` and written by `dgm_core.data.writing`.
"""

from dgm_core.data.celeba import face_attributes, faces, source_window
from dgm_core.data.download import fetch
from dgm_core.data.folder import DataUnavailable, DownloadError, data_folder, is_available
from dgm_core.data.pixels import pixels
from dgm_core.data.sets import NAMES, Images, binarize, load, threshold
from dgm_core.data.splits import SPLITS
from dgm_core.data.tables import TABLES, TableInfo, available_tables, load_table

__all__ = [
    "NAMES",
    "SPLITS",
    "TABLES",
    "DataUnavailable",
    "DownloadError",
    "Images",
    "TableInfo",
    "available_tables",
    "binarize",
    "data_folder",
    "face_attributes",
    "faces",
    "fetch",
    "is_available",
    "load",
    "load_table",
    "pixels",
    "source_window",
    "threshold",
]
