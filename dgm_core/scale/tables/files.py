"""Files at any address that fsspec supports, written whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs


def filesystem(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of an address, and the path in it."""
    return url_to_fs(url)


@contextmanager
def written_whole(url: str) -> Iterator[IO[bytes]]:
    """A stream to a file beside `url`, which is renamed on success and removed on failure.

    The renaming is atomic on this machine and on object stores.
    """
    system, path = filesystem(url)
    folder, _, name = path.rpartition("/")
    if folder:
        system.makedirs(folder, exist_ok=True)
    part = f"{folder}/.{name}.{uuid.uuid4().hex}.part" if folder else f".{name}.part"
    try:
        with system.open(part, "wb") as stream:
            yield cast(IO[bytes], stream)
        system.mv(part, path)
    except BaseException:
        if system.exists(part):
            system.rm(part)
        raise


def read(url: str) -> bytes | None:
    """Content of a file; None if it does not exist."""
    system, path = filesystem(url)
    return cast(bytes, system.cat_file(path)) if system.exists(path) else None
