"""Lists that are written by hand: the tour, lessons, sources."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import NamedTuple, TypeVar

from ui.showcase import ASSETS

Entry = TypeVar("Entry", bound=NamedTuple)


@cache
def entries(file: str, kind: type[Entry]) -> tuple[Entry, ...]:
    """Those of a TOML file in `assets/`, in its order: its tables that are called as `kind` is.

    Raises:
        OSError: no such file.
        TypeError: an entry has a field too few or too many.
    """
    read = tomllib.loads((ASSETS / file).read_text(encoding="utf-8"))
    return tuple(kind(**fields) for fields in read[kind.__name__.lower()])
