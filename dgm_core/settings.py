"""The settings of a method, read off its dataclass: what a page makes widgets of.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Method:
...     draws: int = knob(16, "Draws", 1, 64, "Completions to show.")
>>> [(each.name, each.low, each.high) for each in knobs(Method)]
[('draws', 1, 64)]
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Knob:
    """One setting of a method."""

    name: str
    default: Any
    label: str
    low: float | None  # None: no range, as for booleans
    high: float | None
    help: str


def knob(default: Any, label: str, low: float, high: float, about: str) -> Any:
    """A dataclass field with a default, a label, a range and a sentence about it."""
    return dataclasses.field(
        default=default, metadata={"label": label, "range": (low, high), "help": about}
    )


def switch(default: bool, label: str, about: str) -> Any:
    """A dataclass field that is on or off."""
    return dataclasses.field(default=default, metadata={"label": label, "help": about})


def knobs(method: type) -> list[Knob]:
    """The settings of a member of the catalogue, in their order."""
    found = []
    for each in dataclasses.fields(method):
        if "label" in each.metadata:
            low, high = each.metadata.get("range", (None, None))
            about = each.metadata.get("help", "")
            found.append(Knob(each.name, each.default, each.metadata["label"], low, high, about))
    return found


def check(method: object) -> None:
    """Are all knobs within their ranges?

    Raises:
        ValueError: one is not; names it.
    """
    for each in knobs(type(method)):
        value = getattr(method, each.name)
        if each.low is not None and not each.low <= value <= each.high:
            raise ValueError(f"expected {each.name} from {each.low} to {each.high}, got {value}")
