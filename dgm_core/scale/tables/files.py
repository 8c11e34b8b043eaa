"""Files at any address that fsspec knows, which appear whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import fsspec
from fsspec import AbstractFileSystem


def filesystem(url: str) -> tuple[AbstractFileSystem, str]:
    """Where an address is, and its path there."""
    return fsspec.core.url_to_fs(url)


@contextmanager
def written_whole(url: str) -> Iterator[IO[bytes]]:
    """A stream to a file beside `url`, moved onto it on success and removed on failure.

    On this machine, and on stores of objects, the move is atomic.
    """
    system, path = filesystem(url)
    folder, _, name = path.rpartition("/")
    if folder:
        system.makedirs(folder, exist_ok=True)
    part = f"{folder}/.{name}.{uuid.uuid4().hex}.part" if folder else f".{name}.part"
    try:
        with system.open(part, "wb") as stream:
            yield stream
        system.mv(part, path)
    except BaseException:
        if system.exists(part):
            system.rm(part)
        raise


def read(url: str) -> bytes | None:
    """What a file holds, None if it is not there."""
    system, path = filesystem(url)
    return system.cat_file(path) if system.exists(path) else None
