"""Tables in the folder of shipped files that are written by hand."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import NamedTuple, TypeVar

from dgm_core.checkout import ASSETS

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
