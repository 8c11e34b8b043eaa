"""Named image data sets as tensors with fixed splits, and named tables.

    >>> images = load("digits", "test")  # pixels in [0, 1]
    >>> images.x.shape, images.y.shape, images.classes[:3]
    (torch.Size([300, 1, 28, 28]), torch.Size([300]), ('0', '1', '2'))

`load` reads the set from `$DGM_DATA` (default: a folder in the user's cache). If it is not there,
`load` downloads and prepares it; an error says what to do if that fails.
`fetch` with `extent="part"` gets only what the pages show; `part_counts(name)` says how much that
is. `digits` comes with scikit-learn and is always available.

    >>> load_table("iris").shape  # a pandas DataFrame, the target in the last column
    (150, 5)

`dgm_core.data.reading` reads a user's own files, and `dgm_core.data.writing` writes tables.

`import dgm_core.data` loads nothing else. Each name below loads its module when it is first used,
so a process that reads a table does not load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgm_core.lazy import names_on_demand

if TYPE_CHECKING:
    from dgm_core.data.celeba import face_attributes, faces, source_window
    from dgm_core.data.download import fetch
    from dgm_core.data.folder import (
        DataUnavailable,
        DownloadError,
        PartCounts,
        data_folder,
        is_available,
        part_counts,
    )
    from dgm_core.data.image_bytes import pixels
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
    "PartCounts",
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
    "part_counts",
    "pixels",
    "source_window",
    "threshold",
]

__getattr__, __dir__ = names_on_demand(
    __name__,
    {
        "celeba": ("face_attributes", "faces", "source_window"),
        "download": ("fetch",),
        "folder": (
            *("DataUnavailable", "DownloadError", "PartCounts"),
            *("data_folder", "is_available", "part_counts"),
        ),
        "image_bytes": ("pixels",),
        "sets": ("NAMES", "Images", "binarize", "load", "threshold"),
        "splits": ("SPLITS",),
        "tables": ("TABLES", "TableInfo", "available_tables", "load_table"),
    },
)
