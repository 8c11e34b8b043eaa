"""The settings of a method, read from the fields of its dataclass; a page makes widgets of them.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Method:
...     draws: int = setting(16, "Draws", 1, 64, "Completions to show.")
>>> [(each.name, each.low, each.high) for each in settings_of(Method)]
[('draws', 1, 64)]
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MethodSetting:
    """One setting of a method."""

    name: str
    default: Any
    label: str
    low: float | None  # None: no range, as for booleans
    high: float | None
    help: str

    def allows(self, value: Any) -> bool:
        """Whether a value lies within the range."""
        return self.low is None or self.high is None or self.low <= value <= self.high


def setting(default: Any, label: str, low: float, high: float, about: str) -> Any:
    """A dataclass field with a default, a label, a range and a sentence that explains it."""
    return dataclasses.field(
        default=default, metadata={"label": label, "range": (low, high), "help": about}
    )


def switch(default: bool, label: str, about: str) -> Any:
    """A dataclass field that is on or off."""
    return dataclasses.field(default=default, metadata={"label": label, "help": about})


def settings_of(method: type) -> list[MethodSetting]:
    """The settings of a member of the catalogue, in the order of its fields."""
    found = []
    for field in dataclasses.fields(method):
        about = field.metadata
        if "label" in about:
            low, high = about.get("range", (None, None))
            label, help = about["label"], about.get("help", "")
            found.append(MethodSetting(field.name, field.default, label, low, high, help))
    return found


def check(method: object) -> None:
    """Check that all settings of a method are within their ranges.

    Raises:
        ValueError: a setting is out of its range; names it.
    """
    for each in settings_of(type(method)):
        value = getattr(method, each.name)
        if not each.allows(value):
            raise ValueError(f"expected {each.name} from {each.low} to {each.high}, got {value}")
