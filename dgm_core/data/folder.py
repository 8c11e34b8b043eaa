"""Folder and files of the prepared data sets, and the errors for a missing or broken set."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile
from platformdirs import user_cache_path

Fields = dict[str, np.ndarray]
"""Name → array: the content of a file."""

FILES: dict[str, tuple[str, ...]] = {
    "mnist": ("mnist.npz",),
    "binarized_mnist": ("binarized_mnist.npz",),
    "omniglot": ("omniglot28.npz",),
    "svhn": ("svhn.npz",),
    "svhn-grey": ("svhn.npz",),
    "celeba": (
        *(f"celeba/celeba64_train_{shard}.npz" for shard in range(3)),
        "celeba/celeba64_val.npz",
    ),
    "banknote": ("uci/banknote.csv",),
    "concrete": ("uci/concrete.csv",),
    "red-wine": ("uci/winequality-red.csv",),
    "white-wine": ("uci/winequality-white.csv",),
    "breast-original": ("uci/breast_cancer_wisconsin_original.csv",),
    "yeast": ("uci/yeast.csv",),
}
"""Files of each set, relative to the data folder; a set is available if all of them exist."""

# raised by NumPy, zipfile and Pillow for a file that is truncated, corrupt or of another kind
UNREADABLE = (
    OSError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
)


class PartCounts(NamedTuple):
    """How many images the files of a part hold, and how many the whole set has."""

    train: int  # training and validation images together
    train_in_whole: int
    test: int
    test_in_whole: int

    def fields(self, train_rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The fields of a file that store these numbers.

        Args:
            train_rows: rows of the training images in the whole set, if they are known.
        """
        fields: dict[str, np.ndarray] = {"part": np.array(self, np.int64)}
        if train_rows is not None:
            fields["train_rows"] = train_rows.astype(np.int32)
        return fields


class DataUnavailable(FileNotFoundError):
    """A data set is missing or broken; the message says what to do."""


class DownloadError(OSError):
    """A download or its preparation failed and nothing was kept; the message says what to do."""


def data_folder() -> Path:
    """`$DGM_DATA`, else a folder in the user's cache; it may not exist yet."""
    named = os.environ.get("DGM_DATA")
    return Path(named).expanduser() if named else user_cache_path("dgm-lab") / "data"


def files_of(name: str) -> tuple[Path, ...]:
    """Paths of the files of a set, existing or not; empty for a set that needs no file."""
    return tuple(data_folder() / file for file in FILES.get(name, ()))


def is_available(name: str) -> bool:
    """Whether all files of a set are on this machine."""
    return all(file.is_file() for file in files_of(name))


def part_counts(name: str) -> PartCounts | None:
    """How much of a set is on this machine if it is a part; None for a whole or missing set.

    Raises:
        DataUnavailable: the files are broken.
    """
    first = next(iter(files_of(name)), None)
    if first is None or first.suffix != ".npz" or not is_available(name):
        return None
    with opened(name, first) as arrays:
        return PartCounts(*arrays["part"].tolist()) if "part" in arrays else None


def has_all(name: str, split: str) -> bool:
    """Whether a set is on this machine with all images of a split."""
    if not is_available(name):
        return False
    counts = part_counts(name)
    if counts is None:
        return True
    return counts.test == counts.test_in_whole if split == "test" else False


def always_available(name: str) -> str:
    """A set of the same kind (table or images) that needs no file."""
    return "`iris`" if FILES[name][0].endswith(".csv") else "`digits`"


def missing(name: str) -> DataUnavailable:
    """The error for a missing set; its message says how to get the set."""
    return DataUnavailable(
        f"{name} is not in {data_folder()}. Either run `dgm data fetch {name}`, "
        f"or set DGM_DATA to a folder that contains {' and '.join(FILES[name])}, "
        f"or use {always_available(name)}, which needs no download."
    )


def unreadable(name: str, file: Path, error: Exception) -> DataUnavailable:
    """The error for a broken file of a set; its message says how to replace the file."""
    return DataUnavailable(
        f"{file} cannot be read as {name} ({error}). Delete it and run: dgm data fetch {name}"
    )


@contextmanager
def opened(name: str, file: Path) -> Iterator[NpzFile]:
    """The arrays of one file of a set, by name.

    Raises:
        DataUnavailable: the file cannot be read; any error in the block counts as such.
    """
    try:
        # Opened here, because NumPy does not close a file that it cannot read.
        with file.open("rb") as raw:
            if not zipfile.is_zipfile(raw):  # NumPy's own message is about pickles
                raise zipfile.BadZipFile("not a complete NumPy archive")
            with np.load(raw, allow_pickle=False) as arrays:
                yield arrays
    except UNREADABLE as error:
        raise unreadable(name, file, error) from error
