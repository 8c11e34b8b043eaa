"""Levels and column names as JSON: plain values unchanged, others as an object with one key.

>>> as_json(("a", 1)), from_json({"tuple": ["a", 1]})
({'tuple': ['a', 1]}, ('a', 1))
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd


def as_json(value: Hashable) -> Any:
    """A value that `json` can write; `from_json` turns it into an equal value again.

    Raises:
        ValueError: the type of the value is not supported.
    """
    if isinstance(value, np.bool_ | np.integer | np.floating | np.str_ | np.bytes_):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    for kind, (cls, write, _) in _KINDS.items():
        if isinstance(value, cls):
            return {kind: write(value)}
    raise ValueError(f"a value of type {type(value).__name__} cannot be saved: {value!r}")


def from_json(value: Any) -> Any:
    """The value that `as_json` wrote.

    Raises:
        ValueError: `as_json` does not write such a value.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((kind, content),) = value.items()
        if kind in _KINDS:
            return _KINDS[kind][2](content)
    raise ValueError(f"expected a plain value or one of {[*_KINDS]}, got {value!r}")


def _interval(content: list[Any]) -> pd.Interval:
    left, right, closed = content
    ends: list[Any] = [from_json(left), from_json(right)]
    return pd.Interval(*ends, closed=closed)


_KINDS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Hashable]]] = {
    "tuple": (
        tuple,
        lambda value: [as_json(each) for each in value],
        lambda content: tuple(from_json(each) for each in content),
    ),
    "bytes": (bytes, lambda value: value.hex(), bytes.fromhex),
    "decimal": (Decimal, str, Decimal),
    "timestamp": (pd.Timestamp, lambda value: value.isoformat(), pd.Timestamp),
    "interval": (
        pd.Interval,
        lambda value: [as_json(value.left), as_json(value.right), value.closed],
        _interval,
    ),
}
"""Kind → type, writer, reader."""
