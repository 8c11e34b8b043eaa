"""Download, check and prepare image data sets and tables; a failure leaves no partial set.

Files are prepared in a temporary folder beside the target and renamed when all are complete. A
lock lets one process at a time fetch a set, so the next process can safely remove the leftovers of
a killed one. torchvision knows the official addresses and checksums of
MNIST, Omniglot, CelebA and SVHN; the statically binarised MNIST has no torchvision class, so its
*content* is checked against a SHA-256. Tables come from openml.org; see `table_download`.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import socket
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from dgm_core.data import parts
from dgm_core.data.celeba_download import shards
from dgm_core.data.folder import (
    FILES,
    DataUnavailable,
    DownloadError,
    Fields,
    always_available,
    data_folder,
    files_of,
    is_available,
    part_counts,
)
from dgm_core.data.omniglot import Drawings
from dgm_core.data.remote import Client, Progress
from dgm_core.data.table_download import ORIGINS, openml_table
from dgm_core.files import save_arrays

if TYPE_CHECKING:
    import pandas as pd

BINARIZED_MNIST_URL = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
BINARIZED_MNIST_SHA256 = {
    "train": "727146c35424b019f3e350e1e69faa05644a0abaf787e3f4e1a9632220a13906",
    "valid": "a256ac44ae26be720fad8616a05ed6ecfd1619930d9a208379bb2a4405df5b6d",
    "test": "9fcd8da6f0fdf09b2ba30fe63a0bb784042a0de82563172530229b983e294ff2",
}
"""SHA-256 of the packed bits (N, 98) of each split."""
SVHN_DIGITS = 10_000
"""The set is this many digits from the start of SVHN's official test set."""
SILENCE = 60.0
"""Timeout, in seconds, for a server that sends nothing."""

EXTENTS = ("whole", "part")
"""How much of a set is downloaded; see `fetch`."""


_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_FOLDER = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
_ONE_DOWNLOAD = threading.Lock()


def fetch(
    name: str,
    *,
    extent: str = "whole",
    attempts: int = 3,
    pause: float = 2.0,
    progress: Progress = lambda received: None,
) -> Path:
    """Download and prepare a data set in `data_folder()`; return its file, or the files' folder.

    An available set is kept, but a whole one replaces a part. After a network failure the download
    starts again from the beginning, with `attempts` attempts in all and `pause` seconds between
    them.

    Args:
        name: of the set.
        extent: "whole", or "part" for what the pages show of MNIST, Omniglot or CelebA; see
            `parts`.
        attempts: number of attempts.
        pause: seconds between two attempts.
        progress: gets the bytes received since the last call; for a part only.

    Raises:
        ValueError: there is no download of that name, or no part of it.
        DownloadError: no network, a corrupt file, no space or no permission; says what to do.
    """
    if name not in FILES:
        raise ValueError(f"nothing to download for {name!r}; there are {', '.join(FILES)}")
    if extent not in EXTENTS:
        raise ValueError(f"expected an extent among {', '.join(EXTENTS)}, got {extent!r}")
    if extent == "part" and name not in parts.PREPARE:
        raise ValueError(
            f"there is no part of {name!r} to download, only of {', '.join(parts.PREPARE)}"
        )
    first, *others = files_of(name)
    target = first.parent if others else first
    if _is_enough(name, extent):
        return target
    for attempt in range(1, attempts + 1):
        try:
            _prepare(name, extent, progress)
            return target
        except DownloadError:
            raise
        except Exception as error:
            if not _is_about_download(error):
                raise
            if attempt == attempts or not _worth_retrying(error):
                raise DownloadError(_advice(name, error, extent)) from error
            time.sleep(pause)
    raise AssertionError("unreachable")


def _is_enough(name: str, extent: str) -> bool:
    """Whether what is on this machine needs no download."""
    if not is_available(name):
        return False
    try:
        return extent == "part" or part_counts(name) is None
    except DataUnavailable:  # `load` says what to do with a broken file
        return True


def _prepare(name: str, extent: str, progress: Progress) -> None:
    folder, targets = data_folder(), files_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    with _ONE_DOWNLOAD, FileLock(folder / f".{name}.lock"):
        if _is_enough(name, extent):  # another process was faster
            return
        _remove_leftovers(name)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
            files = [Path(scratch) / file.name for file in targets]
            if extent == "part":
                contents = parts.PREPARE[name](Client(SILENCE, progress))
                _save_all(contents, files)
            else:
                with _impatient():
                    _save_all(_PREPARE[name](Path(scratch)), files)
            _put_in_place(files, targets)


def _save_all(contents: Iterator[Fields | pd.DataFrame], files: list[Path]) -> None:
    for file, content in zip(files, contents, strict=True):
        _save(content, file)


def _save(content: Fields | pd.DataFrame, part: Path) -> None:
    if isinstance(content, dict):
        save_arrays(part, content)
    else:
        content.to_csv(part, index=False, na_rep="?")


