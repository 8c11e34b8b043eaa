"""The folder of shipped files, and the tables in it that are written by hand."""

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
    """The entries of a TOML file in `assets/`: its tables with the name of `kind`, in order.

    Raises:
        OSError: there is no such file.
        TypeError: an entry has a field too few or too many.
    """
    read = tomllib.loads((ASSETS / file).read_text(encoding="utf-8"))
    return tuple(kind(**fields) for fields in read[kind.__name__.lower()])
