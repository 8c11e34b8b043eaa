"""Where prepared data sets live, in which files, and what is said of a missing or broken one."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from platformdirs import user_cache_path

FILES: dict[str, tuple[str, ...]] = {
    "mnist": ("mnist.npz",),
    "binarized_mnist": ("binarized_mnist.npz",),
    "omniglot": ("omniglot28.npz",),
    "svhn": ("svhn.npz",),
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
"""The files of each set, relative to the data folder; all are there or the set is not."""

# what NumPy, zipfile and Pillow raise on a file that is cut, flipped or of another kind
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


class DataUnavailable(FileNotFoundError):
    """A data set is not on this machine; the message says what to do."""


class DownloadError(OSError):
    """A download or its preparation failed; nothing was kept, the message says what to do."""


def data_folder() -> Path:
    """`$DGM_DATA`, else a folder in the user's cache. It need not exist."""
    named = os.environ.get("DGM_DATA")
    return Path(named).expanduser() if named else user_cache_path("dgm-lab") / "data"


def files_of(name: str) -> tuple[Path, ...]:
    """Where the files of a set are or would be; none for a set that needs no file."""
    return tuple(data_folder() / file for file in FILES.get(name, ()))


def is_available(name: str) -> bool:
    """Is the set on this machine, with all of its files?"""
    return all(file.is_file() for file in files_of(name))


def always_available(name: str) -> str:
    """A set of the same kind that needs no file."""
    return "`iris`" if FILES[name][0].endswith(".csv") else "`digits`"


def missing(name: str) -> DataUnavailable:
    """The error that says how to get a set that is not here."""
    return DataUnavailable(
        f"{name} is not in {data_folder()}. Either run `python -m dgm_core data fetch {name}`, "
        f"or set DGM_DATA to a folder that holds {' and '.join(FILES[name])}, "
        f"or use {always_available(name)}, which is always there."
    )


def unreadable(name: str, file: Path, error: Exception) -> DataUnavailable:
    """The error that names the broken file of a set and says how to replace it."""
    return DataUnavailable(
        f"{file} cannot be read as {name} ({error}). "
        f"Delete it and run: python -m dgm_core data fetch {name}"
    )


@contextmanager
def opened(name: str, file: Path) -> Iterator[NpzFile]:
    """The arrays of one file of a set, by name.

    Raises:
        DataUnavailable: whatever goes wrong in the block is laid to the file, which is named.
    """
    try:
        # opened here, because NumPy does not close a file that it cannot read
        with file.open("rb") as raw:
            if not zipfile.is_zipfile(raw):  # NumPy would speak of pickles
                raise zipfile.BadZipFile("not a whole NumPy archive")
            with np.load(raw, allow_pickle=False) as arrays:
                yield arrays
    except UNREADABLE as error:
        raise unreadable(name, file, error) from error