def _put_in_place(files: list[Path], targets: tuple[Path, ...]) -> None:
    for target in targets[1:]:  # files of two samples never mix
        target.unlink(missing_ok=True)
    for file, target in zip(files, targets, strict=True):
        target.parent.mkdir(exist_ok=True)
        file.replace(target)


def _remove_leftovers(name: str) -> None:
    """Remove the folders of killed processes; the caller has the lock, so none is in use."""
    for folder in data_folder().glob(f".{name}-*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _impatient() -> Iterator[None]:
    # torchvision sets no timeout for its connections and has no setting for one.
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)


def _is_about_download(error: Exception) -> bool:
    # torchvision reports a failed or corrupt download as RuntimeError. Unpacking a corrupt file
    # raises EOFError, ValueError or BadZipFile. The packages for downloads are an optional extra,
    # so they may be missing.
    kinds = (OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)
    return isinstance(error, (*kinds, http.client.HTTPException, ModuleNotFoundError))


def _worth_retrying(error: Exception) -> bool:
    if isinstance(error, ModuleNotFoundError):
        return False
    return not (isinstance(error, OSError) and error.errno in _NO_SPACE + _NO_FOLDER)


def _advice(name: str, error: Exception, extent: str) -> str:
    option = " --part" if extent == "part" else ""
    again, folder = f"dgm data fetch{option} {name}", data_folder()
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return (
            f"No space left in {folder} for {name}. Free some, or set DGM_DATA to a folder "
            f"on another disk, then run: {again}"
        )
    if isinstance(error, OSError) and error.errno in _NO_FOLDER:
        return f"{folder} cannot be written. Set DGM_DATA to another folder, then run: {again}"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{name} cannot be downloaded, because a package is missing ({error}). Install the "
            f"packages torchvision and gdown, then run: {again}. Or set DGM_DATA to a folder that "
            f"contains {' and '.join(FILES[name])}, or use {always_available(name)}, which needs "
            "no download."
        )
    return (
        f"{name} could not be downloaded or is corrupt ({error}). Nothing was kept. "
        f"Check the network and run: {again}. Or set DGM_DATA to a folder that contains "
        f"{' and '.join(FILES[name])}, or use {always_available(name)}, which needs no download."
    )


def _mnist(scratch: Path) -> Iterator[Fields]:
    from torchvision.datasets import MNIST

    fields = {}
    for part, is_train in (("train", True), ("test", False)):
        official = MNIST(str(scratch), train=is_train, download=True)
        fields[f"x_{part}"] = official.data.numpy()
        fields[f"y_{part}"] = official.targets.numpy().astype(np.uint8)
    yield fields


def _binarized_mnist(scratch: Path) -> Iterator[Fields]:
    from torchvision.datasets.utils import download_url

    fields = {}
    for part, expected in BINARIZED_MNIST_SHA256.items():
        name = f"binarized_mnist_{part}.amat"
        download_url(BINARIZED_MNIST_URL + name, str(scratch))
        digits = np.loadtxt(scratch / name, dtype=np.uint8, ndmin=2)
        packed = np.packbits(digits, axis=1)
        found = hashlib.sha256(packed.tobytes()).hexdigest()
        if found != expected:
            raise RuntimeError(
                f"{name} has the wrong checksum: {found[:12]}…, not {expected[:12]}…"
            )
        fields[part] = packed
    yield fields


def _omniglot(scratch: Path) -> Iterator[Fields]:
    from torchvision.datasets import Omniglot

    drawings = Drawings()
    for background in (True, False):
        official = Omniglot(str(scratch), background=background, download=True)
        # sorted, because torchvision lists files in the file system's order
        for drawing in sorted(Path(official.target_folder).glob("*/*/*.png")):
            character = drawing.parent
            drawer = int(drawing.stem.rpartition("_")[2])  # 0709_01.png is by drawer 1
            alphabet = character.parent.name
            drawings.add(drawing, alphabet, character.name, drawer, not background)
    yield drawings.fields()


def _svhn(scratch: Path) -> Iterator[Fields]:
    from torchvision.datasets import SVHN

    official = SVHN(str(scratch), split="test", download=True)
    yield {
        "x": official.data[:SVHN_DIGITS].transpose(0, 2, 3, 1),
        "y": official.labels[:SVHN_DIGITS].astype(np.uint8),
    }


_PREPARE: dict[str, Callable[[Path], Iterator[Fields | pd.DataFrame]]] = {
    "mnist": _mnist,
    "binarized_mnist": _binarized_mnist,
    "omniglot": _omniglot,
    "celeba": shards,
    "svhn": _svhn,
    "svhn-grey": _svhn,
    **{name: partial(openml_table, name) for name in ORIGINS},
}
"""Name → function that yields the content of each file of a set, in order."""
