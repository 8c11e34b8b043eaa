"""The list of a page's keys, behind a button and behind `?`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "theme", "elements")

Keys = Mapping[str, Mapping[str, str]]
"""Where they work → the keys, separated by blanks → what they do."""


def shortcuts(key: str, keys: Keys) -> None:
    """A button that opens the list; so does `?` wherever nothing is typed in.

    Args:
        key: of the component.
        keys: in the order of the list.
    """
    groups = [
        {"where": where, "keys": [[names.split(), does] for names, does in own.items()]}
        for where, own in keys.items()
    ]
    _COMPONENT(key=key, data={"groups": groups})
