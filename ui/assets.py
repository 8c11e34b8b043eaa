"""The folder of shipped files, and the lists in it that are written by hand."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

ASSETS = Path(__file__).parents[1] / "assets"
PRETRAINED = ASSETS.parent / "pretrained"

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
